// What comes after the last convolution: a global pool over a single pixel does nothing and goes, and a Flatten of
// single pixels gets a Transpose before it that changes no byte. ONNX Runtime runs integer convolutions with channels
// last; without this Transpose it puts one of its own there, and with it the two cancel.

import type { Dims } from '../../analysis/shapes';
import { intAttribute } from '../../ir/attributes';
import { node as makeNode } from '../../ir/builder';
import { cloneModel } from '../../ir/clone';
import { indexGraph } from '../../ir/graphIndex';
import type { Model, Node } from '../../ir/model';
import type { Tensor } from '../../ir/tensor';
import { inferTypes } from '../facts';
import { Names } from '../names';
import type { Pass } from '../pass';
import { constantTensors, isOp, removeNodes, replaceUses } from '../rewrite';
import type { TensorReader } from '../tensorReader';

/** Rewrites the way from single pixels to a classifier; outputs stay the same. */
export const singlePixels = (read: TensorReader): Pass => ({
  name: 'single pixels',
  async run(model) {
    if (!model.graph.nodes.some((each) => isOp(each, 'Conv'))) return { model, modified: false };
    const { types } = await inferTypes(model, read);
    const dimsOf = (value: string) => types.get(value)?.dims ?? undefined;
    const copy = cloneModel(model);
    const dropped = dropPools(copy, dimsOf);
    const turned = turnFlattens(copy, dimsOf);
    return dropped || turned ? { model: copy, modified: true } : { model, modified: false };
  },
});

type DimsOf = (value: string) => Dims | undefined;

const isPixel = (dims: Dims | undefined) =>
  dims !== undefined && dims.length >= 3 && dims.slice(2).every((dim) => dim === 1);

function dropPools({ graph }: Model, dimsOf: DimsOf): boolean {
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const idle = graph.nodes.filter(
    (each) =>
      isOp(each, 'GlobalAveragePool', 'GlobalMaxPool') &&
      isPixel(dimsOf(each.inputs[0] ?? '')) &&
      !outputs.has(each.outputs[0] ?? ''),
  );
  removeNodes(graph, new Set(idle));
  replaceUses(graph.nodes, new Map(idle.map(({ inputs, outputs: [to = ''] }) => [to, inputs[0]!])));
  return idle.length > 0;
}

/** Number of dimensions that a Reshape to this constant shape gives. */
const rankOf = (shape: Tensor | undefined) => (shape?.dims.length === 1 ? shape.dims[0] : undefined);

function turnFlattens(model: Model, dimsOf: DimsOf): boolean {
  const { graph } = model;
  const constants = constantTensors(graph);
  const index = indexGraph(graph);
  const names = new Names(model);
  const flattens = (each: Node) =>
    (isOp(each, 'Flatten') && intAttribute(each, 'axis', 1) === 1) ||
    (isOp(each, 'Reshape') && rankOf(constants.get(each.inputs[1] ?? '')) === 2);
  const made = new Map<Node, Node>();
  for (const each of graph.nodes) {
    const [input = ''] = each.inputs;
    const dims = dimsOf(input);
    const readers = index.consumers.get(each.outputs[0] ?? '') ?? [];
    if (!flattens(each) || !dims || !isPixel(dims) || !index.producer.has(input)) continue;
    if (!readers.some((reader) => isOp(reader, 'Gemm', 'MatMul'))) continue;
    const perm = [0, ...dims.slice(2).map((_, i) => i + 2), 1].map(BigInt);
    const turned = names.fresh(`${input}_channels_last`);
    const name = names.fresh(`${turned}_Transpose`);
    made.set(each, makeNode('Transpose', [input], [turned], { name, attributes: { perm } }));
    each.inputs[0] = turned;
  }
  graph.nodes = graph.nodes.flatMap((each) => {
    const before = made.get(each);
    return before ? [before, each] : [each];
  });
  return made.size > 0;
}
