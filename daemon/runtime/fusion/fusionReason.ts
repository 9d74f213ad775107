// Why a node stays in float, told from the quantize steps around it in the model that was given to ONNX
// Runtime. The rules are those by which its CPU provider fuses (version 1.30, found by experiment).

import { findAttribute, floatAttribute, intAttribute, stringAttribute } from '../../ir/attributes';
import { DataType, dataTypeName } from '../../ir/dataType';
import type { GraphIndex } from '../../ir/graphIndex';
import type { Node } from '../../ir/model';
import { readFloats } from '../../onnx/tensorData';
import { fusableOps, sameScaleOps, weightOps } from './fusionOps';

const isQuantize = (node: Node | undefined) => node?.opType === 'QuantizeLinear';
const isDequantize = (node: Node | undefined) => node?.opType === 'DequantizeLinear';
const isDynamic = (node: Node) =>
  node.opType === 'DynamicQuantizeLinear' || node.opType === 'MatMulInteger' || node.opType === 'ConvInteger';

const activations = new Set([
  'Relu', 'Clip', 'LeakyRelu', 'Sigmoid', 'HardSigmoid', 'HardSwish', 'Tanh', 'Gelu', 'Elu', 'Selu', 'Softplus',
  'Mish', 'PRelu', 'Softmax', 'Swish', 'Celu', 'ThresholdedRelu',
]); // prettier-ignore

export interface ReasonContext {
  readonly index: GraphIndex;
  /** Whether the model was quantized dynamically: it measures ranges at run time. */
  readonly dynamic: boolean;
}

/** The context of a given graph's nodes. */
export const reasonContext = (index: GraphIndex, nodes: readonly Node[]): ReasonContext => ({
  index,
  dynamic: nodes.some(isDynamic),
});

export interface Reason {
  /** A sentence. */
  readonly why: string;
  /** The quantizer left steps out around the node, so that it may know more. */
  readonly leftOut: boolean;
}

/** Why `node`, which was found to run in float, does. */
export async function whyFloat(node: Node, context: ReasonContext): Promise<Reason> {
  const why = await sentenceFor(node, context);
  const { index } = context;
  const stepless = dataInputs(node).some((name) => !isDequantize(index.producer.get(name)));
  return { why, leftOut: stepless || outputUse(node, index).quantizes.length === 0 };
}

async function sentenceFor(node: Node, context: ReasonContext): Promise<string> {
  const { index } = context;
  if (node.domain !== '' && node.domain !== 'ai.onnx') {
    return `ONNX Runtime has no integer kernel for ${node.domain}.${node.opType}.`;
  }
  if (!fusableOps.has(node.opType)) return `ONNX Runtime has no integer kernel for ${node.opType}.`;
  const inputs = dataInputs(node).map((name) => ({ name, step: index.producer.get(name) }));
  const quantized = inputs.filter(({ step }) => isDequantize(step));
  const after = outputUse(node, index);
  if (quantized.length === 0 && after.quantizes.length === 0) {
    if (!context.dynamic) return 'The quantizer placed no quantize steps around it.';
    return node.opType === 'MatMul' || node.opType === 'Gemm'
      ? 'Its weights are not constant; dynamic quantization needs constant weights.'
      : `Dynamic quantization takes MatMul and Gemm only, not ${node.opType}.`;
  }
  return (
    inputReason(node, inputs, index) ??
    (await outputReason(node, after, index)) ??
    (await pairReason(node, inputs, after, index)) ??
    (quantizedType(inputs[0]?.step, index) === DataType.INT8
      ? 'On x64, ONNX Runtime turns int8 values with one reader into uint8 and leaves those with several, so that what comes in and what goes out no longer fit.'
      : 'ONNX Runtime did not fuse it; the quantize steps around it look right.')
  );
}

/** Inputs that must come from DequantizeLinear: not axes, shapes, bounds or a condition. */
function dataInputs(node: Node): string[] {
  const { opType, inputs } = node;
  const chosen =
    opType === 'Concat'
      ? inputs
      : opType === 'Where'
        ? inputs.slice(1, 3)
        : ['Conv', 'MatMul', 'Gemm', 'Add', 'Mul'].includes(opType)
          ? inputs.slice(0, 2)
          : inputs.slice(0, 1);
  return chosen.filter((name) => name !== '');
}

interface Input {
  readonly name: string;
  readonly step: Node | undefined;
}

