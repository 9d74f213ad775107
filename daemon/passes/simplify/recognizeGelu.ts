// GELU written out, for models of opset 20 and newer, where the standard has the operator:
// 1. x · 0.5 · (1 + Erf(x / √2)), factors in any order and grouping, x / √2 also as x · 0.7071 → Gelu(x).
// 2. 0.5 · x · (1 + Tanh(√(2/π) · (x + 0.044715 · x³))), x³ as Pow(x, 3) or x · x · x → Gelu(x, approximate=tanh).
// Fires only when no value inside the pattern is read elsewhere. Below opset 20 the pattern stays, which ONNX
// Runtime fuses by itself.

import type { Node } from '../../ir/model';
import type { Pass } from '../pass';
import { isOp } from '../rewrite';
import type { TensorReader } from '../tensorReader';
import { allInside, besideNumber, besideValue, isNumber, made, putOperator } from './recognize';
import { scopePass, type Scope } from './scope';

interface Inner {
  readonly x: string;
  readonly nodes: readonly Node[];
}

/** Erf(x / √2) → x. */
function erfOf(scope: Scope, value: string): Inner | undefined {
  const erf = made(scope, value, 'Erf');
  const scaled = made(scope, erf?.inputs[0], 'Div', 'Mul');
  if (!erf || !scaled) return undefined;
  const [dividend = '', divisor] = scaled.inputs;
  const x =
    scaled.opType === 'Div'
      ? isNumber(scope, divisor, Math.SQRT2, dividend)
        ? dividend
        : undefined
      : besideNumber(scope, scaled, Math.SQRT1_2);
  return x === undefined ? undefined : { x, nodes: [erf, scaled] };
}

/** x³ → x. */
function cubeOf(scope: Scope, value: string): Inner | undefined {
  const node = made(scope, value, 'Pow', 'Mul');
  if (!node) return undefined;
  const [base = '', exponent = ''] = node.inputs;
  if (node.opType === 'Pow')
    return isNumber(scope, exponent, 3, base) ? { x: base, nodes: [node] } : undefined;
  for (const [x, squared] of [
    [base, exponent],
    [exponent, base],
  ] as const) {
    const square = made(scope, squared, 'Mul');
    if (square?.inputs.every((input) => input === x)) return { x, nodes: [node, square] };
  }
  return undefined;
}

/** Tanh(√(2/π) · (x + 0.044715 · x³)) → x. */
function tanhOf(scope: Scope, value: string): Inner | undefined {
  const tanh = made(scope, value, 'Tanh');
  const scaled = made(scope, tanh?.inputs[0], 'Mul');
  const sum = scaled && made(scope, besideNumber(scope, scaled, Math.sqrt(2 / Math.PI)), 'Add');
  if (!tanh || !scaled || !sum) return undefined;
  for (const [x, term] of [
    [sum.inputs[0] ?? '', sum.inputs[1] ?? ''],
    [sum.inputs[1] ?? '', sum.inputs[0] ?? ''],
  ] as const) {
    const factor = made(scope, term, 'Mul');
    const cube = factor && cubeOf(scope, besideNumber(scope, factor, 0.044715) ?? '');
    if (factor && cube?.x === x) return { x, nodes: [tanh, scaled, sum, factor, ...cube.nodes] };
  }
  return undefined;
}

/** 1 + Erf(…) or 1 + Tanh(…). */
function bracketOf(scope: Scope, value: string): (Inner & { readonly tanh: boolean }) | undefined {
  const sum = made(scope, value, 'Add');
  const inner = sum && besideNumber(scope, sum, 1);
  if (!sum || inner === undefined) return undefined;
  const erf = erfOf(scope, inner);
  const found = erf ?? tanhOf(scope, inner);
  return found && { x: found.x, nodes: [sum, ...found.nodes], tanh: !erf };
}

/** The factors of the product x · 0.5 · bracket, which stand in two Muls in some order. */
function match(scope: Scope, last: Node): (Inner & { readonly tanh: boolean }) | undefined {
  for (const one of last.inputs) {
    const other = besideValue(last, one) ?? '';
    const bracket = bracketOf(scope, one);
    // (0.5 · x) · bracket
    const half = bracket && made(scope, other, 'Mul');
    if (bracket && half && besideNumber(scope, half, 0.5) === bracket.x)
      return { ...bracket, nodes: [half, ...bracket.nodes] };
    // 0.5 · (x · bracket) and x · (0.5 · bracket)
    const product = made(scope, one, 'Mul');
    if (!product) continue;
    const isHalf = isNumber(scope, other, 0.5, one);
    for (const factor of product.inputs) {
      const inside = bracketOf(scope, factor);
      const rest = besideValue(product, factor) ?? '';
      const fits = isHalf ? rest === inside?.x : other === inside?.x && isNumber(scope, rest, 0.5, factor);
      if (inside && fits) return { ...inside, nodes: [product, ...inside.nodes] };
    }
  }
  return undefined;
}

/** Recognises GELU; see the rules above. */
export const recognizeGelu = (read: TensorReader): Pass =>
  scopePass(
    'recognize gelu',
    read,
    (scope) => {
      if (scope.opset < 20) return;
      for (const node of scope.nodes()) {
        if (!isOp(node, 'Mul')) continue;
        const found = match(scope, node);
        if (!found || !allInside(scope, found.nodes, node)) continue;
        putOperator(scope, node, found.nodes, 'Gelu', [found.x], found.tanh ? { approximate: 'tanh' } : {});
      }
    },
    ['Erf', 'Tanh'],
  );
