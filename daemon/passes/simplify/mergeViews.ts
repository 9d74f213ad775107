// Reshape, Flatten, Squeeze and Unsqueeze only give elements another shape, so of several in a row the last one
// counts:
// 1. view(view(x)) → Reshape(x, shape), when all but one dimension of the result are known numbers (the open one
//    becomes −1) and none of them is 0. The first view stays when somebody else reads it.
// 2. A view whose result has the shape of its input → nothing. Shapes are the same only when every dimension is
//    the same number, or the same symbol.
// 3. Squeeze(Unsqueeze(x)) and Unsqueeze(Squeeze(x)) over the same axes → nothing, whatever the shape.

import { int64Tensor, node as makeNode } from '../../ir/builder';
import { intAttribute, intsAttribute } from '../../ir/attributes';
import type { Node } from '../../ir/model';
import type { Pass } from '../pass';
import { isOp } from '../rewrite';
import type { TensorReader } from '../tensorReader';
import { scopePass, type Scope } from './scope';

const isView = (node: Node | undefined): node is Node =>
  isOp(node, 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze') && node.outputs.length === 1;

/** Axes as they are written, from the input or (before opset 13) the attribute. */
export const axesOf = (scope: Scope, node: Node): readonly number[] | undefined =>
  (node.inputs[1] ?? '') === '' ? intsAttribute(node, 'axes') : scope.numbers(node.inputs[1]);

/** Sorted axes counted from the front of the longer shape of the two. */
function frontAxes(scope: Scope, node: Node): string | undefined {
  const axes = axesOf(scope, node);
  if (!axes || axes.length === 0) return undefined;
  const longer = isOp(node, 'Squeeze') ? node.inputs[0] : node.outputs[0];
  const rank = scope.rank(longer);
  if (axes.some((axis) => axis < 0) && rank === undefined) return undefined;
  return axes
    .map((axis) => (axis < 0 ? axis + (rank ?? 0) : axis))
    .sort((a, b) => a - b)
    .join(',');
}

function undoEachOther(scope: Scope, former: Node, node: Node): boolean {
  const pair = `${former.opType} ${node.opType}`;
  if (pair !== 'Squeeze Unsqueeze' && pair !== 'Unsqueeze Squeeze') return false;
  const axes = frontAxes(scope, node);
  return axes !== undefined && axes === frontAxes(scope, former);
}

function sameShape(scope: Scope, a: string | undefined, b: string | undefined): boolean {
  const left = scope.dims(a);
  const right = scope.dims(b);
  return (
    left !== undefined &&
    left.length === right?.length &&
    left.every((dim, axis) => dim !== null && dim === right[axis])
  );
}

/** The shape to reshape to, with −1 for the one dimension that is open; undefined when it cannot be written. */
function targetShape(scope: Scope, value: string | undefined): number[] | undefined {
  const dims = scope.dims(value);
  if (!dims) return undefined;
  const shape = dims.map((dim) => (typeof dim === 'number' ? dim : -1));
  // A 0 would mean "as in the input", and beside an empty dimension −1 has no meaning.
  if (shape.includes(0) || shape.filter((dim) => dim === -1).length > 1) return undefined;
  return shape;
}

function merge(scope: Scope, node: Node): void {
  const input = node.inputs[0] ?? '';
  const result = node.outputs[0] ?? '';
  if (sameShape(scope, input, result)) {
    scope.bypass(node, input);
    return;
  }
  const former = scope.producer(input);
  if (!isView(former)) return;
  const source = former.inputs[0] ?? '';
  const alone = scope.onlyReader(input) === node;
  if (undoEachOther(scope, former, node) || sameShape(scope, source, result)) {
    scope.bypass(node, source);
    if (alone) scope.drop(former);
    return;
  }
  const shape = targetShape(scope, result);
  if (!shape) return;
  // A Reshape with a constant shape that copies nothing is already in its final form.
  const already = isOp(node, 'Reshape') ? scope.numbers(node.inputs[1]) : undefined;
  const keeps = already?.every((dim) => dim !== 0) && intAttribute(node, 'allowzero', 0) === 0;
  if (keeps) scope.update(node, { inputs: [source, ...node.inputs.slice(1)] });
  else {
    const name = scope.addConstant(`${result}_shape`, (tensor) => int64Tensor(tensor, [shape.length], shape));
    scope.replace(node, [
      {
        ...makeNode('Reshape', [source, name], [result], { name: node.name }),
        docString: node.docString,
        metadataProps: node.metadataProps,
      },
    ]);
  }
  if (alone) scope.drop(former);
}

/** Merges consecutive operators that only change the shape; needs opset 5, where Reshape takes a shape input. */
export const mergeViews = (read: TensorReader): Pass =>
  scopePass(
    'merge reshapes',
    read,
    (scope) => {
      if (scope.opset < 5) return;
      for (const node of scope.nodes()) if (isView(node)) merge(scope, node);
    },
    ['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze'],
  );
