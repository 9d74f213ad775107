// Transposes that follow each other, or that a matrix product can take in:
// 1. Transpose(Transpose(x)) → one Transpose, or x itself when the two undo each other. The first one stays when
//    somebody else reads it.
// 2. Gemm(Transpose(a), …) → Gemm(a, …) with transA turned round; the same for the second operand and transB.

import { intAttribute, intsAttribute } from '../../ir/attributes';
import { attribute } from '../../ir/builder';
import type { Node } from '../../ir/model';
import type { Pass } from '../pass';
import { isOp } from '../rewrite';
import type { TensorReader } from '../tensorReader';
import { scopePass, type Scope } from './scope';

/** The stated order of axes; the default (reversed) needs the rank. */
function permOf(scope: Scope, node: Node): number[] | undefined {
  const stated = intsAttribute(node, 'perm');
  if (stated) return stated;
  const rank = scope.rank(node.inputs[0]);
  return rank === undefined ? undefined : Array.from({ length: rank }, (_, i) => rank - 1 - i);
}

const isIdentity = (perm: readonly number[]) => perm.every((axis, i) => axis === i);

function mergeWithFormer(scope: Scope, node: Node): void {
  const perm = permOf(scope, node);
  if (!perm) return;
  const former = scope.producer(node.inputs[0]);
  const first = isOp(former, 'Transpose') ? permOf(scope, former) : undefined;
  if (!former || first?.length !== perm.length) return;
  const source = former.inputs[0] ?? '';
  const alone = scope.onlyReader(former.outputs[0]) === node;
  const both = perm.map((axis) => first[axis] ?? -1);
  if (both.includes(-1)) return;
  if (isIdentity(both)) {
    scope.bypass(node, source);
  } else {
    scope.update(node, { inputs: [source], attributes: [attribute('perm', both.map(BigInt))] });
  }
  if (alone) scope.drop(former);
}

function intoGemm(scope: Scope, node: Node): void {
  for (const [position, name] of [
    [0, 'transA'],
    [1, 'transB'],
  ] as const) {
    const former = scope.producer(node.inputs[position]);
    if (!isOp(former, 'Transpose')) continue;
    const perm = permOf(scope, former);
    if (perm?.length !== 2 || perm[0] !== 1) continue;
    const inputs = node.inputs.map((input, i) => (i === position ? (former.inputs[0] ?? '') : input));
    const turned = intAttribute(node, name, 0) === 0 ? 1n : 0n;
    const others = node.attributes.filter((each) => each.name !== name);
    scope.update(node, { inputs, attributes: [...others, attribute(name, turned)] });
    if (scope.isUnused(former.outputs[0])) scope.drop(former);
  }
}

/** Merges consecutive Transposes and takes them into Gemm. */
export const mergeTransposes = (read: TensorReader): Pass =>
  scopePass(
    'merge transposes',
    read,
    (scope) => {
      for (const node of scope.nodes()) {
        if (isOp(node, 'Transpose')) mergeWithFormer(scope, node);
        else if (isOp(node, 'Gemm')) intoGemm(scope, node);
      }
    },
    ['Transpose'],
  );
