// Rules of quantization: parts of a quantized model that cost accuracy or stay in float.

import { eachInSteps, type Steps } from '../../base/task';
import { intAttribute } from '../../ir/attributes';
import { readsAsKey } from '../../ir/marks';
import type { Node } from '../../ir/model';
import { valuesIn } from '../shapes';
import { called, placeOfNode, quoted } from './findings';
import { isStandard, reportNodes, type Subject } from './subject';

const products: ReadonlySet<string> = new Set(['Conv', 'ConvTranspose', 'MatMul', 'Gemm']);
/** Operators that hand integers on, or work on them. */
const integerReaders =
  /^(DequantizeLinear|QLinear|MatMulInteger|ConvInteger|DynamicQuantize|Reshape|Transpose|Flatten|Squeeze|Unsqueeze|Slice|Gather|Concat|Split|Identity|MaxPool|Resize|Pad|Cast|QGemm|QAttention|If|Loop|Scan)/;

const isQuantize = (node: Node | undefined): node is Node => node?.opType === 'QuantizeLinear';
const isDequantize = (node: Node | undefined): node is Node => node?.opType === 'DequantizeLinear';

export function* checkQuantization(subject: Subject): Steps<void> {
  const { nodes } = subject.scoped.graph;
  if (!nodes.some((node) => isQuantize(node) || isDequantize(node))) return;
  const { index } = subject;
  const from = (value: string | undefined) => index.producer.get(value ?? '');
  const depthwise: number[] = [];
  const lone: number[] = [];
  const float: number[] = [];
  const half: number[] = [];
  yield* eachInSteps(nodes, (node, at) => {
    if (isQuantize(node) || isDequantize(node)) {
      checkScale(subject, node, at);
      checkAxis(subject, node, at);
    }
    if (isDequantize(node)) checkPair(subject, from(node.inputs[0]), node, at);
    if (isQuantize(node)) {
      const readers = index.consumers.get(node.outputs[0] ?? '') ?? [];
      const leaves = index.graphOutputs.has(node.outputs[0] ?? '');
      if (leaves || readers.length === 0 || !readers.some(({ opType }) => integerReaders.test(opType)))
        lone.push(at);
    }
    if (node.domain !== '' && node.domain !== 'ai.onnx') return;
    if (products.has(node.opType)) {
      const sides = [from(node.inputs[0]), from(node.inputs[1])].map(isDequantize);
      if (!sides[0] && !sides[1] && hasWeights(subject, node)) float.push(at);
      if (sides[1] && isDepthwise(subject, node) && isPerTensor(subject, from(node.inputs[1])!))
        depthwise.push(at);
    }
    if (isStandard(node, 'Add')) {
      const sides = node.inputs.map((input) => from(input));
      const both = sides.every((side) => side !== undefined);
      if (both && sides.filter(isDequantize).length === 1 && isQuantizedAfter(subject, node)) half.push(at);
    }
  });
  reportNodes(
    subject,
    'quantization/per-tensor-depthwise',
    depthwise,
    (first, more) =>
      `${first}${more} is a depthwise convolution whose weights have one scale for all channels.`,
  );
  reportNodes(
    subject,
    'quantization/lone-quantize',
    lone,
    (first, more) => `${first}${more} gives integers that nothing dequantizes.`,
  );
  reportNodes(
    subject,
    'quantization/float-node',
    float,
    (first, more) => `${first}${more} stays in float between quantized parts.`,
  );
  reportNodes(
    subject,
    'quantization/half-residual',
    half,
    (first, more) => `${first}${more} adds a quantized value to a float one.`,
  );
}

function checkScale({ types, findings, scoped }: Subject, node: Node, at: number): void {
  const scales = types && valuesIn(types, node.inputs[1] ?? '');
  const bad = scales?.find((scale) => typeof scale === 'number' && !(scale > 0 && scale < Infinity));
  if (bad === undefined) return;
  findings.add(
    'error',
    'quantization/scale',
    `${called(node, at)}: the scale ${quoted(node.inputs[1] ?? '')} holds ${bad}.`,
    placeOfNode(scoped.path, node, at, node.inputs[1]),
  );
}

function checkAxis({ types, opsets, findings, scoped }: Subject, node: Node, at: number): void {
  const opset = opsets.get('') ?? 0;
  if (node.domain !== '' || opset >= 13 || opset === 0) return;
  const dims = types?.types.get(node.inputs[1] ?? '')?.dims;
  if (!dims || dims.length === 0 || (dims.length === 1 && dims[0] === 1)) return;
  findings.add(
    'error',
    'quantization/axis-opset',
    `${called(node, at)} has scales for each channel, which opset ${opset} does not know.`,
    placeOfNode(scoped.path, node, at),
  );
}

/** Quantize and Dequantize around one value must have equal settings, by name or by number. */
function checkPair(subject: Subject, before: Node | undefined, node: Node, at: number): void {
  // Two scales can be meant: a HardSigmoid is nothing but that.
  if (!isQuantize(before) || node.metadataProps.some(({ key }) => key === readsAsKey)) return;
  const { types, findings, scoped } = subject;
  for (const input of [1, 2]) {
    const [a = '', b = ''] = [before.inputs[input], node.inputs[input]];
    if (a === b) continue;
    const [left, right] = [types && valuesIn(types, a), types && valuesIn(types, b)];
    if (!left || !right || left.join() === right.join()) continue;
    findings.add(
      'warning',
      'quantization/zero-point-type',
      `${called(node, at)} reads with ${input === 1 ? 'scale' : 'zero point'} ${right.slice(0, 3).join(', ')} what was quantized with ${left.slice(0, 3).join(', ')}.`,
      placeOfNode(scoped.path, node, at),
    );
    return;
  }
}

const hasWeights = (subject: Subject, node: Node): boolean =>
  node.inputs.slice(1, 2).some((name) => subject.index.initializer.has(name));

function isDepthwise({ types }: Subject, node: Node): boolean {
  const group = intAttribute(node, 'group', 1);
  const channels = types?.types.get(node.inputs[1] ?? '')?.dims?.[1];
  return isStandard(node, 'Conv') && group > 1 && channels === 1;
}

function isPerTensor({ types }: Subject, dequantize: Node): boolean {
  const dims = types?.types.get(dequantize.inputs[1] ?? '')?.dims;
  return dims?.every((dim) => dim === 1) ?? false;
}

/** Its result, through activations at most, is quantized. */
function isQuantizedAfter(subject: Subject, node: Node): boolean {
  const readers = subject.index.consumers.get(node.outputs[0] ?? '') ?? [];
  return readers.some(isQuantize);
}
