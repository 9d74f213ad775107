// Rules of performance: work that `slipway optimize` or another export would spare.

import { eachInSteps, type Steps } from '../../base/task';
import { intAttribute } from '../../ir/attributes';
import { dataTypeName } from '../../ir/dataType';
import { bodiesOf, type GraphIndex } from '../../ir/graphIndex';
import type { Model, Node } from '../../ir/model';
import { functionKey } from '../scopes/scopes';
import { freeDimensions } from '../cost/cost';
import { elementsOf } from '../shapes/dims';
import { typeIn } from '../shapes';
import { freeInputs } from '../summary';
import { shapeOfType } from '../typeText';
import { listed, placeOf, type Findings } from './findings';
import { ruleOf } from './rules';
import { isStandard, reportNodes, type Subject } from './subject';

const views: ReadonlySet<string> = new Set(['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze']);
const products: ReadonlySet<string> = new Set(['Conv', 'ConvTranspose', 'MatMul', 'Gemm', 'LSTM', 'GRU']);
const dataShaped: ReadonlySet<string> = new Set(['NonZero', 'Unique', 'Compress', 'NonMaxSuppression']);
const random = /^(Random|Bernoulli|Multinomial)/;
/** What the inputs of a model hinder. */
export function checkInputs(model: Model, findings: Findings): void {
  const initializers = new Set(model.graph.initializers.map(({ name }) => name));
  const both = model.graph.inputs.filter(({ name }) => initializers.has(name)).map(({ name }) => name);
  if (both.length > 0 && model.irVersion >= 4) {
    findings.add(
      ruleOf('performance/initializer-input').severity,
      'performance/initializer-input',
      `${both.length} initializer${both.length === 1 ? ' is an input' : 's are inputs'} as well (${listed(both)}), so a runtime cannot fold ${both.length === 1 ? 'it' : 'them'}.`,
      placeOf('', both[0]),
    );
  }
  // What stands first is the batch, whatever it is called.
  const batch = new Set(
    freeInputs(model.graph).map(({ name, type }) => shapeOfType(type)?.[0] ?? `${name}[0]`),
  );
  const free = freeDimensions(model).filter((name) => !batch.has(name));
  if (free.length > 0) {
    findings.add(
      ruleOf('performance/free-dimensions').severity,
      'performance/free-dimensions',
      `${listed(free)} ${free.length === 1 ? 'is' : 'are'} free beside the batch; compilers want fixed shapes.`,
    );
  }
}

/** What the nodes of one graph could be spared. */
export function* checkWork(subject: Subject): Steps<void> {
  const { scoped, index } = subject;
  const found: Record<string, number[]> = {};
  const put = (rule: string, at: number) => (found[rule] ??= []).push(at);
  const constants = new Set(index.initializer.keys());
  for (const input of index.graphInputs) constants.delete(input);
  const seen = new Map<string, number>();
  yield* eachInSteps(scoped.graph.nodes, (node, at) => {
    const before = soleProducer(index, node.inputs[0] ?? '');
    if (isStandard(node, 'BatchNormalization') && before?.opType.startsWith('Conv'))
      put('batch-normalization', at);
    if (isStandard(node, 'Cast') && before?.opType === 'Cast') put('cast-pair', at);
    if (isStandard(node, 'Transpose') && before?.opType === 'Transpose') put('transpose-pair', at);
    if (isStandard(node, 'Reshape') && before && views.has(before.opType)) put('reshape-pair', at);
    if (doesNothing(subject, node) && !standsBetween(index, node)) put('no-operation', at);
    if (dataShaped.has(node.opType) && node.domain === '') put('data-shapes', at);
    if (products.has(node.opType) && subject.types) {
      if (typeIn(subject.types, node.inputs[0] ?? '')?.dtype === 'double') put('double', at);
    }
    if (isStandard(node, 'Erf') && isGelu(index, node)) put('gelu-parts', at);
    if (isStandard(node, 'ReduceMean') && isLayerNorm(index, node)) put('layer-norm-parts', at);
    if (isConstant(subject, node, constants)) {
      for (const output of node.outputs) constants.add(output);
      if (node.opType !== 'Constant' && node.opType !== 'DequantizeLinear') put('constant-nodes', at);
    } else if (repeats(subject, node, seen, at)) put('repeated-work', at);
  });
  const tell = (rule: string, sentence: (first: string, more: string) => string) => {
    reportNodes(subject, `performance/${rule}` as 'performance/cast-pair', found[rule] ?? [], sentence);
  };
  tell(
    'batch-normalization',
    (first, more) => `${first}${more} can be folded into the convolution before it.`,
  );
  tell('cast-pair', (first, more) => `${first}${more} follows another Cast; one would do.`);
  tell('transpose-pair', (first, more) => `${first}${more} follows another Transpose; one or none would do.`);
  tell(
    'reshape-pair',
    (first, more) => `${first}${more} follows another change of shape; the last one would do.`,
  );
  tell('no-operation', (first, more) => `${first}${more} hands its input on as it is.`);
  tell('repeated-work', (first, more) => `${first}${more} computes what another node has computed already.`);
  tell(
    'constant-nodes',
    (first, more) => `${first}${more} follows from constants alone and can be computed once.`,
  );
  tell(
    'gelu-parts',
    (first, more) => `${first}${more} is part of a GELU written out; opset 20 has it as one operator.`,
  );
  tell(
    'layer-norm-parts',
    (first, more) =>
      `${first}${more} begins a layer normalization written out; opset 17 has it as one operator.`,
  );
  tell('double', (first, more) => `${first}${more} computes in double precision.`);
  tell('data-shapes', (first, more) => `${first}${more} gives a shape that depends on the data.`);
}

