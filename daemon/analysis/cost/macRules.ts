// Multiply-accumulates by operator, from shapes alone. One MAC is one multiplication and one addition; FLOPs are
// twice that, and what flopRules.ts says of other operators.

import type { Node } from '../../ir/model';
import { intAttribute, stringAttribute } from '../../ir/attributes';
import { addDims, maxDims, multiplyDims, productOf, type Dim, type Dims } from '../shapes/dims';

export interface WorkContext {
  readonly node: Node;
  input(index: number): Dims | null;
  output(index: number): Dims | null;
}

/** MACs of a node, an expression where dimensions are; null when one that it needs is unknown. */
type MacRule = (context: WorkContext) => Dim;

const dimAt = (dims: Dims | null, axis: number): Dim => dims?.at(axis) ?? null;
const sizeOf = (dims: Dims | null | undefined): Dim => (dims ? productOf(dims) : null);
const times = (...factors: Dim[]): Dim => factors.reduce<Dim>(multiplyDims, 1);

/** Every output element takes one MAC per weight of its channel. */
const convolution =
  (weights: number): MacRule =>
  (context) => {
    const kernel = context.input(weights);
    return times(sizeOf(context.output(0)), sizeOf(kernel?.slice(1)));
  };

/** Every input element is spread over one kernel of each output channel of its group. */
const transposedConvolution: MacRule = (context) =>
  times(sizeOf(context.input(0)), sizeOf(context.input(1)?.slice(1)));

const matrixProduct =
  (first: number): MacRule =>
  (context) => {
    const a = context.input(first);
    return times(sizeOf(context.output(0)), dimAt(a, -1));
  };

const fusedMatrixProduct: MacRule = (context) => {
  const axis = intAttribute(context.node, 'transA', 0) !== 0 ? -2 : -1;
  return times(sizeOf(context.output(0)), dimAt(context.input(0), axis));
};

const gemm: MacRule = (context) => {
  const axis = intAttribute(context.node, 'transA', 0) !== 0 ? 0 : 1;
  return times(sizeOf(context.output(0)), dimAt(context.input(0), axis));
};

const packedProduct: MacRule = (context) => times(sizeOf(context.output(0)), dimAt(context.input(0), -1));

/** W and R hold, per direction, `gates · hidden` rows: each step multiplies the input and the state by them. */
const recurrent: MacRule = (context) => {
  const batchFirst = intAttribute(context.node, 'layout', 0) !== 0;
  const length = dimAt(context.input(0), batchFirst ? 1 : 0);
  const batch = dimAt(context.input(0), batchFirst ? 0 : 1);
  return addDims(
    times(length, batch, sizeOf(context.input(1))),
    times(length, batch, sizeOf(context.input(2))),
  );
};

/** The product of all index sizes, when there are at least two operands. */
const einsum: MacRule = (context) => {
  const equation = stringAttribute(context.node, 'equation', '').replaceAll(' ', '');
  const terms = (equation.split('->')[0] ?? '').split(',');
  if (terms.length < 2) return 0;
  if (equation.includes('...')) return null;
  const sizes = new Map<string, Dim>();
  for (const [position, term] of terms.entries()) {
    for (const [axis, letter] of Array.from(term).entries()) {
      const size = dimAt(context.input(position), axis);
      if (size === null) return null;
      sizes.set(letter, maxDims(sizes.get(letter) ?? 1, size));
    }
  }
  return times(...sizes.values());
};

/** Queries by keys and weights by values: the softmax between them is not counted. */
const attention: MacRule = (context) => {
  const q = context.input(0);
  const output = context.output(0);
  const keys = q?.length === 4 ? dimAt(context.input(1), 2) : dimAt(context.input(1), 1);
  const past = (context.node.inputs[4] ?? '') === '' ? 0 : dimAt(context.input(4), 2);
  const total = addDims(keys, past);
  return addDims(times(sizeOf(q), total), times(sizeOf(output), total));
};

/** The packed projection of com.microsoft.Attention, then the attention itself over the same length. */
const packedAttention: MacRule = (context) => {
  const length = dimAt(context.input(0), 1);
  const rows = times(dimAt(context.input(0), 0), length);
  const projection = times(rows, sizeOf(context.input(1)));
  const mixed = times(sizeOf(context.output(0)), length, 2);
  return addDims(projection, mixed);
};

/** Rules by operator: `Conv` for the standard domain, `com.microsoft.FusedConv` for others. */
export const macRules: ReadonlyMap<string, MacRule> = new Map<string, MacRule>([
  ['Conv', convolution(1)],
  ['ConvInteger', convolution(1)],
  ['QLinearConv', convolution(3)],
  ['DeformConv', convolution(1)],
  ['ConvTranspose', transposedConvolution],
  ['MatMul', matrixProduct(0)],
  ['MatMulInteger', matrixProduct(0)],
  ['QLinearMatMul', matrixProduct(0)],
  ['Gemm', gemm],
  ['Einsum', einsum],
  ['LSTM', recurrent],
  ['GRU', recurrent],
  ['RNN', recurrent],
  ['Attention', attention],
  ['com.microsoft.FusedConv', convolution(1)],
  ['com.microsoft.NhwcFusedConv', convolution(1)],
  ['com.microsoft.QLinearConv', convolution(3)],
  ['com.microsoft.FusedMatMul', fusedMatrixProduct],
  ['com.microsoft.TransposeMatMul', fusedMatrixProduct],
  ['com.microsoft.FusedGemm', gemm],
  ['com.microsoft.QGemm', gemm],
  ['com.microsoft.MatMulIntegerToFloat', matrixProduct(0)],
  ['com.microsoft.DynamicQuantizeMatMul', matrixProduct(0)],
  ['com.microsoft.MatMulNBits', packedProduct],
  ['com.microsoft.MatMulBnb4', packedProduct],
  ['com.microsoft.Attention', packedAttention],
  ['com.microsoft.MultiHeadAttention', attention],
]);
