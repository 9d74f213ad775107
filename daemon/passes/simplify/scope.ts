// One graph of a model as a rewrite sees it: who makes and who reads each value, what is constant, what is known
// of types and small numbers, with the graphs around it. Changes keep all of that current. Main graph and bodies
// of If, Loop and Scan are scopes; bodies of model-local functions are not, because their attributes may be
// references that only a call resolves.

import {
  inferShapes,
  typeIn,
  valuesIn,
  type Dims,
  type InferredGraph,
  type InferredType,
} from '../../analysis/shapes';
import { smallValues, tensorsToRead } from '../../analysis/smallTensors';
import { breathe, type Task } from '../../base/task';
import { node as makeNode } from '../../ir/builder';
import { cloneModel } from '../../ir/clone';
import { bodiesOf, capturedValues } from '../../ir/graphIndex';
import type { Graph, Model, Node } from '../../ir/model';
import type { Tensor } from '../../ir/tensor';
import { Names } from '../names';
import type { Pass } from '../pass';
import { isOp, replaceUses, standardOpset } from '../rewrite';
import type { TensorReader } from '../tensorReader';

export class Scope {
  private readonly producers = new Map<string, Node>();
  private readonly consumers = new Map<string, Node[]>();
  private readonly constants = new Map<string, Tensor>();
  private readonly own = new Set<string>();
  private readonly stead = new Map<Node, readonly Node[]>();
  private readonly gone = new Set<Tensor>();
  private readonly outputNames: ReadonlySet<string>;
  /** Rewrites made so far. */
  changes = 0;
  /** Whether anything was done to the graph, counted as a rewrite or not. */
  touched = false;

  constructor(
    readonly graph: Graph,
    readonly outer: Scope | undefined,
    private readonly inferred: InferredGraph | undefined,
    private readonly known: ReadonlyMap<Tensor, readonly number[]>,
    readonly names: Names,
    readonly opset: number,
  ) {
    this.outputNames = new Set(graph.outputs.map(({ name }) => name));
    for (const { name } of graph.inputs) this.own.add(name);
    for (const tensor of graph.initializers) {
      if (!this.own.has(tensor.name)) this.constants.set(tensor.name, tensor);
      this.own.add(tensor.name);
    }
    for (const { values } of graph.sparseInitializers) this.own.add(values.name);
    for (const node of graph.nodes) this.index(node);
  }

  private index(node: Node): void {
    for (const output of node.outputs) {
      if (output === '') continue;
      this.producers.set(output, node);
      this.own.add(output);
    }
    for (const value of readsOf(node)) {
      const list = this.consumers.get(value);
      if (list) list.push(node);
      else this.consumers.set(value, [node]);
    }
  }

  private forget(node: Node): void {
    this.touched = true;
    for (const output of node.outputs) if (this.producers.get(output) === node) this.producers.delete(output);
    for (const value of readsOf(node)) {
      const list = this.consumers.get(value);
      const at = list?.indexOf(node) ?? -1;
      if (at >= 0) list!.splice(at, 1);
    }
  }

  /** The nodes as they stood at the call; those that a rewrite has taken away meanwhile are skipped. */
  *nodes(): Generator<Node, void, undefined> {
    for (const node of [...this.graph.nodes]) if (!this.stead.has(node)) yield node;
  }

  producer(value: string | undefined): Node | undefined {
    return this.producers.get(value ?? '');
  }

  /** Nodes of this graph that read a value, once per use; a node whose body captures it counts. */
  readers(value: string | undefined): readonly Node[] {
    return this.consumers.get(value ?? '') ?? [];
  }

  isOutput(value: string | undefined): boolean {
    return this.outputNames.has(value ?? '');
  }

  /** True for a value that nothing reads. */
  isUnused(value: string | undefined): boolean {
    return value === undefined || value === '' || (this.readers(value).length === 0 && !this.isOutput(value));
  }

  /** The only reader of a value as one of its own inputs, when there is one use and the value is no output. */
  onlyReader(value: string | undefined): Node | undefined {
    const readers = this.readers(value);
    const [reader] = readers;
    if (readers.length !== 1 || this.isOutput(value) || !reader?.inputs.includes(value ?? ''))
      return undefined;
    return reader;
  }

  /** A tensor that nobody can replace at run time, of this graph or one around it. */
  constant(value: string | undefined): Tensor | undefined {
    if (value === undefined || value === '') return undefined;
    const mine = this.constants.get(value);
    return mine ?? (this.own.has(value) ? undefined : this.outer?.constant(value));
  }

  /** The graph whose constant a name stands for here. */
  ownerOf(value: string): Scope | undefined {
    return this.constants.has(value) ? this : this.own.has(value) ? undefined : this.outer?.ownerOf(value);
  }

