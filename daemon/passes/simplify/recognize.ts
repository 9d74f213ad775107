// What the rewrites that recognise an activation share: constants of one element, and putting a single operator
// in the place of a pattern of several.

import { node as makeNode, type AttributeValue } from '../../ir/builder';
import type { Node } from '../../ir/model';
import { isOp } from '../rewrite';
import type { Scope } from './scope';

/** Exporters write constants of formulas in float32, and some in decimals. */
const close = (value: number | undefined, wanted: number) =>
  value !== undefined && Math.abs(value - wanted) <= 1e-4 * Math.abs(wanted);

/** True for a constant of one element that is this number and cannot widen a value of the given rank. */
export function isNumber(scope: Scope, value: string | undefined, wanted: number, beside?: string): boolean {
  if (!close(scope.scalar(value), wanted)) return false;
  const rank = scope.constant(value)!.dims.length;
  return rank === 0 || (beside !== undefined && rank <= (scope.rank(beside) ?? 0));
}

/** The other operand when one operand of a commutative operator is this constant. */
export function besideNumber(scope: Scope, node: Node, wanted: number): string | undefined {
  const [a = '', b = ''] = node.inputs;
  if (isNumber(scope, b, wanted, a)) return a;
  return isNumber(scope, a, wanted, b) ? b : undefined;
}

/** The other operand of a two-operand node. */
export function besideValue(node: Node, value: string): string | undefined {
  const [a, b] = node.inputs;
  return a === value ? b : b === value ? a : undefined;
}

/** The producer of a value when it is one of these operators. */
export function made<OpType extends string>(scope: Scope, value: string | undefined, ...types: OpType[]) {
  const node = scope.producer(value);
  return isOp(node, ...types) ? node : undefined;
}

/** True when what a pattern's inner nodes write is read only inside the pattern, so that they can go with it. */
export function allInside(scope: Scope, inner: readonly Node[], last: Node): boolean {
  const pattern = new Set([...inner, last]);
  return inner.every((node) =>
    node.outputs.every(
      (name) => !scope.isOutput(name) && scope.readers(name).every((reader) => pattern.has(reader)),
    ),
  );
}

/** Puts one operator where the last node of a pattern stood; the others go. */
export function putOperator(
  scope: Scope,
  last: Node,
  inner: readonly Node[],
  opType: string,
  inputs: readonly string[],
  attributes: Readonly<Record<string, AttributeValue>> = {},
): void {
  const { name, outputs, docString, metadataProps } = last;
  scope.replace(last, [
    { ...makeNode(opType, inputs, outputs, { name, attributes }), docString, metadataProps },
  ]);
  scope.drop(...inner);
}
