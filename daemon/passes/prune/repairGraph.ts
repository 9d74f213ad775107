// The graph that repair measures: a pruned model beside its original on the same inputs, cut down to what one layer
// needs, with the rows that the layer reads and the outputs that it should give side by side in one value. Its Gram
// matrix (daemon/runtime/calibrate/gram.ts) holds everything that least squares needs.

import { intAttribute } from '../../ir/attributes';
import { attribute, floatTensor, graph, int64Tensor, node as makeNode } from '../../ir/builder';
import { DataType } from '../../ir/dataType';
import { bodiesOf, indexGraph } from '../../ir/graphIndex';
import type { Model, Node } from '../../ir/model';
import { elementCount, type Tensor } from '../../ir/tensor';
import { constantTensors, isOp, onlyConsumer } from '../rewrite';
import type { Kept } from './channels/context';
import { rowsOf, type LayerRows } from './channels/layerRows';

/** A layer that can be refitted. */
export interface RepairLayer {
  /** Position of the node in the graph; the original and the pruned model have the same nodes. */
  readonly position: number;
  readonly weight: Tensor;
  readonly rows: LayerRows;
}

/** Name of the node whose input Gram matrix is wanted. */
export const repairNode = 'slipway_repair';

/** Layers with a matrix of their own that read something that pruning changed, in running order. */
export function layersToRepair(pruned: Model, kept: Kept, order: readonly number[]): RepairLayer[] {
  const { graph } = pruned;
  if (graph.nodes.some((node) => bodiesOf(node).length > 0)) return [];
  const constants = constantTensors(graph);
  const uses = usesOf(pruned);
  const changed = new Set<string>();
  const layers: RepairLayer[] = [];
  for (const position of order) {
    const node = graph.nodes[position]!;
    const reads = node.inputs.filter((name) => name !== '');
    const cutInput = reads.some((name) => changed.has(name));
    const cutOutput = node.outputs.some((name) => [0, 1, 2, 3].some((axis) => kept(name, axis)));
    if (cutInput || cutOutput) for (const name of node.outputs) changed.add(name);
    const weight = constants.get(node.inputs[1] ?? '');
    if (cutInput && changed.has(node.inputs[0]!)) layers.push(...repairable(position, node, weight, uses));
  }
  return layers;
}

/** All layers that can be fitted to data, by position: Conv of one group, Gemm and MatMul with weights of their own. */
export function fittableLayers(model: Model): Map<number, RepairLayer> {
  const { graph } = model;
  if (graph.nodes.some((node) => bodiesOf(node).length > 0)) return new Map();
  const constants = constantTensors(graph);
  const uses = usesOf(model);
  return new Map(
    graph.nodes
      .flatMap((node, position) => repairable(position, node, constants.get(node.inputs[1] ?? ''), uses))
      .map((layer) => [layer.position, layer]),
  );
}

function repairable(
  position: number,
  node: Node,
  weight: Tensor | undefined,
  uses: ReadonlyMap<string, number>,
): RepairLayer[] {
  if (!weight || !isOp(node, 'Conv', 'Gemm', 'MatMul')) return [];
  const rows = rowsOf(node, weight.dims);
  const plain = !isOp(node, 'Gemm') || isPlainGemm(node);
  if (weight.dataType !== DataType.FLOAT || uses.get(weight.name) !== 1 || !plain) return [];
  return rows?.groups === 1 ? [{ position, weight, rows }] : [];
}

function usesOf({ graph }: Model): Map<string, number> {
  const uses = new Map<string, number>();
  for (const { inputs } of graph.nodes) for (const name of inputs) uses.set(name, (uses.get(name) ?? 0) + 1);
  return uses;
}

const isPlainGemm = (node: Node) =>
  intAttribute(node, 'transA', 0) === 0 &&
  node.attributes.every(
    ({ name, ...rest }) => !/^(alpha|beta)$/.test(name) || ('value' in rest && rest.value === 1),
  );

/**
 * Both models in one: rows of [x', y] where x' is what the layer reads in the pruned model and y what it gave in the
 * original. A layer that is added to something else gets what is missing there as well, so that errors do not add up.
 */
