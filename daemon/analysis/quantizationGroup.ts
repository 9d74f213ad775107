// How the inputs and outputs of one node are quantized: scale, zero point, axis and integer type, from the
// DequantizeLinear before it, the QuantizeLinear after it, or the parameters that it takes itself.

import { badRequest } from '../base/errors';
import { intAttribute } from '../ir/attributes';
import { dataTypeName } from '../ir/dataType';
import type { Model, Node } from '../ir/model';
import { elementCount, type Tensor } from '../ir/tensor';
import { graphAt } from './graphTable';
import { findVisibleTensor } from './nodeDetails';
import type { ScopedGraph } from './scopes/scopes';

/** Numbers of a scale or zero point: how many, their ends, and the first of them. */
export interface Parameters {
  count: number;
  least: number;
  largest: number;
  first: number[];
}

export interface QuantizedValue {
  /** Whether it is an input or an output of the node, and which. */
  side: 'input' | 'output';
  index: number;
  /** Name of the value as the node reads or makes it. */
  value: string;
  /** Integer type; empty where it is not known. */
  dtype: string;
  /** Null where it is computed, or too large to be read. */
  scale: Parameters | null;
  /** Null where there is none, which counts as 0, and where it is computed. */
  zeroPoint: Parameters | null;
  /** Axis that the scales run along, where there are several. */
  axis?: number;
  /** Elements along the axis that share a scale, where they do. */
  blockSize?: number;
  /** Row of the QuantizeLinear or DequantizeLinear; absent where the node takes the parameters itself. */
  row?: number;
}

const isStandard = ({ domain }: Node) => domain === '' || domain === 'ai.onnx' || domain === 'com.microsoft';
export const isQuantize = (node: Node) => node.opType === 'QuantizeLinear' && isStandard(node);
export const isDequantize = (node: Node) => node.opType === 'DequantizeLinear' && isStandard(node);

/** Inputs that hold scale and zero point of an input (or of output 0, written -1) of operators that take them. */
const takers: Readonly<Record<string, readonly (readonly [of: number, scale: number, zero: number])[]>> = {
  QLinearConv: [
    [0, 1, 2],
    [3, 4, 5],
    [-1, 6, 7],
  ],
  QLinearMatMul: [
    [0, 1, 2],
    [3, 4, 5],
    [-1, 6, 7],
  ],
  'com.microsoft.QLinearAdd': [
    [0, 1, 2],
    [3, 4, 5],
    [-1, 6, 7],
  ],
  'com.microsoft.QLinearMul': [
    [0, 1, 2],
    [3, 4, 5],
    [-1, 6, 7],
  ],
  'com.microsoft.QGemm': [
    [0, 1, 2],
    [3, 4, 5],
    [-1, 7, 8],
  ],
};

/** Parameters of more numbers are not read for a summary. */
const mostNumbers = 1 << 20;

/**
 * The quantized inputs and outputs of the node in a row, in order; of a QuantizeLinear or DequantizeLinear its own.
 * `read` gives the numbers of a tensor. Throws badRequest for a scope or row that is not there.
 */
export async function quantizationGroup(
  model: Model,
  scope: string | undefined,
  row: number,
  read: (tensor: Tensor) => Promise<ArrayLike<number>>,
): Promise<QuantizedValue[]> {
  const scoped = graphAt(model, scope);
  const { nodes } = scoped.graph;
  const node = nodes[row];
  if (!node) throw badRequest(`Row ${row} is no operator: the graph has ${nodes.length} of them.`);
  const numbers = async (name: string | undefined): Promise<Parameters | null> => {
    const tensor = name === undefined || name === '' ? undefined : findVisibleTensor(scoped, name);
    if (!tensor || elementCount(tensor.dims) > mostNumbers) return null;
    return parametersOf(await read(tensor).catch(() => []));
  };
  const linear = async (of: Node, side: 'input' | 'output', index: number, value: string, at?: number) => {
    const scale = await numbers(of.inputs[1]);
    const blockSize = intAttribute(of, 'block_size', 0);
    const several = (scale?.count ?? 1) > 1;
    return {
      side,
      index,
      value,
      dtype: integerType(scoped, of),
      scale,
      zeroPoint: await numbers(of.inputs[2]),
      ...(several ? { axis: intAttribute(of, 'axis', 1) } : {}),
      ...(blockSize > 0 ? { blockSize } : {}),
      ...(at === undefined ? {} : { row: at }),
    };
  };
  if (isQuantize(node)) return [await linear(node, 'output', 0, node.outputs[0] ?? '')];
  if (isDequantize(node)) return [await linear(node, 'input', 0, node.inputs[0] ?? '')];
  const found: QuantizedValue[] = [];
  const own =
    takers[`${node.domain === '' || node.domain === 'ai.onnx' ? '' : `${node.domain}.`}${node.opType}`];
  for (const [of, scale, zero] of own ?? []) {
    if (node.inputs[scale] === undefined || node.inputs[scale] === '') continue;
    const zeroTensor = findVisibleTensor(scoped, node.inputs[zero] ?? '');
    found.push({
      side: of < 0 ? 'output' : 'input',
      index: Math.max(0, of),
      value: (of < 0 ? node.outputs[0] : node.inputs[of]) ?? '',
      dtype: zeroTensor ? dataTypeName(zeroTensor.dataType) : '',
      scale: await numbers(node.inputs[scale]),
      zeroPoint: await numbers(node.inputs[zero]),
    });
  }
  // One pass for all inputs and outputs of this node: an index of the whole graph would hold more than is asked.
  const before = new Map<string, number>();
  const after = new Map<string, number>();
  const [reads, makes] = [new Set(node.inputs), new Set(node.outputs)];
  nodes.forEach((other, at) => {
    const output = other.outputs[0] ?? '';
    if (output !== '' && reads.has(output) && isDequantize(other)) before.set(output, at);
    const input = other.inputs[0] ?? '';
    if (input !== '' && makes.has(input) && isQuantize(other) && !after.has(input)) after.set(input, at);
  });
  for (const [index, value] of node.inputs.entries()) {
    const at = before.get(value);
    if (at !== undefined) found.push(await linear(nodes[at]!, 'input', index, value, at));
  }
  for (const [index, value] of node.outputs.entries()) {
    const at = after.get(value);
    if (at !== undefined) found.push(await linear(nodes[at]!, 'output', index, value, at));
  }
  return found;
}

/** The zero point has the integer type, else the tensor that is dequantized, else output_dtype says it. */
function integerType(scoped: ScopedGraph, node: Node): string {
  const tensor =
    findVisibleTensor(scoped, node.inputs[2] ?? '') ??
    (isDequantize(node) ? findVisibleTensor(scoped, node.inputs[0] ?? '') : undefined);
  if (tensor) return dataTypeName(tensor.dataType);
  if (!isQuantize(node)) return '';
  const stated = intAttribute(node, 'output_dtype', 0);
  return stated === 0 ? 'uint8' : dataTypeName(stated);
}

function parametersOf(values: ArrayLike<number>): Parameters | null {
  if (values.length === 0) return null;
  let [least, largest] = [Infinity, -Infinity];
  for (let i = 0; i < values.length; i += 1) {
    least = Math.min(least, values[i]!);
    largest = Math.max(largest, values[i]!);
  }
  // JSON carries no number that is not finite; a scale that is none is a finding of the check.
  if (!Number.isFinite(least) || !Number.isFinite(largest)) return null;
  return { count: values.length, least, largest, first: Array.from(values).slice(0, 8) };
}
