// MatMul and Add as one operator. ONNX Runtime does the same on its own, but then with a float bias, which keeps a
// quantized layer in float.
// 1. Add(MatMul(x, W), b) → Gemm(x, W, b), where x is known to be a matrix, W is a FLOAT constant matrix and b a
//    constant row as wide as W. The product must have no other reader; needs opset 7, where Gemm broadcasts b.

import { node as makeNode } from '../../ir/builder';
import { DataType } from '../../ir/dataType';
import { elementCount } from '../../ir/tensor';
import type { Pass } from '../pass';
import { isOp } from '../rewrite';
import type { TensorReader } from '../tensorReader';
import { scopePass } from './scope';

/** Makes Gemm of MatMul + Add where the left operand is known to be a matrix; `read` gives shapes' numbers. */
export const matMulAddToGemm = (read: TensorReader): Pass =>
  scopePass(
    'matmul and add to gemm',
    read,
    (scope) => {
      if (scope.opset < 7) return;
      for (const matMul of scope.nodes()) {
        if (!isOp(matMul, 'MatMul') || scope.rank(matMul.inputs[0]) !== 2) continue;
        const weight = scope.constant(matMul.inputs[1]);
        const add = scope.onlyReader(matMul.outputs[0]);
        if (!isOp(add, 'Add') || weight?.dims.length !== 2) continue;
        const bias = scope.constant(add.inputs.find((name) => name !== matMul.outputs[0]));
        const columns = weight.dims[1] ?? 0;
        const fits = bias && elementCount(bias.dims) === columns && bias.dims.at(-1) === columns;
        if (!fits || bias.dims.length > 2 || weight.dataType !== DataType.FLOAT) continue;
        const { name, docString, metadataProps } = matMul;
        const inputs = [matMul.inputs[0] ?? '', weight.name, bias.name];
        scope.replace(matMul, [
          { ...makeNode('Gemm', inputs, add.outputs, { name }), docString, metadataProps },
        ]);
        scope.drop(add);
      }
    },
    ['MatMul'],
  );