/** The node that writes a value which one node alone reads. */
function soleProducer(index: GraphIndex, value: string): Node | undefined {
  if (index.consumers.get(value)?.length !== 1 || index.graphOutputs.has(value)) return undefined;
  return index.producer.get(value);
}

/**
 * Whether a node gives an output of its graph from what no node of the graph gives, or from another output: then
 * something has to stand between the two names.
 */
function standsBetween(index: GraphIndex, node: Node): boolean {
  const input = node.inputs[0] ?? '';
  return (
    index.graphOutputs.has(node.outputs[0] ?? '') &&
    (!index.producer.has(input) || index.graphOutputs.has(input))
  );
}

function doesNothing({ types, opsets }: Subject, node: Node): boolean {
  if (isStandard(node, 'Identity')) return true;
  if (isStandard(node, 'Dropout'))
    return (opsets.get('') ?? 0) >= 7 && (node.inputs[2] ?? '') === '' && (node.outputs[1] ?? '') === '';
  if (!isStandard(node, 'Cast') || !types) return false;
  return typeIn(types, node.inputs[0] ?? '')?.dtype === dataTypeName(intAttribute(node, 'to', 0));
}

/** Everything that it reads is constant. Functions, bodies and random numbers are not looked into. */
function isConstant(subject: Subject, node: Node, constants: ReadonlySet<string>): boolean {
  if (isStandard(node, 'Constant')) return true;
  if (node.domain !== '' && node.domain !== 'ai.onnx') return false;
  if (node.inputs.length === 0 || random.test(node.opType) || bodiesOf(node).length > 0) return false;
  if (
    subject.functions.size > 0 &&
    subject.functions.has(functionKey(node.domain, node.opType, node.overload))
  )
    return false;
  const read = node.inputs.filter((name) => name !== '');
  return read.length > 0 && read.every((name) => constants.has(name));
}

/** True when an earlier node has the same operator, inputs and (plain) attributes. */
function repeats({ types }: Subject, node: Node, seen: Map<string, number>, at: number): boolean {
  if (random.test(node.opType) || node.outputs.length !== 1) return false;
  const attributes: string[] = [];
  for (const attribute of node.attributes) {
    if (!('value' in attribute) || attribute.refAttrName !== undefined) return false;
    const { name, type } = attribute;
    if (type === 'INT' || type === 'FLOAT') attributes.push(`${name}=${attribute.value}`);
    else if (type === 'INTS' || type === 'FLOATS' || type === 'STRING')
      attributes.push(`${name}=${attribute.value.join()}`);
    else return false;
  }
  const key = `${node.domain}:${node.opType}\0${node.inputs.join('\0')}\0${attributes.sort().join('\0')}`;
  if (seen.has(key)) {
    // Shape arithmetic is repeated by every exporter and costs nothing.
    const elements = elementsOf(types && typeIn(types, node.outputs[0] ?? '')?.dims);
    return elements === undefined || elements > 16;
  }
  seen.set(key, at);
  return false;
}

/** x · 0.5 · (1 + Erf(x / √2)): Erf between a Div or Mul and an Add whose sum is multiplied. */
function isGelu(index: GraphIndex, erf: Node): boolean {
  const before = index.producer.get(erf.inputs[0] ?? '')?.opType;
  const after = index.consumers.get(erf.outputs[0] ?? '')?.[0];
  if ((before !== 'Div' && before !== 'Mul') || after?.opType !== 'Add') return false;
  return index.consumers.get(after.outputs[0] ?? '')?.[0]?.opType === 'Mul';
}

/** The first mean of (x − mean) / √(mean((x − mean)²) + ε). */
function isLayerNorm(index: GraphIndex, mean: Node): boolean {
  const difference = index.consumers.get(mean.outputs[0] ?? '')?.[0];
  if (difference?.opType !== 'Sub' || difference.inputs[0] !== mean.inputs[0]) return false;
  const readers = index.consumers.get(difference.outputs[0] ?? '') ?? [];
  const square = readers.find(({ opType }) => opType === 'Pow' || opType === 'Mul');
  const variance = square && index.consumers.get(square.outputs[0] ?? '')?.[0];
  return variance?.opType === 'ReduceMean' && readers.some(({ opType }) => opType === 'Div');
}