  /** What was known of the value's type when the pass began. */
  type(value: string | undefined): InferredType | undefined {
    if (!this.inferred || value === undefined || value === '') return undefined;
    return typeIn(this.inferred, value);
  }

  dims(value: string | undefined): Dims | undefined {
    return this.constant(value)?.dims ?? this.type(value)?.dims ?? undefined;
  }

  /** Dimensions when every one of them is a number. */
  fixedDims(value: string | undefined): readonly number[] | undefined {
    const dims = this.dims(value);
    return dims?.every((dim): dim is number => typeof dim === 'number') ? dims : undefined;
  }

  rank(value: string | undefined): number | undefined {
    return this.dims(value)?.length;
  }

  /** Element type as ONNX Runtime prints it; undefined when unknown. */
  elementType(value: string | undefined): string | undefined {
    const dtype = this.type(value)?.dtype;
    return dtype === 'undefined' ? undefined : dtype;
  }

  /** Elements of a small tensor that shape inference followed: numbers, symbolic expressions, unknown. */
  values(value: string | undefined): Dims | undefined {
    if (!this.inferred || value === undefined || value === '') return undefined;
    return valuesIn(this.inferred, value);
  }

  /** Numbers of a small constant. */
  numbers(value: string | undefined): readonly number[] | undefined {
    const tensor = this.constant(value);
    return tensor && (smallValues(tensor) ?? this.known.get(tensor));
  }

  /** The one number of a constant of one element, whatever its rank. */
  scalar(value: string | undefined): number | undefined {
    const numbers = this.numbers(value);
    return numbers?.length === 1 ? numbers[0] : undefined;
  }

  /** Adds a constant under a name that nothing has; returns the name. */
  addConstant(base: string, make: (name: string) => Tensor): string {
    const name = this.names.fresh(base);
    this.adopt(make(name));
    return name;
  }

  /** Puts nodes where `node` stood (none: takes it away). They may write the names that it wrote. */
  replace(node: Node, made: readonly Node[] = []): void {
    this.forget(node);
    this.stead.set(node, made);
    for (const each of made) this.index(each);
    this.changes += 1;
  }

  /** Takes nodes away that a rewrite has made superfluous, without counting them as changes of their own. */
  drop(...nodes: readonly Node[]): void {
    for (const node of nodes) {
      if (this.stead.has(node)) continue;
      this.forget(node);
      this.stead.set(node, []);
    }
  }

  /** Changes a node's own fields. */
  update(node: Node, fields: Partial<Node>): void {
    this.forget(node);
    Object.assign(node, fields);
    this.index(node);
    this.changes += 1;
  }

  /** A constant takes the place of a node's output (under the same name). The node must have no other used output. */
  becomeConstant(node: Node, tensor: Tensor): void {
    this.replace(node);
    this.adopt(tensor);
  }

  /** Takes a constant in under the name that it has, which a node of this graph has just given up. */
  adopt(tensor: Tensor): void {
    this.touched = true;
    this.graph.initializers.push(tensor);
    this.constants.set(tensor.name, tensor);
    this.own.add(tensor.name);
  }

  /**
   * A constant in the place of another: under the same name when only one node of this graph reads that, else
   * under a new one. Returns the name.
   */
  changedConstant(old: Tensor, make: (name: string) => Tensor): string {
    const mine = this.constants.get(old.name) === old;
    if (!mine || this.readers(old.name).length !== 1 || this.isOutput(old.name))
      return this.addConstant(old.name, make);
    const tensor = make(old.name);
    this.touched = true;
    this.graph.initializers[this.graph.initializers.indexOf(old)] = tensor;
    this.constants.set(old.name, tensor);
    return old.name;
  }

  /** Takes a constant of this graph away; nothing may read it any more. */
  removeConstant(tensor: Tensor): void {
    this.touched = true;
    this.constants.delete(tensor.name);
    this.gone.add(tensor);
    this.changes += 1;
  }

  /**
   * Makes every reader of `from` read `to`. False, and nothing done, when `from` is an output of the graph or a
   * body that reads it has something of its own called `to`.
   */
  redirect(from: string, to: string): boolean {
    if (this.isOutput(from)) return false;
    const readers = [...new Set(this.readers(from))];
    if (readers.some((reader) => bodiesOf(reader).some((body) => defines(body, to) || gives(body, from))))
      return false;
    for (const reader of readers) this.forget(reader);
    replaceUses(readers, new Map([[from, to]]));
    for (const reader of readers) this.index(reader);
    return true;
  }

