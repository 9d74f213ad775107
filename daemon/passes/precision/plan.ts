// Decides which nodes compute in half floats and which stay float32, and why. A node is taken only when all its
// types are known and its operator allows half at the model's operator set, so that what is written loads.

import { breathe, type Task } from '../../base/task';
import { stringAttribute } from '../../ir/attributes';
import { DataType } from '../../ir/dataType';
import type { Node } from '../../ir/model';
import type { Tensor } from '../../ir/tensor';
import { nameOf, type Left } from '../quantize/outcome';
import { isOp, isStandard } from '../rewrite';
import { floatsOf, type TensorReader } from '../tensorReader';
import { countingNodes } from './counting';
import { surveyConstant, type ConstantFacts, type HalfFormat } from './format';
import { signatureOf, type Signature } from './halfTable';
import { nodeMatcher } from './patterns';
import { allScopes, definingScope, knownType, type Scope } from './scopes';

export interface PlanOptions {
  readonly format: HalfFormat;
  /** Operator types, node names or patterns that stay float32. */
  readonly keep?: readonly string[];
  /** Only these nodes may be converted (by name); all when absent. */
  readonly only?: ReadonlySet<string>;
  /** Measured ranges of values of the main graph. */
  readonly ranges?: ReadonlyMap<string, { readonly min: number; readonly max: number }>;
  /** Largest measured magnitude that a node may touch; a quarter of the format's largest when absent. */
  readonly limit?: number;
}

export interface Plan {
  readonly half: ReadonlySet<Node>;
  /** Nodes that compute on floats and stay float32. */
  readonly left: readonly Left[];
}

/** What a node's float inputs and outputs are, by position. */
export interface Ports {
  readonly inputs: readonly boolean[];
  readonly outputs: readonly boolean[];
}

/** Measured ranges come from samples: what is seen in service may be a few times larger. */
const headroom = 4;

/** Operators that stay float32 though their types allow half: random, index and scale arithmetic, sequences. */
const alwaysFloat = new Map<string, string>(
  Object.entries({
    'QuantizeLinear DequantizeLinear DynamicQuantizeLinear QLinearConv QLinearMatMul':
      'Scales of quantization need float32.',
    'RandomNormal RandomUniform RandomNormalLike RandomUniformLike Bernoulli Multinomial':
      'Random numbers would be others.',
    'CumSum CumProd': 'A running sum loses digits in half floats.',
    'NonMaxSuppression Upsample Range EyeLike MelWeightMatrix BlackmanWindow HannWindow HammingWindow DFT STFT MeanVarianceNormalization':
      'The operator needs float32.',
    'Optional OptionalGetElement OptionalHasElement SequenceAt SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceMap SplitToSequence ConcatFromSequence':
      'Elements of sequences stay float32.',
    'BitCast Constant': 'Its value is taken bit by bit.',
  }).flatMap(([ops, why]) => ops.split(' ').map((op): [string, string] => [op, why])),
);

/** Operators that read a value in whatever type it has. */
export const readsAnyType = (node: Node, position: number): boolean =>
  position === 0 && isOp(node, 'Cast', 'CastLike', 'Shape', 'Size');

const controlFlow = (node: Node) => isOp(node, 'If', 'Loop', 'Scan');

/** Which inputs and outputs of a node are FLOAT values that its operator lets be half. */
export function portsOf(node: Node, scope: Scope, signature: Signature): Ports {
  const isHalf = (name: string, letter: string) =>
    name !== '' && (letter === 'h' || letter === 'f') && knownType(scope, name) === 'float';
  return {
    inputs: node.inputs.map((name, position) => isHalf(name, signature.input(position))),
    outputs: node.outputs.map((name, position) => isHalf(name, signature.output(position))),
  };
}

/** Chooses the nodes. `opset` is the version of the standard operator set. */
export async function planHalf(
  root: Scope,
  opset: number,
  read: TensorReader,
  options: PlanOptions,
  task: Task,
): Promise<Plan> {
  const half = new Set<Node>();
  const left: Left[] = [];
  const survey = new ConstantSurvey(read);
  const keep = nodeMatcher(options.keep ?? []);
  const limit = options.limit ?? options.format.largest / headroom;
  for (const scope of allScopes(root)) {
    const counting = countingNodes(scope, opset);
    for (const node of scope.graph.nodes) {
      await breathe(task);
      const signature = signatureOf(node, opset);
      const float = [...node.inputs, ...node.outputs].some(
        (name) => name !== '' && knownType(scope, name) === 'float',
      );
      if (!float && (signature === undefined || typesKnown(node, scope, signature))) continue;
      const why =
        refusal(node, scope, signature, options, keep) ??
        (counting.has(node)
          ? 'It counts: whole numbers beyond 2,048 are not exact in half floats.'
          : undefined) ??
        (scope.parent ? undefined : outOfRange(node, options, limit)) ??
        (await unfitConstant(node, scope, signature!, survey, options.format, task)) ??
        // Last, so that what could never be half is not said to have been tried.
        (options.only?.has(nameOf(node)) === false
          ? 'The search found that it must stay float32.'
          : undefined);
      if (why === undefined) half.add(node);
      // What only passes a value on to its shape, or to whole numbers, is no loss.
      else if (why !== '') left.push({ node: nameOf(node), op: node.opType, why });
    }
  }
  return { half, left };
}

