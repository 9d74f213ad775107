// Layer normalisation written out, for models of opset 17 and newer, where the standard has the operator:
// 1. d = x − ReduceMean(x); d / Sqrt(ReduceMean(d²) + ε) · scale (+ bias) → LayerNormalization(x, scale, bias).
//    d² is Pow(d, 2) or d · d; the mean is over the last axes with keepdims; scale and bias are constants of
//    exactly the shape that is normalised, on either side of their operator.
// Fires only when no value inside the pattern is read elsewhere, for float types. In older operator sets it stays.

import { intAttribute, intsAttribute } from '../../ir/attributes';
import type { Node } from '../../ir/model';
import type { Pass } from '../pass';
import { isOp } from '../rewrite';
import type { TensorReader } from '../tensorReader';
import { allInside, besideValue, isNumber, made, putOperator } from './recognize';
import { scopePass, type Scope } from './scope';

interface Normalised {
  readonly x: string;
  readonly axis: number;
  readonly epsilon: number;
  readonly nodes: readonly Node[];
}

/** The first of the reduced axes, counted from the front, when they are the last ones and stay in the shape. */
function lastAxes(scope: Scope, mean: Node): number | undefined {
  const rank = scope.rank(mean.inputs[0]);
  const inAttribute = scope.opset < 18;
  const axes = inAttribute ? intsAttribute(mean, 'axes') : scope.numbers(mean.inputs[1]);
  if (rank === undefined || !axes || axes.length === 0 || intAttribute(mean, 'keepdims', 1) !== 1)
    return undefined;
  const front = axes.map((axis) => (axis < 0 ? axis + rank : axis)).sort((a, b) => a - b);
  return front.every((axis, i) => axis === rank - front.length + i) ? front[0] : undefined;
}

/** d² → d. */
function squareOf(scope: Scope, node: Node): string | undefined {
  const [a, b] = node.inputs;
  if (isOp(node, 'Mul')) return a === b ? a : undefined;
  return isOp(node, 'Pow') && isNumber(scope, b, 2, a) ? a : undefined;
}

/** (x − mean) / √(variance + ε). */
function normalised(scope: Scope, value: string | undefined): Normalised | undefined {
  const quotient = made(scope, value, 'Div');
  const difference = made(scope, quotient?.inputs[0], 'Sub');
  const root = made(scope, quotient?.inputs[1], 'Sqrt');
  const sum = made(scope, root?.inputs[0], 'Add');
  if (!quotient || !difference || !root || !sum) return undefined;
  const [x = '', meanName] = difference.inputs;
  const mean = made(scope, meanName, 'ReduceMean');
  for (const varianceName of sum.inputs) {
    const variance = made(scope, varianceName, 'ReduceMean');
    const square = made(scope, variance?.inputs[0], 'Pow', 'Mul');
    const epsilonName = besideValue(sum, varianceName);
    const epsilon = scope.scalar(epsilonName);
    if (!mean || !variance || !square || epsilon === undefined) continue;
    if (scope.constant(epsilonName)!.dims.length > (scope.rank(x) ?? 0)) continue;
    if (mean.inputs[0] !== x || squareOf(scope, square) !== difference.outputs[0]) continue;
    const axis = lastAxes(scope, mean);
    if (axis === undefined || axis !== lastAxes(scope, variance)) continue;
    return { x, axis, epsilon, nodes: [quotient, difference, root, sum, mean, variance, square] };
  }
  return undefined;
}

/** A constant of exactly the normalised shape. */
function parameter(scope: Scope, name: string | undefined, found: Normalised): string | undefined {
  const dims = scope.constant(name)?.dims;
  const shape = scope.dims(found.x)?.slice(found.axis);
  return dims?.length === shape?.length && dims?.every((dim, i) => dim === shape![i]) ? name : undefined;
}

function recognize(scope: Scope, product: Node): void {
  for (const value of product.inputs) {
    const found = normalised(scope, value);
    const type = scope.elementType(found?.x);
    if (!found || (type !== 'float' && type !== 'double' && type !== 'float16')) continue;
    const scale = parameter(scope, besideValue(product, value), found);
    if (scale === undefined || !allInside(scope, found.nodes, product)) continue;
    const attributes = { axis: BigInt(found.axis), epsilon: found.epsilon };
    const add = scope.onlyReader(product.outputs[0]);
    const bias = isOp(add, 'Add')
      ? parameter(scope, besideValue(add, product.outputs[0]!), found)
      : undefined;
    if (add && bias !== undefined)
      putOperator(
        scope,
        add,
        [product, ...found.nodes],
        'LayerNormalization',
        [found.x, scale, bias],
        attributes,
      );
    else putOperator(scope, product, found.nodes, 'LayerNormalization', [found.x, scale], attributes);
    return;
  }
}

/** Recognises layer normalisation; see the rules above. */
export const recognizeLayerNorm = (read: TensorReader): Pass =>
  scopePass(
    'recognize layer normalization',
    read,
    (scope) => {
      if (scope.opset < 17) return;
      for (const node of scope.nodes()) if (isOp(node, 'Mul')) recognize(scope, node);
    },
    ['ReduceMean'],
  );