  /**
   * Takes a node away that gives `value` back as its first output. Where the output's name must stay, the node
   * becomes an Identity, which removeIdentity can take away by renaming. False when there was nothing to do.
   */
  bypass(node: Node, value: string): boolean {
    const [output = ''] = node.outputs;
    if (this.redirect(output, value)) {
      this.replace(node);
      return true;
    }
    if (isOp(node, 'Identity')) return false;
    this.replace(node, [makeNode('Identity', [value], [output], { name: node.name })]);
    return true;
  }

  /** Writes the changes into the graph; the scope must not be used afterwards. */
  finish(): void {
    if (this.gone.size > 0)
      this.graph.initializers = this.graph.initializers.filter((each) => !this.gone.has(each));
    if (this.stead.size === 0) return;
    const expand = (node: Node): readonly Node[] => this.stead.get(node)?.flatMap(expand) ?? [node];
    this.graph.nodes = this.graph.nodes.flatMap(expand);
  }
}

const readsOf = (node: Node): string[] => [
  ...node.inputs.filter((name) => name !== ''),
  ...bodiesOf(node).flatMap((body) => [...capturedValues(body)]),
];

function defines(graph: Graph, name: string): boolean {
  return (
    graph.inputs.some((each) => each.name === name) ||
    graph.initializers.some((each) => each.name === name) ||
    graph.nodes.some(
      (node) => node.outputs.includes(name) || bodiesOf(node).some((body) => defines(body, name)),
    )
  );
}

/** A body may not give a value of the graph around it as its own output, so such a body is left as it is. */
const gives = (graph: Graph, name: string): boolean =>
  graph.outputs.some((each) => each.name === name) ||
  graph.nodes.some((node) => bodiesOf(node).some((body) => gives(body, name)));

/** A rewrite: looks at one scope and changes it. */
export type Rewrite = (scope: Scope, task: Task) => Promise<void> | void;

const holdsAny = (graph: Graph, opTypes: ReadonlySet<string>): boolean =>
  graph.nodes.some(
    (node) => opTypes.has(node.opType) || bodiesOf(node).some((body) => holdsAny(body, opTypes)),
  );

/** A model opened for a rewrite: a copy of it, with one scope for each of its graphs, bodies last. */
interface Opened {
  readonly copy: Model;
  readonly scopes: readonly Scope[];
}

/**
 * Copies that the last rewrite opened and did not touch, by the model that they are copies of: the next one may
 * have them, which spares copying and inferring the same again for every rewrite that finds nothing to do.
 */
const untouched = new WeakMap<Model, Opened>();

async function open(model: Model, read: TensorReader): Promise<Opened> {
  const copy = cloneModel(model);
  const known = new Map<Tensor, readonly number[]>();
  for (const tensor of tensorsToRead(copy)) {
    const data = await read(tensor);
    const values = smallValues({ ...tensor, storage: { kind: 'raw', bytes: { in: 'memory', data } } });
    if (values) known.set(tensor, values);
  }
  const inferred = inferShapes(copy, { constants: (tensor) => known.get(tensor) });
  const names = new Names(copy);
  const opset = standardOpset(copy);
  const scopes: Scope[] = [];
  const add = (graph: Graph, outer: Scope | undefined, info: InferredGraph | undefined) => {
    const scope = new Scope(graph, outer, info, known, names, opset);
    scopes.push(scope);
    for (const node of graph.nodes) {
      for (const body of bodiesOf(node)) {
        const inside = info?.bodies.get(node)?.find((each) => each.nodes === body.nodes);
        add(body, scope, inside);
      }
    }
  };
  add(copy.graph, undefined, inferred);
  return { copy, scopes };
}

/**
 * A pass from a rewrite, run over the bodies first and then over the graph around them. A model without any of
 * `opTypes` (when given) is not looked at any further.
 */
export const scopePass = (
  name: string,
  read: TensorReader,
  rewrite: Rewrite,
  opTypes?: readonly string[],
): Pass => ({
  name,
  async run(model, task) {
    if (opTypes && !holdsAny(model.graph, new Set(opTypes))) return { model, modified: false };
    const opened = untouched.get(model) ?? (await open(model, read));
    // A rewrite that throws half-way has spoilt it.
    untouched.delete(model);
    const { copy, scopes } = opened;
    let changes = 0;
    for (const scope of [...scopes].reverse()) {
      await breathe(task);
      await rewrite(scope, task);
      scope.finish();
      changes += scope.changes;
    }
    if (!scopes.some(({ touched }) => touched)) untouched.set(model, opened);
    if (changes === 0) return { model, modified: false };
    // Before version 4 every initializer had to be an input as well.
    copy.irVersion = Math.max(copy.irVersion, 4);
    return { model: copy, modified: true };
  },
});
