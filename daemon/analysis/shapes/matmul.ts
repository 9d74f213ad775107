// Shape rules of matrix products and of the attention operators made from them.

import { dataTypeName } from '../../ir/dataType';
import { intOf, textOf, type Rule, type RuleContext, type RuleTable } from './context';
import { addDims, broadcastDims, multiplyDims, quotient, type Dim, type Dims } from './dims';
import { shapeText } from '../typeText';

/** numpy.matmul on shapes, with optional transposition of the last two dimensions. */
export function matmulDims(
  context: RuleContext,
  first: Dims | null,
  second: Dims | null,
  transposeFirst = false,
  transposeSecond = false,
): Dims | null {
  if (!first || !second || first.length === 0 || second.length === 0) return null;
  const turn = (dims: Dims, wanted: boolean): Dims =>
    wanted && dims.length >= 2 ? [...dims.slice(0, -2), dims.at(-1)!, dims.at(-2)!] : dims;
  const a = turn(first, transposeFirst);
  const b = turn(second, transposeSecond);
  const inner = a.at(-1)!;
  const other = b.length === 1 ? b[0]! : b.at(-2)!;
  if (typeof inner === 'number' && typeof other === 'number' && inner !== other) {
    context.contradiction(
      `${shapeText(a)} and ${shapeText(b)} cannot be multiplied: ${inner} is not ${other}`,
    );
  }
  const batch = broadcastDims([a.slice(0, -2), b.slice(0, -2)], (x, y) => {
    context.contradiction(`batches ${shapeText(x)} and ${shapeText(y)} do not broadcast`);
  });
  if (!batch) return null;
  return [...batch, ...(a.length === 1 ? [] : [a.at(-2)!]), ...(b.length === 1 ? [] : [b.at(-1)!])];
}

const product =
  (a: number, b: number, dtype: (context: RuleContext) => string): Rule =>
  (context) => [{ dtype: dtype(context), dims: matmulDims(context, context.dims(a), context.dims(b)) }];

function gemmDims(context: RuleContext, a: number, b: number): Dims | null {
  const left = context.dims(a);
  const right = context.dims(b);
  if ((left && left.length !== 2) || (right && right.length !== 2)) {
    // Before opset 7 the first input could have any rank and was flattened by some exporters.
    context.contradiction(`Gemm takes matrices, not ${shapeText(left)} and ${shapeText(right)}`);
    return null;
  }
  const transA = intOf(context, 'transA', 0) !== 0;
  const transB = intOf(context, 'transB', 0) !== 0;
  const inner = left?.[transA ? 0 : 1];
  const other = right?.[transB ? 1 : 0];
  if (typeof inner === 'number' && typeof other === 'number' && inner !== other) {
    context.contradiction(
      `${shapeText(left)} and ${shapeText(right)} cannot be multiplied: ${inner} is not ${other}`,
    );
  }
  return [left?.[transA ? 1 : 0] ?? null, right?.[transB ? 0 : 1] ?? null];
}

const gemm: Rule = (context) => [{ dtype: context.dtype(0), dims: gemmDims(context, 0, 1) }];

const fusedMatMul: Rule = (context) => {
  const plain = intOf(context, 'transBatchA', 0) === 0 && intOf(context, 'transBatchB', 0) === 0;
  const dims = plain
    ? matmulDims(
        context,
        context.dims(0),
        context.dims(1),
        intOf(context, 'transA', 0) !== 0,
        intOf(context, 'transB', 0) !== 0,
      )
    : null;
  return [{ dtype: context.dtype(0), dims }];
};

/** Weights are packed by columns: the shape comes from the attributes N and K. */
const packedMatMul: Rule = (context) => {
  const input = context.dims(0);
  const columns = intOf(context, 'N', -1);
  if (!input || input.length === 0) return [{ dtype: context.dtype(0), dims: null }];
  return [{ dtype: context.dtype(0), dims: [...input.slice(0, -1), columns < 0 ? null : columns] }];
};

