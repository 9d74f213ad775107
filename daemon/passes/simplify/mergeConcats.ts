// Concat:
// 1. Concat(Concat(a, b), c) along the same axis → Concat(a, b, c), when nobody else reads the inner one.
// 2. Concat of a single value → that value.
// 3. Concat of all outputs of one Split, in order and along its axis → what was split, when the parts are read
//    by nobody else.

import { intAttribute } from '../../ir/attributes';
import type { Node } from '../../ir/model';
import type { Pass } from '../pass';
import { isOp } from '../rewrite';
import type { TensorReader } from '../tensorReader';
import { scopePass, type Scope } from './scope';

/** The axis counted from the front, or as written when it is and the rank is not known. */
function axisOf(scope: Scope, node: Node, value: string | undefined, fallback: number): number {
  const axis = intAttribute(node, 'axis', fallback);
  const rank = scope.rank(value);
  return axis < 0 && rank !== undefined ? axis + rank : axis;
}

function flatten(scope: Scope, node: Node): void {
  const axis = axisOf(scope, node, node.outputs[0], 1);
  const inner = new Set<Node>();
  const inputs = node.inputs.flatMap((input) => {
    const former = scope.producer(input);
    if (!isOp(former, 'Concat') || scope.onlyReader(input) !== node) return [input];
    if (axisOf(scope, former, input, 1) !== axis) return [input];
    inner.add(former);
    return former.inputs;
  });
  if (inner.size === 0) return;
  scope.update(node, { inputs });
  scope.drop(...inner);
}

function isSplitAgain(scope: Scope, node: Node): Node | undefined {
  const split = scope.producer(node.inputs[0]);
  if (!isOp(split, 'Split') || split.outputs.length !== node.inputs.length) return undefined;
  const same = split.outputs.every((name, i) => name === node.inputs[i] && scope.onlyReader(name) === node);
  const axis = axisOf(scope, split, split.inputs[0], 0);
  return same && axis === axisOf(scope, node, node.outputs[0], 1) && axis >= 0 ? split : undefined;
}

/** Merges nested Concats and removes those that join nothing, or join what was split. */
export const mergeConcats = (read: TensorReader): Pass =>
  scopePass(
    'merge concats',
    read,
    (scope) => {
      for (const node of scope.nodes()) {
        if (!isOp(node, 'Concat')) continue;
        flatten(scope, node);
        const split = isSplitAgain(scope, node);
        const whole = split ? split.inputs[0] : node.inputs.length === 1 ? node.inputs[0] : undefined;
        if (whole === undefined) continue;
        scope.bypass(node, whole);
        if (split) scope.drop(split);
      }
    },
    ['Concat'],
  );
