// The graph that gram.ts runs: a copy of the model with XᵀX, the sum and the number of rows of layer inputs as its
// outputs. Conv inputs become rows by a depthwise Conv with one-hot kernels, which is an exact im2col.

import { badRequest, unsupported } from '../../base/errors';
import { intAttribute, stringAttribute } from '../../ir/attributes';
import { floatTensor, int64Tensor, node as makeNode, valueInfo, type AttributeValue } from '../../ir/builder';
import { DataType } from '../../ir/dataType';
import type { Attribute, Model, Node } from '../../ir/model';
import { elementCount, type Tensor } from '../../ir/tensor';
import { Names } from '../../passes/names';
import { nameOf } from '../../passes/quantize/outcome';
import { constantTensors, isOp, standardOpset } from '../../passes/rewrite';

/** One Gram matrix to collect. */
export interface GramPlan {
  /** Names of the nodes that share it. */
  readonly nodes: string[];
  readonly k: number;
  readonly groups: number;
  /** The node whose input is measured. */
  readonly node: Node;
  /** Kernel of a Conv, empty for the others. */
  readonly kernel: readonly number[];
}

export interface GramOutputs {
  readonly gram: string;
  readonly sum: string;
  readonly rows: string;
}

const oldest = 10;

/** What to measure for the named nodes; nodes that read the same tensor in the same way are one plan. */
export function planGrams(model: Model, names: readonly string[]): GramPlan[] {
  const opset = standardOpset(model);
  if (opset < oldest) {
    throw unsupported(
      `Measuring what layers read needs operator set ${oldest} or newer, and this model uses ${opset}. Export it again with opset 13 or newer.`,
    );
  }
  const constants = constantTensors(model.graph);
  const byName = new Map(model.graph.nodes.map((each) => [nameOf(each), each]));
  const plans = new Map<string, GramPlan>();
  for (const name of new Set(names)) {
    const found = byName.get(name);
    if (!found) throw new Error(`The graph has no node "${name}".`);
    const plan = planOf(found, constants.get(found.inputs[1] ?? ''), name);
    const key = keyOf(found, plan);
    const known = plans.get(key);
    if (known) known.nodes.push(name);
    else plans.set(key, plan);
  }
  return [...plans.values()];
}

function planOf(node: Node, weight: Tensor | undefined, name: string): GramPlan {
  const where = `node "${name}" (${node.opType})`;
  if (!isOp(node, 'Conv', 'Gemm', 'MatMul'))
    throw badRequest(`Inputs of ${where} cannot be measured: only Conv, Gemm and MatMul can.`);
  if (!weight) throw badRequest(`Inputs of ${where} cannot be measured: its weight is not a constant.`);
  const { dims } = weight;
  const rest = { nodes: [name], node };
  if (isOp(node, 'Conv')) {
    const kernel = dims.slice(2);
    return { ...rest, k: elementCount(dims.slice(1)), groups: intAttribute(node, 'group', 1), kernel };
  }
  if (dims.length !== 2)
    throw badRequest(`Inputs of ${where} cannot be measured: its weight is not a matrix.`);
  const transposed = isOp(node, 'Gemm') && intAttribute(node, 'transB', 0) !== 0;
  return { ...rest, k: dims[transposed ? 1 : 0]!, groups: 1, kernel: [] };
}

const places = new Set(['strides', 'pads', 'dilations', 'auto_pad']);
const placement = (node: Node): Attribute[] => node.attributes.filter(({ name }) => places.has(name));

function keyOf(node: Node, { k, groups, kernel }: GramPlan): string {
  const attributes = placement(node).map((each) =>
    each.type === 'INTS'
      ? [each.name, ...each.value.map(Number)]
      : [each.name, stringAttribute(node, each.name, '')],
  );
  const turned = isOp(node, 'Gemm') && intAttribute(node, 'transA', 0) !== 0;
  return JSON.stringify([
    node.inputs[0],
    kernel.length > 0,
    turned,
    k,
    groups,
    kernel,
    attributes.sort((a, b) => (a[0]! < b[0]! ? -1 : 1)),
  ]);
}