function inputReason(node: Node, inputs: readonly Input[], index: GraphIndex): string | undefined {
  for (const [position, { name, step }] of inputs.entries()) {
    if (isDequantize(step)) continue;
    if (position === 1 && weightOps.has(node.opType)) {
      return index.initializer.has(name) || index.producer.get(name)?.opType === 'Constant'
        ? 'Its weights were left in float.'
        : 'Its weights are not constant, and no quantize step stands before them.';
    }
    return `No quantize step stands before its input "${name}".`;
  }
  const types = inputs.map(({ step }) => quantizedType(step, index));
  const wide = types.find((type) => type !== undefined && type !== DataType.UINT8 && type !== DataType.INT8);
  if (wide !== undefined) {
    return `Its input is quantized to ${dataTypeName(wide)}; ONNX Runtime has integer kernels for 8 bits only.`;
  }
  const [first] = types;
  if (!weightOps.has(node.opType) && types.some((type) => type !== first)) {
    const names = types.map((type) => dataTypeName(type ?? DataType.UNDEFINED)).join(' and ');
    return `Its inputs have different integer types (${names}).`;
  }
  return undefined;
}

interface OutputUse {
  readonly name: string;
  readonly isGraphOutput: boolean;
  readonly quantizes: readonly Node[];
  readonly others: readonly Node[];
}

function outputUse(node: Node, index: GraphIndex): OutputUse {
  const name = node.outputs[0] ?? '';
  const users = index.consumers.get(name) ?? [];
  return {
    name,
    isGraphOutput: index.graphOutputs.has(name),
    quantizes: users.filter(isQuantize),
    others: users.filter((user) => !isQuantize(user)),
  };
}

async function outputReason(node: Node, after: OutputUse, index: GraphIndex): Promise<string | undefined> {
  if (after.isGraphOutput && after.quantizes.length === 0) {
    return `Its output "${after.name}" is a graph output, with no quantize step between.`;
  }
  if (after.isGraphOutput) return `Its output "${after.name}" is also a graph output in float.`;
  const [other] = after.others;
  if (after.quantizes.length > 0 && other) return `Its output also feeds ${labelOf(other)} in float.`;
  if (after.quantizes.length > 1)
    return `Its output feeds ${after.quantizes.length} quantize steps; it may feed one.`;
  if (after.quantizes.length === 1) return undefined;
  if (other && after.others.length === 1) {
    const next = outputUse(other, index);
    if (activations.has(other.opType) && next.quantizes.length > 0) {
      return other.opType === 'Relu' || other.opType === 'Clip'
        ? absorbReason(other, next, index)
        : `The activation after it (${other.opType}) keeps its output in float; a quantize step must stand between them.`;
    }
    if (other.opType === 'Mul' || other.opType === 'HardSwish') {
      return `Its output goes to ${labelOf(other)} in float; a quantize step must stand between them.`;
    }
    if (other.opType === 'Add' && node.opType === 'MatMul') {
      return `ONNX Runtime fuses it with ${labelOf(other)} into a float Gemm; a quantize step must stand between them.`;
    }
  }
  if (after.others.length > 1) {
    const names = after.others.slice(0, 2).map(labelOf).join(' and ');
    return `Its output feeds ${names} in float, and no quantize step was placed after it.`;
  }
  if (node.opType === 'Gemm' && node.inputs[2] !== undefined && node.inputs[2] !== '') {
    return 'No quantize step was placed after it, and its bias is not int32.';
  }
  return 'No quantize step was placed after it.';
}

/** Relu and Clip vanish when the integer range that follows begins (and ends) where they cut. */
async function absorbReason(clip: Node, after: OutputUse, index: GraphIndex): Promise<string | undefined> {
  const step = after.quantizes[0];
  if (after.others[0])
    return `The output of ${labelOf(clip)} after it also feeds ${labelOf(after.others[0])} in float.`;
  if (after.isGraphOutput) return `The output of ${labelOf(clip)} after it is a graph output.`;
  const zero = await numberOf(step?.inputs[2], index);
  const type = quantizedType(step, index);
  if (type !== undefined && type !== DataType.UINT8 && type !== DataType.INT8)
    return `${clip.opType} after it is quantized to ${dataTypeName(type)}; ONNX Runtime has integer kernels for 8 bits only.`;
  const lowest = type === DataType.INT8 ? -128 : 0;
  if (clip.opType === 'Relu' && (zero ?? 0) === lowest) return undefined;
  if (clip.opType === 'Relu' || (zero !== undefined && zero !== lowest)) {
    return `${clip.opType} after it stays in float: the quantize step behind has zero point ${zero ?? 0} instead of ${lowest}.`;
  }
  return `${clip.opType} after it stays in float: the quantize step behind reaches beyond its bounds.`;
}

