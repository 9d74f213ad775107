// What each operator is to static quantization, by what ONNX Runtime's CPU provider fuses between
// DequantizeLinear and QuantizeLinear. An operator without a role stays in float.

import { intAttribute, stringAttribute } from '../../ir/attributes';
import { DataType } from '../../ir/dataType';
import type { Graph, Node } from '../../ir/model';
import { elementCount, type Tensor } from '../../ir/tensor';
import type { Facts } from '../facts';
import { isStandard } from '../rewrite';
import { gateOf, type Gate } from './gates';
import type { Scheme } from './scheme';

/**
 * - `layer`: has a constant weight; the reason to quantize at all.
 * - `joint`: computes on integers too, with scales of its own for every input and output.
 * - `passThrough`: moves values without changing them; input and output share one scale.
 * - `clip`: Relu or Clip, which the QuantizeLinear after it makes superfluous.
 * - `gate`: HardSigmoid, which another scale and zero point make superfluous (gates.ts).
 */
export type Role = 'layer' | 'joint' | 'passThrough' | 'clip' | 'gate';

export interface Candidate {
  readonly node: Node;
  readonly role: Role;
  /** Float inputs that are not constant. */
  readonly data: readonly string[];
  /** Constant float inputs that are quantized like activations: the addend of an Add. */
  readonly constants: readonly string[];
  readonly outputs: readonly string[];
  /** Of a Conv: whether it must be followed by QuantizeLinear to run in integers. */
  readonly needsOutput: boolean;
  /** Of a layer: axis of the weight that output channels run along; undefined for one scale in all. */
  readonly axis?: number | undefined;
  /** Bounds of a clip. */
  readonly bounds?: { readonly min: number; readonly max: number };
  readonly depthwise?: boolean;
  /** Of a gate: what it is on the axis of its input. */
  readonly gate?: Gate;
}

export interface OperatorContext {
  /** What the nodes are in, to tell inputs of the model from values between. */
  readonly graph: Graph;
  readonly constants: ReadonlyMap<string, Tensor>;
  readonly facts: Facts;
  /** U8S8 per channel when absent. */
  readonly scheme?: Scheme | undefined;
}

/** Operators that compute and that a user would expect in integers; the others are not worth a word. */
export const heavyOperators: ReadonlySet<string> = new Set([
  'Conv', 'ConvTranspose', 'Gemm', 'MatMul', 'LSTM', 'GRU', 'RNN', 'Einsum',
]); // prettier-ignore

const joints = new Set(['Add', 'Mul', 'AveragePool', 'GlobalAveragePool', 'LeakyRelu', 'Sigmoid', 'Concat']);
const passThroughs = new Set([
  'MaxPool', 'Reshape', 'Flatten', 'Transpose', 'Squeeze', 'Unsqueeze', 'Slice', 'Gather', 'DepthToSpace', 'Resize',
]); // prettier-ignore

const present = (names: readonly string[]) => names.filter((name) => name !== '');

/** The node's role, or a sentence why it has none. */
export function candidateOf(node: Node, context: OperatorContext): Candidate | string {
  if (!isStandard(node)) return `ONNX Runtime has no integer form of ${node.domain}.${node.opType}.`;
  switch (node.opType) {
    case 'Conv':
      return convolution(node, context);
    case 'Gemm':
      return gemm(node, context);
    case 'MatMul':
      return matMul(node, context);
    case 'Relu':
    case 'Clip':
      return clip(node, context);
    case 'HardSigmoid':
      return hardSigmoid(node, context);
    default:
      break;
  }
  const output = node.outputs[0] ?? '';
  const isFloat = (name: string) => context.facts.elementType(name) === 'float';
  if (joints.has(node.opType)) {
    const inputs = present(node.inputs);
    const data = inputs.filter((name) => !context.constants.has(name));
    const constants = inputs.filter((name) => context.constants.has(name));
    const float = inputs.every(isFloat) || (data.length > 0 && isFloat(output));
    // One scale for a long constant is coarse, and only Add and Mul take one in practice.
    if (!float || data.length === 0) return 'It does not compute on float values.';
    return { node, role: 'joint', data, constants, outputs: [output], needsOutput: true };
  }
  if (passThroughs.has(node.opType)) {
    const input = node.inputs[0] ?? '';
    const alone = present(node.outputs).length === 1;
    const nearest = node.opType !== 'Resize' || stringAttribute(node, 'mode', 'nearest') === 'nearest';
    if (!alone || !nearest || context.constants.has(input) || !(isFloat(input) || isFloat(output)))
      return 'It does not move float values without changing them.';
    return { node, role: 'passThrough', data: [input], constants: [], outputs: [output], needsOutput: true };
  }
  return `ONNX Runtime does not fuse ${node.opType} with quantization.`;
}