/**
 * The model with the sums as its only outputs, in the order of the plans. With `stepped`, `steps` names one more
 * int64 input per plan: every how many rows one is taken.
 */
export function gramGraph(
  model: Model,
  plans: readonly GramPlan[],
  stepped: boolean,
): { measured: Model; outputs: GramOutputs[]; steps: string[] } {
  const names = new Names(model);
  const nodes = [...model.graph.nodes];
  const initializers = [...model.graph.initializers];
  const opset = standardOpset(model);
  const add = (
    opType: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
    more: readonly Attribute[] = [],
  ): string => {
    const name = names.fresh('slipway_gram');
    const made = makeNode(opType, inputs, [name], { name, attributes });
    made.attributes.push(...more);
    nodes.push(made);
    return name;
  };
  const constant = (make: (name: string) => Tensor): string => {
    const name = names.fresh('slipway_gram_constant');
    initializers.push(make(name));
    return name;
  };
  const ints = (...values: number[]) => constant((name) => int64Tensor(name, [values.length], values));

  /** Rows as (groups, k, rows). */
  const columns = ({ node, k, groups, kernel }: GramPlan): string => {
    const input = add('Cast', [node.inputs[0]!], { to: BigInt(DataType.FLOAT) });
    if (kernel.length === 0) {
      if (isOp(node, 'Gemm') && intAttribute(node, 'transA', 0) !== 0)
        return add('Reshape', [input, ints(1, k, -1)]);
      const rows = add('Reshape', [input, ints(1, -1, k)]);
      return add('Transpose', [rows], { perm: [0n, 2n, 1n] });
    }
    const size = elementCount(kernel);
    const channels = (groups * k) / size;
    const oneHot = new Float32Array(channels * size * size);
    for (let row = 0; row < channels * size; row += 1) oneHot[row * size + (row % size)] = 1;
    const weight = constant((name) => floatTensor(name, [channels * size, 1, ...kernel], oneHot));
    const patches = add('Conv', [input, weight], { group: BigInt(channels) }, placement(node));
    const flat = add('Reshape', [patches, ints(0, groups, k, -1)]);
    const turned = add('Transpose', [flat], { perm: [1n, 2n, 0n, 3n] });
    return add('Reshape', [turned, ints(groups, k, -1)]);
  };

  const outputs: GramOutputs[] = [];
  const steps: string[] = [];
  for (const plan of plans) {
    let x = columns(plan);
    if (stepped) {
      const step = names.fresh('slipway_gram_step');
      steps.push(step);
      x = add('Slice', [x, ints(0), ints(2 ** 40), ints(2), step]);
    }
    const sum =
      opset >= 13
        ? add('ReduceSum', [x, ints(2)], { keepdims: 0n })
        : add('ReduceSum', [x], { axes: [2n], keepdims: 0n });
    const size = add('Shape', [x]);
    const rows = add('Gather', [size, constant((name) => int64Tensor(name, [], [2]))]);
    const gram = add('MatMul', [x, add('Transpose', [x], { perm: [0n, 2n, 1n] })]);
    outputs.push({ gram, sum, rows });
  }
  const { graph } = model;
  const measured: Model = {
    ...model,
    graph: {
      ...graph,
      nodes,
      initializers,
      inputs: [...graph.inputs, ...steps.map((name) => valueInfo(name, DataType.INT64, [1]))],
      outputs: outputs.flatMap(({ gram, sum, rows }) => [
        valueInfo(gram, DataType.FLOAT, [undefined, undefined, undefined]),
        valueInfo(sum, DataType.FLOAT, [undefined, undefined]),
        valueInfo(rows, DataType.INT64, []),
      ]),
    },
  };
  return { measured, outputs, steps };
}
