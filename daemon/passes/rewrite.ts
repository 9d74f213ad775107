// The few changes to a graph that most passes are made of. All of them work in place, on a pass's own clone.

import { bodiesOf } from '../ir/graphIndex';
import type { Graph, Model, Node } from '../ir/model';
import type { Tensor } from '../ir/tensor';

/** Version of the standard operator set that the model imports; 0 when it imports none. */
export const standardOpset = (model: Model): number =>
  model.opsetImports.find(({ domain }) => domain === '' || domain === 'ai.onnx')?.version ?? 0;

/** True for an operator of the standard domain. */
export const isStandard = (node: Node): boolean => node.domain === '' || node.domain === 'ai.onnx';

/** True for an operator of the standard domain with one of these types. */
export const isOp = <OpType extends string>(
  node: Node | undefined,
  ...opTypes: readonly OpType[]
): node is Node & { opType: OpType } =>
  node !== undefined && isStandard(node) && opTypes.some((opType) => opType === node.opType);

/** Tensors that nobody can replace at run time: initializers that are not inputs as well. */
export function constantTensors(graph: Graph): Map<string, Tensor> {
  const inputs = new Set(graph.inputs.map((input) => input.name));
  return new Map(graph.initializers.filter(({ name }) => !inputs.has(name)).map((each) => [each.name, each]));
}

/**
 * Makes every reader of a value read another one, in nodes and in the bodies that capture it. Chains
 * (a → b, b → c) are followed. Graph outputs keep their names; only outputs of bodies, which go by position,
 * are renamed.
 */
export function replaceUses(nodes: readonly Node[], renames: ReadonlyMap<string, string>): void {
  if (renames.size === 0) return;
  const target = (name: string) => {
    let found = name;
    for (let next = renames.get(found); next !== undefined; next = renames.get(found)) found = next;
    return found;
  };
  for (const node of nodes) {
    node.inputs = node.inputs.map(target);
    for (const body of bodiesOf(node)) replaceInBody(body, renames, target);
  }
}

function replaceInBody(
  body: Graph,
  renames: ReadonlyMap<string, string>,
  target: (name: string) => string,
): void {
  const own = new Set<string>();
  for (const input of body.inputs) own.add(input.name);
  for (const tensor of body.initializers) own.add(tensor.name);
  for (const node of body.nodes) for (const output of node.outputs) own.add(output);
  const outer = new Map(
    [...renames.keys()].filter((name) => !own.has(name)).map((name) => [name, target(name)]),
  );
  replaceUses(body.nodes, outer);
  for (const output of body.outputs) output.name = outer.get(output.name) ?? output.name;
}

/** Takes nodes out of a graph. */
export function removeNodes(graph: Graph, gone: ReadonlySet<Node>): void {
  if (gone.size > 0) graph.nodes = graph.nodes.filter((node) => !gone.has(node));
}

/** The node's only consumer of `value`, when there is exactly one use and the value is no graph output. */
export function onlyConsumer(
  value: string,
  index: {
    readonly consumers: ReadonlyMap<string, readonly Node[]>;
    readonly graphOutputs: ReadonlySet<string>;
  },
): Node | undefined {
  const consumers = index.consumers.get(value);
  return consumers?.length === 1 && !index.graphOutputs.has(value) ? consumers[0] : undefined;
}
