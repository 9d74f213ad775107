// Two activations of the form x · gate(x):
// 1. x · Sigmoid(x), and x · Sigmoid(a · x) with a number a → Swish, for models of opset 24 and newer.
// 2. x · HardSigmoid(x) with alpha 1/6 and beta 1/2, x · Clip(x + 3, 0, 6) / 6 and x · (Clip(x + 3, 0, 6) / 6)
//    (also · 1/6) → HardSwish, for models of opset 14 and newer.
// Fires only when no value inside the pattern is read elsewhere. In older operator sets the pattern stays.

import { floatAttribute } from '../../ir/attributes';
import type { Node } from '../../ir/model';
import type { Pass } from '../pass';
import { isOp } from '../rewrite';
import type { TensorReader } from '../tensorReader';
import { allInside, besideNumber, besideValue, isNumber, made, putOperator } from './recognize';
import { scopePass, type Scope } from './scope';

interface Gate {
  readonly x: string;
  readonly nodes: readonly Node[];
}

const swishOpset = 24;
const hardSwishOpset = 14;
/** Swish takes its number as an attribute, which is a float32. */
const floatTypes = new Set(['float', 'float16', 'bfloat16', 'double']);

function swish(scope: Scope, node: Node): void {
  for (const gate of node.inputs) {
    const x = besideValue(node, gate) ?? '';
    const sigmoid = made(scope, gate, 'Sigmoid');
    if (!sigmoid || !floatTypes.has(scope.elementType(x) ?? '')) continue;
    const argument = sigmoid.inputs[0] ?? '';
    const scaled = argument === x ? undefined : made(scope, argument, 'Mul');
    const factor = scaled && besideValue(scaled, x);
    const alpha = argument === x ? 1 : scope.scalar(factor);
    if (alpha === undefined || (factor !== undefined && scope.constant(factor)!.dims.length > 0)) continue;
    const inner = scaled ? [sigmoid, scaled] : [sigmoid];
    if (!allInside(scope, inner, node)) continue;
    putOperator(scope, node, inner, 'Swish', [x], alpha === 1 ? {} : { alpha });
    return;
  }
}

/** A node that divides by 6, or multiplies with 1/6 → what it divides. */
function sixthOf(scope: Scope, node: Node | undefined): string | undefined {
  if (isOp(node, 'Mul')) return besideNumber(scope, node, 1 / 6);
  if (!isOp(node, 'Div')) return undefined;
  const [dividend, divisor] = node.inputs;
  return isNumber(scope, divisor, 6, dividend) ? dividend : undefined;
}

/** Clip(x + 3, 0, 6) → x. */
function sixStepOf(scope: Scope, value: string | undefined): Gate | undefined {
  const clip = made(scope, value, 'Clip');
  const sum = made(scope, clip?.inputs[0], 'Add');
  const x = sum && besideNumber(scope, sum, 3);
  if (!clip || !sum || x === undefined) return undefined;
  const bounds = scope.scalar(clip.inputs[1]) === 0 && scope.scalar(clip.inputs[2]) === 6;
  return bounds ? { x, nodes: [clip, sum] } : undefined;
}

/** A gate that rises from 0 to 1 between −3 and 3 → what it looks at. */
function hardGateOf(scope: Scope, value: string): Gate | undefined {
  const node = scope.producer(value);
  if (isOp(node, 'HardSigmoid')) {
    const slope = floatAttribute(node, 'alpha', 0.2);
    const fits = Math.abs(slope - 1 / 6) < 1e-6 && floatAttribute(node, 'beta', 0.5) === 0.5;
    return fits ? { x: node.inputs[0] ?? '', nodes: [node] } : undefined;
  }
  const step = sixStepOf(scope, sixthOf(scope, node));
  return node && step && { x: step.x, nodes: [node, ...step.nodes] };
}

function hardSwish(scope: Scope, node: Node): void {
  const found = isOp(node, 'Mul')
    ? (gatedProduct(scope, node, hardGateOf) ?? late(scope, node))
    : late(scope, node);
  if (!found || !floatTypes.has(scope.elementType(found.x) ?? '')) return;
  if (allInside(scope, found.nodes, node)) putOperator(scope, node, found.nodes, 'HardSwish', [found.x]);
}

/** x · gate(x). */
function gatedProduct(
  scope: Scope,
  node: Node,
  gateOf: (scope: Scope, value: string) => Gate | undefined,
): Gate | undefined {
  for (const value of node.inputs) {
    const gate = gateOf(scope, value);
    if (gate && besideValue(node, value) === gate.x) return gate;
  }
  return undefined;
}

/** (x · Clip(x + 3, 0, 6)) / 6. */
function late(scope: Scope, node: Node): Gate | undefined {
  const product = made(scope, sixthOf(scope, node), 'Mul');
  const found = product && gatedProduct(scope, product, sixStepOf);
  return product && found && { x: found.x, nodes: [product, ...found.nodes] };
}

/** Recognises Swish and HardSwish; see the rules above. */
export const recognizeSwish = (read: TensorReader): Pass =>
  scopePass(
    'recognize swish',
    read,
    (scope) => {
      for (const node of scope.nodes()) {
        if (!isOp(node, 'Mul', 'Div')) continue;
        if (scope.opset >= swishOpset && isOp(node, 'Mul')) swish(scope, node);
        if (scope.opset >= hardSwishOpset && scope.producer(node.outputs[0]) === node) hardSwish(scope, node);
      }
    },
    ['Sigmoid', 'HardSigmoid', 'Clip'],
  );
