// Shape arithmetic, as far as shape inference followed it:
// 1. An int64 or int32 value whose elements are all known numbers (Shape of a fixed dimension, Gather, Concat,
//    Mul … of such) → a constant.
// 2. The shape input of Reshape, when it depends on free dimensions, → a constant with 0 for "as in the input at
//    this place" and −1 for at most one other open dimension; not beside a 0 that is meant as a number.
// Symbols count as equal sizes only where they are the same text, as in daemon/analysis/shapes/dims.ts.

import { intAttribute } from '../../ir/attributes';
import { int32Tensor, int64Tensor } from '../../ir/builder';
import type { Node } from '../../ir/model';
import type { Pass } from '../pass';
import { isOp } from '../rewrite';
import type { TensorReader } from '../tensorReader';
import { scopePass, type Scope } from './scope';

/** Shape arithmetic is short; longer tables of numbers are data. */
const mostElements = 256;

function known(scope: Scope, node: Node): void {
  const [name = ''] = node.outputs;
  if (name === '' || scope.isOutput(name) || !node.outputs.slice(1).every((each) => scope.isUnused(each)))
    return;
  const values = scope.values(name);
  const dims = scope.fixedDims(name);
  const type = scope.elementType(name);
  if (!values || !dims || values.length > mostElements) return;
  if (!values.every((value): value is number => typeof value === 'number' && Number.isSafeInteger(value)))
    return;
  if (type === 'int64') scope.becomeConstant(node, int64Tensor(name, dims, values));
  else if (type === 'int32') scope.becomeConstant(node, int32Tensor(name, dims, values));
}

function reshapeTarget(scope: Scope, node: Node): void {
  const [data = '', shape = ''] = node.inputs;
  if (shape === '' || scope.constant(shape) || intAttribute(node, 'allowzero', 0) !== 0) return;
  const values = scope.values(shape);
  const dims = scope.dims(data);
  if (!values || values.length === 0 || !dims) return;
  // Elsewhere a 0 copies too; it is kept as it is.
  const target = values.map((value, i) => {
    if (typeof value === 'number') return value;
    return value !== null && value === dims[i] ? 0 : -1;
  });
  const open = target.filter((dim) => dim === -1).length;
  const emptyStated = values.includes(0) && open > 0;
  if (open > 1 || emptyStated) return;
  const name = scope.addConstant(`${node.outputs[0] ?? ''}_shape`, (tensor) =>
    int64Tensor(tensor, [target.length], target),
  );
  scope.update(node, { inputs: [data, name] });
}

/** Turns shape arithmetic whose result is known into constants; needs opset 5, where Reshape takes a shape input. */
export const foldShapes = (read: TensorReader): Pass =>
  scopePass('fold shape arithmetic', read, (scope) => {
    if (scope.opset < 5) return;
    for (const node of scope.nodes()) {
      if (isOp(node, 'Constant')) continue;
      known(scope, node);
    }
    for (const node of scope.nodes()) if (isOp(node, 'Reshape')) reshapeTarget(scope, node);
  });