function typesKnown(node: Node, scope: Scope, signature: Signature): boolean {
  const unclear = (name: string, letter: string) =>
    name !== '' && letter !== '.' && knownType(scope, name) === 'unknown';
  return !(
    node.inputs.some((name, at) => unclear(name, signature.input(at))) ||
    node.outputs.some((name, at) => unclear(name, signature.output(at)))
  );
}

/** Why the operator itself cannot be taken; empty when it needs no half either. */
function refusal(
  node: Node,
  scope: Scope,
  signature: Signature | undefined,
  { format }: PlanOptions,
  keep: (node: Node) => boolean,
): string | undefined {
  if (signature === undefined)
    return isStandard(node)
      ? ''
      : `${node.domain}.${node.opType} is a custom operator or a function; whether it takes half floats is not known.`;
  if (isOp(node, 'Shape', 'Size')) return '';
  if (keep(node)) return 'It was told to stay float32.';
  const always = isStandard(node) ? alwaysFloat.get(node.opType) : undefined;
  if (always !== undefined) return always;
  if (!typesKnown(node, scope, signature)) return 'The types around it are not known.';
  const { inputs, outputs } = portsOf(node, scope, signature);
  if (!inputs.includes(true) && !outputs.includes(true))
    return 'The operator needs float32 at this operator set.';
  if (isOp(node, 'Cast', 'CastLike') && !outputs.includes(true)) return '';
  if (/^Scatter/u.test(node.opType) && stringAttribute(node, 'reduction', 'none') !== 'none')
    return 'ONNX Runtime adds up scattered values in float32 only.';
  if (format.name === 'bfloat16') {
    const late = (letter: string, port: boolean | undefined) => port === true && letter === 'f';
    if (
      inputs.some((port, at) => late(signature.input(at), port)) ||
      outputs.some((port, at) => late(signature.output(at), port))
    )
      return `${node.opType} takes bfloat16 only from a later operator set on than this model's.`;
  }
  // One type variable may hold for several ports: all of them or none.
  const wide = (name: string, letter: string) =>
    name !== '' && letter === 'n' && knownType(scope, name) === 'float';
  if (!isOp(node, 'Resize') && node.outputs.some((name, at) => wide(name, signature.output(at))))
    return 'It gives a further output that must be float32.';
  return controlFlow(node) ? unclearBody(node, scope) : undefined;
}

function unclearBody(node: Node, scope: Scope): string | undefined {
  const bodies = scope.bodies.filter(({ owner }) => owner === node);
  const unclear = bodies.some((body) =>
    [...body.graph.inputs, ...body.graph.outputs].some(
      ({ name }) => name !== '' && knownType(body, name) === 'unknown',
    ),
  );
  if (unclear || bodies.length === 0) return 'The types of its bodies are not known.';
  return bodies.some((body) => body.graph.outputs.some(({ name }) => !body.own.has(name)))
    ? 'A body gives a value from outside as it is.'
    : undefined;
}

function outOfRange(node: Node, { ranges, limit: asked }: PlanOptions, limit: number): string | undefined {
  if (!ranges) return undefined;
  for (const name of [...node.inputs, ...node.outputs]) {
    const range = ranges.get(name);
    if (!range) continue;
    const size = Math.max(Math.abs(range.min), Math.abs(range.max));
    if (size > limit)
      return `Value "${name}" reaches ${size.toPrecision(3)} on the calibration data, ${asked === undefined ? 'too near to the largest half float' : `more than the ${asked} that was set as the limit`}.`;
    // The root of the sum is measured; the sum of squares inside is its square.
    if (isOp(node, 'ReduceL2', 'LpNormalization') && size * size > limit)
      return `The squares that it adds reach ${(size * size).toPrecision(3)}, ${asked === undefined ? 'too near to the largest half float' : `more than the ${asked} that was set as the limit`}.`;
  }
  return undefined;
}

/** Each constant is read once. */
class ConstantSurvey {
  private readonly known = new Map<Tensor, ConstantFacts>();
  constructor(private readonly read: TensorReader) {}

  async of(tensor: Tensor, task: Task): Promise<ConstantFacts> {
    const found = this.known.get(tensor) ?? (await surveyConstant(await floatsOf(this.read, tensor), task));
    this.known.set(tensor, found);
    return found;
  }
}

async function unfitConstant(
  node: Node,
  scope: Scope,
  signature: Signature,
  survey: ConstantSurvey,
  format: HalfFormat,
  task: Task,
): Promise<string | undefined> {
  for (const [position, name] of node.inputs.entries()) {
    if (name === '' || signature.input(position) === '.') continue;
    const tensor = definingScope(scope, name)?.graph.initializers.find((each) => each.name === name);
    if (tensor?.dataType !== DataType.FLOAT) continue;
    const facts = await survey.of(tensor, task);
    if (facts.notNumbers > 0) return `Its constant "${name}" holds NaN.`;
    if (facts.largest > format.largest)
      return `Its constant "${name}" reaches ${facts.largest.toPrecision(3)}, more than ${format.name} holds.`;
  }
  return undefined;
}