/** Reasons that lie between what comes in and what goes out. */
async function pairReason(
  node: Node,
  inputs: readonly Input[],
  after: OutputUse,
  index: GraphIndex,
): Promise<string | undefined> {
  const before = inputs[0]?.step;
  const [behind] = after.quantizes;
  const [typeIn, typeOut] = [quantizedType(before, index), quantizedType(behind, index)];
  if (behind && before && typeIn !== typeOut) {
    return `Its input is ${dataTypeName(typeIn ?? 0)} but its output is quantized to ${dataTypeName(typeOut ?? 0)}.`;
  }
  if (sameScaleOps.has(node.opType) && behind && before) {
    const parameters = [...before.inputs.slice(1), ...behind.inputs.slice(1)];
    if (!parameters.every((name) => name === '' || isConstant(name, index))) {
      return 'A scale beside it is not a constant; it keeps 8-bit values only between equal constant scales.';
    }
    const [scaleIn, scaleOut, zeroIn, zeroOut] = await Promise.all(
      [before.inputs[1], behind.inputs[1], before.inputs[2], behind.inputs[2]].map((name) =>
        numberOf(name, index),
      ),
    );
    if (scaleIn !== scaleOut || (zeroIn ?? 0) !== (zeroOut ?? 0)) {
      return 'Its input and output have different scales; it keeps 8-bit values only when they are equal.';
    }
  }
  if (node.opType === 'Relu' || node.opType === 'Clip') {
    return `ONNX Runtime has no integer kernel for ${node.opType}; it vanishes only right behind a Conv or Add that one quantize step follows.`;
  }
  if (
    node.opType === 'Gemm' &&
    (floatAttribute(node, 'beta', 1) !== 1 || intAttribute(node, 'transA', 0) !== 0)
  ) {
    return 'Its beta is not 1, or its first input is transposed.';
  }
  if (node.opType === 'Resize' && stringAttribute(node, 'mode', 'nearest') !== 'nearest')
    return 'It interpolates; only nearest-neighbour Resize keeps 8-bit values.';
  return biasReason(node, inputs, index);
}

async function biasReason(
  node: Node,
  inputs: readonly Input[],
  index: GraphIndex,
): Promise<string | undefined> {
  const bias = index.producer.get(node.inputs[2] ?? '');
  const [input, weight] = inputs;
  if (!weightOps.has(node.opType) || !isDequantize(bias) || !input?.step || !weight?.step) return undefined;
  const inputScale = await numberOf(input.step.inputs[1], index);
  const [weightScales, biasScales] = await Promise.all([
    floatsOf(weight.step.inputs[1], index),
    floatsOf(bias!.inputs[1], index),
  ]);
  if (inputScale === undefined || !weightScales || !biasScales) return undefined;
  const off = biasScales.some((scale, i) => {
    const due = inputScale * (weightScales[weightScales.length === 1 ? 0 : i] ?? Number.NaN);
    return Math.abs(scale - due) > 0.02 * due;
  });
  return off ? 'The scale of its bias is not the scale of its input times that of its weights.' : undefined;
}

const isConstant = (name: string, index: GraphIndex) =>
  index.initializer.has(name) || index.producer.get(name)?.opType === 'Constant';

/** Integer type on the far side of a quantize or dequantize step. */
function quantizedType(step: Node | undefined, index: GraphIndex): DataType | undefined {
  if (!step) return undefined;
  const zero = index.initializer.get(step.inputs[2] ?? '') ?? constantOf(step.inputs[2], index);
  if (zero) return zero.dataType;
  if (isQuantize(step)) return intAttribute(step, 'output_dtype', DataType.UINT8) || DataType.UINT8;
  const source = step.inputs[0] ?? '';
  return index.initializer.get(source)?.dataType ?? quantizedType(index.producer.get(source), index);
}

function constantOf(name: string | undefined, index: GraphIndex) {
  const producer = index.producer.get(name ?? '');
  const value = producer?.opType === 'Constant' ? findAttribute(producer, 'value') : undefined;
  return value?.type === 'TENSOR' ? value.value : undefined;
}

async function floatsOf(name: string | undefined, index: GraphIndex): Promise<Float32Array | undefined> {
  const tensor = index.initializer.get(name ?? '') ?? constantOf(name, index);
  return tensor === undefined ? undefined : readFloats(tensor);
}

const numberOf = async (name: string | undefined, index: GraphIndex): Promise<number | undefined> =>
  (await floatsOf(name, index))?.[0];

/** `Reshape_12`, or the operator where the node has no name. */
const labelOf = (node: Node): string => (node.name === '' ? node.opType : `${node.name} (${node.opType})`);
