// Nodes that give back what they get, seen from types, shapes and constants (removeIdentity knows those that need
// neither):
// 1. Identity and Dropout inside bodies. 2. Transpose in the order that is there. 3. Pad by nothing.
// 4. x + 0, x − 0, x · 1, x / 1, x ^ 1, when the constant cannot change the shape: one element and no more
//    dimensions than x. 5. Expand and Tile to the same size. 6. Sum, Max, Min and Mean of one value.
// 7. Relu of Relu; Clip of Clip with the same bounds. 8. A pooling over 1×1 windows with steps of 1.
// 9. ReduceMean, ReduceSum, ReduceMax, ReduceMin, ReduceProd and global pooling over axes of length 1 that stay.
// Where the result is an output of the graph, an Identity stays for the name.

import { intAttribute, intsAttribute } from '../../ir/attributes';
import type { Node } from '../../ir/model';
import type { Pass } from '../pass';
import { isOp } from '../rewrite';
import type { TensorReader } from '../tensorReader';
import { scopePass, type Scope } from './scope';

/** The other operand of an operation with a constant that changes nothing. */
function neutral(scope: Scope, node: Node, number: number, positions: readonly number[]): string | undefined {
  for (const position of positions) {
    if (scope.scalar(node.inputs[position]) !== number) continue;
    const other = node.inputs[1 - position] ?? '';
    const rank = scope.rank(other);
    const added = scope.constant(node.inputs[position])!.dims.length;
    if (added === 0 || (rank !== undefined && added <= rank)) return other;
  }
  return undefined;
}

const same = (a: readonly unknown[] | undefined, b: readonly unknown[] | undefined) =>
  a !== undefined && a.length === b?.length && a.every((item, i) => item !== null && item === b[i]);

const ones = (values: readonly number[] | undefined, fallback: boolean) =>
  values ? values.every((value) => value === 1) : fallback;

function isUnitPool(node: Node): boolean {
  return (
    node.outputs.length === 1 &&
    ones(intsAttribute(node, 'kernel_shape'), false) &&
    ones(intsAttribute(node, 'strides'), true) &&
    (intsAttribute(node, 'pads') ?? []).every((pad) => pad === 0)
  );
}

/** True when all reduced axes are known to be there once, and stay in the shape. */
function reducesNothing(scope: Scope, node: Node): boolean {
  const dims = scope.dims(node.inputs[0]);
  if (!dims || intAttribute(node, 'keepdims', 1) !== 1) return false;
  const stated = intsAttribute(node, 'axes');
  const axes = (node.inputs[1] ?? '') === '' ? stated : scope.numbers(node.inputs[1]);
  // Without axes all are reduced, or none: that depends on an attribute of newer operator sets.
  return axes !== undefined && axes.length > 0 && axes.every((axis) => dims.at(axis) === 1);
}

/** The value that a node gives back unchanged. */
function givenBack(scope: Scope, node: Node): string | undefined {
  const [input = ''] = node.inputs;
  const pads = () => (scope.opset < 11 ? intsAttribute(node, 'pads') : scope.numbers(node.inputs[1]));
  switch (node.opType) {
    case 'Identity':
      return input;
    case 'Dropout': {
      if (scope.opset < 7 && intAttribute(node, 'is_test', 0) === 0) return undefined;
      return (node.inputs[2] ?? '') === '' && scope.isUnused(node.outputs[1]) ? input : undefined;
    }
    case 'Transpose':
      return intsAttribute(node, 'perm')?.every((axis, i) => axis === i) ? input : undefined;
    case 'Pad':
      return scope.opset >= 2 && pads()?.every((pad) => pad === 0) ? input : undefined;
    case 'Add':
      // −0 + 0 is 0; the sign of a zero is nothing that a model means.
      return scope.opset < 7 ? undefined : neutral(scope, node, 0, [0, 1]);
    case 'Mul':
      return scope.opset < 7 ? undefined : neutral(scope, node, 1, [0, 1]);
    case 'Sub':
      return scope.opset < 7 ? undefined : neutral(scope, node, 0, [1]);
    case 'Div':
    case 'Pow':
      return scope.opset < 7 ? undefined : neutral(scope, node, 1, [1]);
    case 'Expand': {
      const shape = scope.values(node.inputs[1]);
      const dims = scope.dims(input);
      const keeps =
        dims &&
        shape &&
        shape.length <= dims.length &&
        shape.every((dim, i) => dim === 1 || (dim !== null && dim === dims[dims.length - shape.length + i]));
      return keeps ? input : undefined;
    }
    case 'Tile':
      return scope.opset >= 6 && ones(scope.numbers(node.inputs[1]), false) ? input : undefined;
    case 'Sum':
    case 'Max':
    case 'Min':
    case 'Mean':
      return node.inputs.length === 1 ? input : undefined;
    case 'Relu':
      return isOp(scope.producer(input), 'Relu') ? input : undefined;
    case 'Clip': {
      const former = scope.producer(input);
      const alike =
        isOp(former, 'Clip') && scope.opset >= 11 && same(former.inputs.slice(1), node.inputs.slice(1));
      return alike ? input : undefined;
    }
    case 'ReduceMean':
    case 'ReduceSum':
    case 'ReduceMax':
    case 'ReduceMin':
    case 'ReduceProd':
      return reducesNothing(scope, node) ? input : undefined;
    case 'GlobalAveragePool':
    case 'GlobalMaxPool':
      return scope
        .dims(input)
        ?.slice(2)
        .every((dim) => dim === 1)
        ? input
        : undefined;
    case 'MaxPool':
    case 'AveragePool':
      return isUnitPool(node) ? input : undefined;
    default:
      return undefined;
  }
}

/** Removes nodes that change nothing. */
export const removeNoOps = (read: TensorReader): Pass =>
  scopePass('remove no-ops', read, (scope) => {
    for (const node of scope.nodes()) {
      if (!isOp(node, node.opType)) continue;
      const value = givenBack(scope, node);
      if (value === undefined || value === '') continue;
      scope.bypass(node, value);
    }
  });
