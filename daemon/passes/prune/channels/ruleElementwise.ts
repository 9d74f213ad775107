// Rules of operators that work on each element, or on each channel, by itself: activations, arithmetic with
// broadcasting, pooling, resizing, padding, reductions and softmax.

import { intAttribute, intsAttribute } from '../../../ir/attributes';
import type { Rule, RuleContext } from './context';
import { broadcast } from './ruleLayers';

const unary: Rule = (c) => {
  for (const output of c.node.outputs) if (output !== '') c.sameAll(c.input(0), output);
};

const variadic: Rule = (c) => {
  for (const input of c.node.inputs) if (input !== '') broadcast(c, input, c.output());
};

/** Old operator sets broadcast only with an attribute, and to axes that it names. */
const arithmetic: Rule = (c) => {
  if (c.facts.opset < 7 && intAttribute(c.node, 'broadcast', 0) !== 0) return;
  variadic(c);
};

/** PRelu's slope broadcasts to the input in one direction. */
const prelu: Rule = (c) => {
  c.sameAll(c.input(0), c.output());
  broadcast(c, c.input(1), c.output());
};

const pool: Rule = (c) => {
  for (const output of c.node.outputs) {
    if (output === '') continue;
    c.same(c.input(0), 0, output, 0);
    c.same(c.input(0), 1, output, 1);
  }
};

/** Channels pass; where `sizes` states their number, the constant is rewritten. */
const resize: Rule = (c) => {
  const [x, sizes, y] = [c.input(0), c.input(3), c.output()];
  const stated = sizes === '' ? undefined : c.facts.numbers(sizes);
  if ((sizes !== '' && !stated) || intsAttribute(c.node, 'axes')) return;
  const [dx, dy] = [c.dims(x), c.dims(y)];
  if (!dx || !dy || dx[1] !== dy[1]) return;
  c.same(x, 0, y, 0);
  c.same(x, 1, y, 1);
  if (!stated) return;
  c.edit(({ node, kept, length, integers }) => {
    if (kept(y, 1)) node.inputs[3] = integers(stated.map((size, axis) => (axis === 1 ? length(y, 1) : size)));
  });
};

/** Axes without padding pass. */
const pad: Rule = (c) => {
  const [x, y] = [c.input(0), c.output()];
  const rank = c.dims(x)?.length;
  const pads = intsAttribute(c.node, 'pads') ?? c.facts.numbers(c.input(1));
  if (rank === undefined || !pads || pads.length !== 2 * rank || c.input(3) !== '') return;
  for (let axis = 0; axis < rank; axis += 1) {
    if (pads[axis] === 0 && pads[axis + rank] === 0) c.same(x, axis, y, axis);
  }
};

const normalAxis = (axis: number, rank: number) => (axis < 0 ? axis + rank : axis);

/** Axes that are not reduced pass. */
const reduce: Rule = (c) => {
  const [x, y] = [c.input(0), c.output()];
  const rank = c.dims(x)?.length;
  if (rank === undefined) return;
  const asked = intsAttribute(c.node, 'axes') ?? (c.input(1) === '' ? [] : c.facts.numbers(c.input(1)));
  if (!asked) return;
  const none = asked.length === 0;
  if (none && intAttribute(c.node, 'noop_with_empty_axes', 0) !== 0) return;
  const reduced = new Set(asked.map((axis) => normalAxis(axis, rank)));
  const keeps = intAttribute(c.node, 'keepdims', 1) !== 0;
  let to = 0;
  for (let axis = 0; axis < rank; axis += 1) {
    if (none || reduced.has(axis)) {
      if (keeps) {
        c.free(y, to);
        to += 1;
      }
    } else {
      c.same(x, axis, y, to);
      to += 1;
    }
  }
};

/** Every axis but the one that sums to one; before opset 13 all axes from it on. */
const softmax: Rule = (c) => {
  const [x, y] = [c.input(0), c.output()];
  const rank = c.dims(x)?.length;
  if (rank === undefined) return;
  const old = c.facts.opset < 13;
  const from = normalAxis(intAttribute(c.node, 'axis', old ? 1 : -1), rank);
  for (let axis = 0; axis < rank; axis += 1) {
    if (old ? axis < from : axis !== from) c.same(x, axis, y, axis);
  }
};

/** Block of pixels ↔ channels. */
const depthToSpace: Rule = (c) => shuffledBlocks(c, c.input(0), c.output(), true);
const spaceToDepth: Rule = (c) => shuffledBlocks(c, c.output(), c.input(0), false);

function shuffledBlocks(c: RuleContext, deep: string, flat: string, named: boolean): void {
  const size = intAttribute(c.node, 'blocksize', 1);
  const [many, few] = [c.axis(deep, 1), c.axis(flat, 1)];
  c.same(deep, 0, flat, 0);
  if (!many || !few || many.length !== few.length * size * size) return;
  const mode = c.node.attributes.find(({ name }) => name === 'mode');
  const columns = named && mode?.type === 'STRING' && new TextDecoder().decode(mode.value) === 'CRD';
  c.ties(many, few, (i) => (columns ? Math.floor(i / (size * size)) : i % few.length), many.length);
}

const table = (names: string, rule: Rule): Record<string, Rule> =>
  Object.fromEntries(names.split(' ').map((name) => [name, rule]));

export const elementwiseRules: Readonly<Record<string, Rule>> = {
  ...table(
    'Abs Acos Acosh Asin Asinh Atan Atanh BitwiseNot Cast Ceil Celu Clip Cos Cosh Dropout Elu Erf Exp Floor Gelu ' +
      'HardSigmoid HardSwish Identity IsInf IsNaN LeakyRelu Log Mish Neg Not Reciprocal Relu Round Selu Sigmoid ' +
      'Sign Sin Sinh Softplus Softsign Sqrt Swish Tan Tanh ThresholdedRelu Shrink',
    unary,
  ),
  ...table('Add Sub Mul Div Pow', arithmetic),
  ...table(
    'Sum Mean Min Max Where And Or Xor Equal Greater GreaterOrEqual Less LessOrEqual Mod BitwiseAnd BitwiseOr',
    variadic,
  ),
  PRelu: prelu,
  ...table('MaxPool AveragePool LpPool GlobalAveragePool GlobalMaxPool GlobalLpPool', pool),
  Resize: resize,
  Upsample: pool,
  Pad: pad,
  ...table(
    'ReduceMean ReduceSum ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceSumSquare ReduceLogSum ReduceLogSumExp',
    reduce,
  ),
  ...table('Softmax LogSoftmax Hardmax', softmax),
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
};