export function repairGraph(original: Model, pruned: Model, layer: RepairLayer, kept: Kept): Model {
  const renamed = (name: string) => (name === '' ? '' : `original/${name}`);
  const inputs = new Set(original.graph.inputs.map(({ name }) => name));
  const aside = (name: string) => (inputs.has(name) ? name : renamed(name));
  const nodes: Node[] = [
    ...original.graph.nodes.map((each) => ({
      ...each,
      name: renamed(each.name),
      inputs: each.inputs.map(aside),
      outputs: each.outputs.map(renamed),
    })),
    ...pruned.graph.nodes,
  ];
  const initializers: Tensor[] = [
    ...original.graph.initializers.map((tensor) => ({ ...tensor, name: aside(tensor.name) })),
    ...pruned.graph.initializers,
  ];
  const add = (
    opType: string,
    from: readonly string[],
    name: string,
    attributes: Node['attributes'] = [],
  ) => {
    nodes.push({ ...makeNode(opType, from, [name], { name }), attributes });
    return name;
  };
  const own = pruned.graph.nodes[layer.position]!;
  const isConv = isOp(own, 'Conv');
  const output = own.outputs[0]!;
  const channelAxis = isConv || isOp(own, 'Gemm') ? 1 : -1;
  const sum = onlyConsumer(output, indexGraph(pruned.graph));
  const other = isOp(sum, 'Add') ? sum.inputs.find((name) => name !== output) : undefined;
  const constants = constantTensors(pruned.graph);
  const isResidual = other !== undefined && !constants.has(other);
  let target = renamed(isResidual ? sum!.outputs[0]! : output);
  const rank = isConv ? layer.weight.dims.length : 0;
  const stays = keptOutputs(layer, own, kept);
  if (stays) {
    initializers.push(int64Tensor('repair/kept', [stays.length], stays));
    target = add('Gather', [target, 'repair/kept'], 'repair/target', [
      attribute('axis', BigInt(channelAxis)),
    ]);
  }
  if (isResidual) target = add('Sub', [target, other], 'repair/residual');
  let rows = own.inputs[0]!;
  if (isConv)
    rows = add(
      'Conv',
      [rows, oneHot(layer.weight.dims, initializers)],
      'repair/rows',
      patchAttributes(own, layer),
    );
  const both = add('Concat', [rows, target], 'repair/both', [attribute('axis', BigInt(channelAxis))]);
  const width = layer.rows.k + layer.rows.outputs;
  const dims = isConv ? [1, width, ...Array.from({ length: rank - 2 }, () => 1)] : [width, 1];
  initializers.push(floatTensor('repair/dummy', dims, new Float32Array(width)));
  add(isConv ? 'Conv' : 'MatMul', [both, 'repair/dummy'], repairNode);
  return onlyNeeded({ ...pruned, functions: original.functions }, nodes, initializers, repairNode);
}

/** Outputs of the original's layer that the pruned one still has. */
function keptOutputs(layer: RepairLayer, own: Node, kept: Kept): readonly number[] | undefined {
  const axis = isOp(own, 'Conv') ? 0 : layer.rows.at(1, 0) === 1 ? 0 : 1;
  return kept(layer.weight.name, axis);
}

function patchAttributes(own: Node, { rows }: RepairLayer): Node['attributes'] {
  const placed = own.attributes.filter(({ name }) =>
    ['strides', 'pads', 'dilations', 'auto_pad'].includes(name),
  );
  return [...placed, attribute('group', BigInt(rows.channels))];
}

/** Kernels that pick one position of one channel each: an exact im2col. */
function oneHot([, channels = 1, ...kernel]: readonly number[], initializers: Tensor[]): string {
  const size = elementCount(kernel);
  const values = new Float32Array(channels * size * size);
  for (let row = 0; row < channels * size; row += 1) values[row * size + (row % size)] = 1;
  initializers.push(floatTensor('repair/onehot', [channels * size, 1, ...kernel], values));
  return 'repair/onehot';
}

/** The part of a graph that one value depends on. */
function onlyNeeded(
  base: Model,
  nodes: readonly Node[],
  initializers: readonly Tensor[],
  wanted: string,
): Model {
  const producer = new Map(nodes.flatMap((each) => each.outputs.map((name) => [name, each] as const)));
  const needed = new Set<Node>();
  const values = new Set<string>();
  const pending = [wanted];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (values.has(name)) continue;
    values.add(name);
    const node = producer.get(name);
    if (!node || needed.has(node)) continue;
    needed.add(node);
    pending.push(...node.inputs);
  }
  return {
    ...base,
    graph: graph({
      inputs: base.graph.inputs,
      nodes: nodes.filter((each) => needed.has(each)),
      initializers: initializers.filter(({ name }) => values.has(name)),
    }),
  };
}
