// Writes new nodes and constants into a pass's own clone and puts the nodes where they belong: right after
// the node that makes their input, right before the one that reads them, or at the start.

import { node as makeNode, type AttributeValue } from '../../ir/builder';
import type { Graph, Model, Node } from '../../ir/model';
import type { Tensor } from '../../ir/tensor';
import { Names } from '../names';

export class Emitter {
  private readonly graph: Graph;
  private readonly names: Names;
  private readonly start: Node[] = [];
  private readonly before = new Map<Node, Node[]>();
  private readonly after = new Map<Node, Node[]>();

  constructor(model: Model) {
    this.graph = model.graph;
    this.names = new Names(model);
  }

  fresh(base: string): string {
    return this.names.fresh(base);
  }

  /** Adds a constant under a free name made from `base`, and returns the name. */
  constant(base: string, make: (name: string) => Tensor): string {
    const name = this.names.fresh(base);
    this.graph.initializers.push(make(name));
    return name;
  }

  /** A node with one output; the node's and the output's names are made from `base`. */
  node(
    opType: string,
    inputs: readonly string[],
    base: { readonly node: string; readonly output: string },
    attributes: Readonly<Record<string, AttributeValue>> = {},
  ): Node {
    const name = this.names.fresh(base.node);
    return makeNode(opType, inputs, [base.output], { name, attributes });
  }

  atStart(...nodes: readonly Node[]): void {
    this.start.push(...nodes);
  }

  putBefore(anchor: Node, ...nodes: readonly Node[]): void {
    this.before.set(anchor, [...(this.before.get(anchor) ?? []), ...nodes]);
  }

  putAfter(anchor: Node, ...nodes: readonly Node[]): void {
    this.after.set(anchor, [...(this.after.get(anchor) ?? []), ...nodes]);
  }

  /** The node that was last put after `anchor`. */
  last(anchor: Node): Node {
    const node = this.after.get(anchor)?.at(-1);
    if (!node) throw new Error(`Nothing was put after ${anchor.name}.`);
    return node;
  }

  /** Puts everything into the graph; `replaced` nodes are left out, what was put around them stays. */
  finish(replaced: ReadonlySet<Node> = new Set()): void {
    this.graph.nodes = [
      ...this.start,
      ...this.graph.nodes.flatMap((node) => [
        ...(this.before.get(node) ?? []),
        ...(replaced.has(node) ? [] : [node]),
        ...(this.after.get(node) ?? []),
      ]),
    ];
  }
}