/** The layer's constant weight when int8 can be made of it, or a sentence why not. */
function weightOf(node: Node, { constants, graph }: OperatorContext): Tensor | string {
  const name = node.inputs[1] ?? '';
  const weight = constants.get(name);
  if (!weight && graph.inputs.some((input) => input.name === name))
    return `Its weight "${name}" is an input of the model, not a constant.`;
  if (!weight) return 'Its weight is computed while the model runs.';
  if (constants.has(node.inputs[0] ?? '')) return 'Its input is a constant.';
  if (weight.dataType !== DataType.FLOAT) return 'Its weight is not float32.';
  if (elementCount(weight.dims) === 0) return 'Its weight is empty.';
  return weight;
}

const perChannel = ({ scheme }: OperatorContext, axis: number) =>
  scheme?.perChannel === false ? undefined : axis;

function layer(node: Node, rest: Pick<Candidate, 'needsOutput' | 'axis' | 'depthwise'>): Candidate {
  return {
    node,
    role: 'layer',
    data: [node.inputs[0] ?? ''],
    constants: [],
    outputs: [node.outputs[0] ?? ''],
    ...rest,
  };
}

function hardSigmoid(node: Node, { facts, constants, scheme }: OperatorContext): Candidate | string {
  const gate = gateOf(node);
  const [input = ''] = node.inputs;
  const [output = ''] = node.outputs;
  if (scheme && (scheme.activations !== 'uint8' || scheme.symmetric))
    return 'HardSigmoid runs in integers only on uint8 with a free zero point.';
  if (!gate || constants.has(input) || ![input, output].some((name) => facts.elementType(name) === 'float'))
    return 'It does not compute on float values.';
  return { node, role: 'gate', data: [input], constants: [], outputs: [output], needsOutput: false, gate };
}

function convolution(node: Node, context: OperatorContext): Candidate | string {
  const weight = weightOf(node, context);
  if (typeof weight === 'string') return weight;
  if (weight.dims.length < 3) return 'Its weight has fewer than three dimensions.';
  const groups = intAttribute(node, 'group', 1);
  const axis = perChannel(context, 0);
  return layer(node, { needsOutput: true, axis, depthwise: groups > 1 && weight.dims[1] === 1 });
}

function gemm(node: Node, context: OperatorContext): Candidate | string {
  const weight = weightOf(node, context);
  if (typeof weight === 'string') return weight;
  if (weight.dims.length !== 2) return 'Its weight is not a matrix.';
  if (intAttribute(node, 'transA', 0) !== 0) return 'It transposes its input.';
  const axis = intAttribute(node, 'transB', 0) !== 0 ? 0 : 1;
  const biasName = node.inputs[2] ?? '';
  const bias = context.constants.get(biasName);
  const columns = weight.dims[axis] ?? 0;
  const fits =
    bias?.dataType === DataType.FLOAT && elementCount(bias.dims) === columns && bias.dims.at(-1) === columns;
  // A float bias makes ONNX Runtime fall back to a float Gemm.
  if (biasName !== '' && !fits) return 'Its bias is not one constant for each column.';
  return layer(node, { needsOutput: false, axis: perChannel(context, axis) });
}

function matMul(node: Node, context: OperatorContext): Candidate | string {
  const weight = weightOf(node, context);
  if (typeof weight === 'string')
    return context.constants.has(node.inputs[1] ?? '') || context.constants.has(node.inputs[0] ?? '')
      ? weight
      : 'Both operands are computed while the model runs; rounding them costs accuracy and gains little.';
  if (weight.dims.length < 2) return 'Its weight is a vector.';
  return layer(node, {
    needsOutput: false,
    axis: weight.dims.length === 2 ? perChannel(context, 1) : undefined,
  });
}

function clip(node: Node, { facts }: OperatorContext): Candidate | string {
  const bound = (position: number, open: number) => {
    const name = node.inputs[position] ?? '';
    return name === '' ? open : facts.numbers(name)?.[0];
  };
  const relu = node.opType === 'Relu';
  const min = relu ? 0 : bound(1, -Infinity);
  const max = relu ? Infinity : bound(2, Infinity);
  if (min === undefined || max === undefined) return 'Its bounds are computed while the model runs.';
  // QuantizeLinear always holds zero, so that it cannot stand for a clip that leaves zero out.
  if (!(min <= 0 && max > 0)) return 'Its bounds leave zero out.';
  if (
    facts.elementType(node.inputs[0] ?? '') !== 'float' &&
    facts.elementType(node.outputs[0] ?? '') !== 'float'
  )
    return 'It does not compute on float values.';
  return {
    node,
    role: 'clip',
    data: [node.inputs[0] ?? ''],
    constants: [],
    outputs: [node.outputs[0] ?? ''],
    needsOutput: true,
    bounds: { min, max },
  };
}
