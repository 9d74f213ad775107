// Slices in a row with constant bounds:
// 1. Slice(Slice(x)) over different axes → one Slice over all of them.
// 2. Over the same axis, both with step 1 and bounds counted from the front → one Slice with the bounds added up.
// 3. A Slice that takes everything (start 0, end at least the known length, step 1) → nothing.
// Only when nobody else reads what lies between.

import { int64Tensor } from '../../ir/builder';
import type { Node } from '../../ir/model';
import type { Pass } from '../pass';
import { isOp } from '../rewrite';
import type { TensorReader } from '../tensorReader';
import { scopePass, type Scope } from './scope';

interface Cut {
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

/** Ends beyond this stand for "to the end". */
const far = 2 ** 31 - 1;

function cutsOf(scope: Scope, node: Node): Map<number, Cut> | undefined {
  const rank = scope.rank(node.inputs[0]);
  const starts = scope.numbers(node.inputs[1]);
  const ends = scope.numbers(node.inputs[2]);
  if (!starts || starts.length !== ends?.length) return undefined;
  const optional = (position: number, fallback: (i: number) => number) =>
    (node.inputs[position] ?? '') === ''
      ? starts.map((_, i) => fallback(i))
      : scope.numbers(node.inputs[position]);
  const axes = optional(3, (i) => i);
  const steps = optional(4, () => 1);
  if (axes?.length !== starts.length || steps?.length !== starts.length) return undefined;
  if (axes.some((axis) => axis < 0) && rank === undefined) return undefined;
  const cuts = new Map<number, Cut>();
  for (const [i, axis] of axes.entries()) {
    const front = axis < 0 ? axis + (rank ?? 0) : axis;
    if (cuts.has(front)) return undefined;
    cuts.set(front, { start: starts[i]!, end: ends[i]!, step: steps[i]! });
  }
  return cuts;
}

/** Both cuts as one; undefined when that cannot be said without the length. */
function joined(first: Cut | undefined, second: Cut): Cut | undefined {
  if (!first) return second;
  const plain = [first, second].every(({ start, end, step }) => start >= 0 && end >= 0 && step === 1);
  if (!plain) return undefined;
  const end = second.end >= far ? first.end : Math.min(first.end, first.start + second.end);
  return { start: Math.min(first.start + second.start, far), end, step: 1 };
}

function takesAll(scope: Scope, node: Node): boolean {
  const cuts = cutsOf(scope, node);
  const dims = scope.dims(node.inputs[0]);
  if (!cuts || !dims) return false;
  return [...cuts].every(([axis, { start, end, step }]) => {
    const length = dims[axis];
    return start === 0 && step === 1 && (typeof length === 'number' ? end >= length : end >= far);
  });
}

function merge(scope: Scope, node: Node): void {
  const former = scope.producer(node.inputs[0]);
  if (!isOp(former, 'Slice') || scope.onlyReader(former.outputs[0]) !== node) return;
  const first = cutsOf(scope, former);
  const second = cutsOf(scope, node);
  if (!first || !second) return;
  const all = new Map(first);
  for (const [axis, cut] of second) {
    const both = joined(first.get(axis), cut);
    if (!both) return;
    all.set(axis, both);
  }
  const [result = ''] = node.outputs;
  const constant = (what: string, values: readonly number[]) =>
    scope.addConstant(`${result}_${what}`, (name) =>
      int64Tensor(
        name,
        [values.length],
        // What was read as a number may have been INT64_MAX, which numbers only round.
        values.map((value) =>
          value >= 2 ** 53 ? 2n ** 63n - 1n : value <= -(2 ** 53) ? -(2n ** 63n) + 1n : BigInt(value),
        ),
      ),
    );
  const cuts = [...all.values()];
  scope.update(node, {
    inputs: [
      former.inputs[0] ?? '',
      constant(
        'starts',
        cuts.map(({ start }) => start),
      ),
      constant(
        'ends',
        cuts.map(({ end }) => end),
      ),
      constant('axes', [...all.keys()]),
      constant(
        'steps',
        cuts.map(({ step }) => step),
      ),
    ],
  });
  scope.drop(former);
}

/** Merges consecutive Slices; needs opset 10, where bounds are inputs. */
export const mergeSlices = (read: TensorReader): Pass =>
  scopePass(
    'merge slices',
    read,
    (scope) => {
      if (scope.opset < 10) return;
      for (const node of scope.nodes()) {
        if (!isOp(node, 'Slice')) continue;
        if (takesAll(scope, node)) scope.bypass(node, node.inputs[0] ?? '');
        else merge(scope, node);
      }
    },
    ['Slice'],
  );