/** Einstein summation: each letter has one size; an ellipsis broadcasts what is left. */
const einsum: Rule = (context) => {
  const dtype = context.dtype(0);
  const equation = textOf(context, 'equation', '').replaceAll(' ', '');
  const [left = '', right] = equation.split('->');
  const terms = left.split(',');
  const sizes = new Map<string, Dim>();
  const rests: Dims[] = [];
  for (const [position, term] of terms.entries()) {
    const dims = context.dims(position);
    if (!dims) return [{ dtype, dims: null }];
    const [head = '', tail] = term.split('...');
    if (tail !== undefined) rests.push(dims.slice(head.length, dims.length - tail.length));
    const letters = Array.from(head + (tail ?? ''));
    const own = [...dims.slice(0, head.length), ...(tail ? dims.slice(dims.length - tail.length) : [])];
    if (letters.length !== own.length || (tail === undefined && dims.length !== letters.length)) {
      return [{ dtype, dims: null }];
    }
    letters.forEach((letter, at) => {
      const known = sizes.get(letter);
      if (known === undefined || known === null || known === 1) sizes.set(letter, own[at]!);
    });
  }
  const rest = broadcastDims(rests);
  if (!rest) return [{ dtype, dims: null }];
  const count = (letter: string) => left.split(letter).length - 1;
  const implied = `${left.includes('...') ? '...' : ''}${[...sizes.keys()]
    .filter((each) => count(each) === 1)
    .sort()
    .join('')}`;
  const [head = '', tail] = (right ?? implied).split('...');
  const of = (letters: string): Dim[] => Array.from(letters, (letter) => sizes.get(letter) ?? null);
  return [{ dtype, dims: [...of(head), ...(tail === undefined ? [] : [...rest, ...of(tail)])] }];
};

const quantizedResult = (context: RuleContext) => (context.has(7) ? context.dtype(7) : context.dtype(0));

/** Attention of the standard domain: 4-D (batch, heads, length, size) or 3-D with the heads as attributes. */
const attention: Rule = (context) => {
  const q = context.dims(0);
  const k = context.dims(1);
  const v = context.dims(2);
  const dtype = context.dtype(0);
  if (!q || !k || !v) return [{ dtype, dims: q?.length === 3 ? [null, null, null] : null }];
  const past = context.has(4) ? (context.dims(4)?.[2] ?? null) : 0;
  if (q.length === 4) {
    const total = addDims(past, k[2] ?? null);
    return [
      { dtype, dims: [q[0]!, q[1]!, q[2]!, v[3] ?? null] },
      { dtype: context.dtype(1), dims: [k[0] ?? null, k[1] ?? null, total, k[3] ?? null] },
      { dtype: context.dtype(2), dims: [v[0] ?? null, v[1] ?? null, total, v[3] ?? null] },
      { dtype, dims: [q[0]!, q[1]!, q[2]!, total] },
    ];
  }
  const qHeads = intOf(context, 'q_num_heads', 0);
  const kvHeads = intOf(context, 'kv_num_heads', 0);
  if (q.length !== 3 || qHeads <= 0 || kvHeads <= 0) return [{ dtype, dims: null }];
  const total = addDims(past, k[1] ?? null);
  const vSize = quotient(v[2] ?? null, kvHeads);
  // The heads of the queries are a multiple of those of the values.
  const width =
    qHeads % kvHeads === 0 ? multiplyDims(v[2] ?? null, qHeads / kvHeads) : multiplyDims(vSize, qHeads);
  return [
    { dtype, dims: [q[0]!, q[1]!, width] },
    { dtype: context.dtype(1), dims: [k[0] ?? null, kvHeads, total, quotient(k[2] ?? null, kvHeads)] },
    { dtype: context.dtype(2), dims: [v[0] ?? null, kvHeads, total, vSize] },
    { dtype, dims: [q[0]!, qHeads, q[1]!, total] },
  ];
};

/** A weight that is stored with one row for each output. */
const rowsOfWeight: Rule = (context) => {
  const input = context.dims(0);
  return [{ dtype: context.dtype(0), dims: input && [...input.slice(0, -1), context.dims(1)?.[0] ?? null] }];
};

export const matmulRules: RuleTable = {
  MatMul: product(0, 1, (context) => context.dtype(0)),
  MatMulInteger: product(0, 1, () => 'int32'),
  QLinearMatMul: product(0, 3, quantizedResult),
  Gemm: gemm,
  Einsum: einsum,
  Attention: attention,
  'com.microsoft.FusedMatMul': fusedMatMul,
  'com.microsoft.TransposeMatMul': fusedMatMul,
  'com.microsoft.FusedGemm': gemm,
  'com.microsoft.MatMulIntegerToFloat': product(0, 1, (context) => context.dtype(2)),
  'com.microsoft.DynamicQuantizeMatMul': product(0, 1, (context) => context.dtype(0)),
  'com.microsoft.QGemm': (context) => [
    // Inputs: A, scale, zero point, B, scale, zero point, C, and the output's scale and zero point or neither.
    { dtype: context.has(8) ? context.dtype(8) : dataTypeName(1), dims: gemmDims(context, 0, 3) },
  ],
  'com.microsoft.MatMulBlockQuantizedFp4Weight': rowsOfWeight,
  'com.microsoft.MatMulBlockQuantizedFp8Weight': rowsOfWeight,
  'com.microsoft.MatMulNBits': packedMatMul,
  'com.microsoft.MatMulBnb4': packedMatMul,
};
