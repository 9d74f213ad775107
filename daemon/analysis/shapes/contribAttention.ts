// Shape rules of ONNX Runtime's attention operators (com.microsoft). Sizes of a cache that is shared between past and
// present are those of the past; otherwise the present is as much longer as there are new tokens.

import { intOf, intsOf, type Inferred, type Rule, type RuleContext, type RuleTable } from './context';
import { addDims, multiplyDims, quotient, type Dim, type Dims } from './dims';

const pick = (dims: Dims | null, axis: number): Dim => dims?.[axis] ?? null;

/** Width of the values, from qkv_hidden_sizes or a third of the packed columns. */
function valueWidth(context: RuleContext, weights: Dims | null): Dim {
  const sizes = intsOf(context, 'qkv_hidden_sizes');
  if (sizes?.length === 3) return sizes[2]!;
  return quotient(pick(weights, 1), 3);
}

/** Past and present in one tensor: [2, batch, heads, length, size]. */
function packedPresent(context: RuleContext, past: number, length: Dim, width: Dim): Inferred {
  const before = context.has(past) ? context.dims(past) : undefined;
  const dtype = context.has(past) ? context.dtype(past) : context.dtype(0);
  if (before === null) return { dtype, dims: null };
  if (before && intOf(context, 'past_present_share_buffer', 0) !== 0) return { dtype, dims: before };
  const heads = intOf(context, 'num_heads', 0);
  const size = before ? pick(before, 4) : heads > 0 ? quotient(width, heads) : null;
  const total = addDims(before ? pick(before, 3) : 0, length);
  return { dtype, dims: [2, pick(context.dims(0), 0), heads > 0 ? heads : null, total, size] };
}

/** Attention, QAttention, DecoderMaskedSelfAttention: one weight for query, key and value. */
const packedWeights =
  (past: number, type: (context: RuleContext) => string): Rule =>
  (context) => {
    const input = context.dims(0);
    const dtype = type(context);
    if (input?.length !== 3) return [{ dtype, dims: null }];
    const width = valueWidth(context, context.dims(1));
    return [
      { dtype, dims: [input[0]!, input[1]!, width] },
      { ...packedPresent(context, past, input[1]!, width), dtype },
    ];
  };

/** Present of keys or values: [batch, heads, length, size]. */
function present(context: RuleContext, past: number, heads: number, size: Dim, length: Dim): Inferred {
  const before = context.has(past) ? context.dims(past) : undefined;
  const dtype = context.has(past) ? context.dtype(past) : context.dtype(0);
  if (before === null) return { dtype, dims: null };
  if (before && intOf(context, 'past_present_share_buffer', 0) !== 0) return { dtype, dims: before };
  const total = addDims(before ? pick(before, 2) : 0, length);
  return {
    dtype,
    dims: [pick(context.dims(0), 0), heads > 0 ? heads : null, total, before ? pick(before, 3) : size],
  };
}

/**
 * Query [batch, length, width], or packed [batch, length, heads, 3, size]. Keys and values in three dimensions, in
 * four when they come from another attention, or packed [batch, length, heads, 2, size].
 */
const multiHead =
  (past: number, withScores: boolean): Rule =>
  (context) => {
    const q = context.dims(0);
    const k = context.dims(1);
    const v = context.dims(2);
    const dtype = context.dtype(0);
    const heads = intOf(context, 'num_heads', 0);
    if (!q || (q.length !== 3 && q.length !== 5)) return [{ dtype, dims: null }];
    if (q.length === 5) {
      const size = q[4]!;
      return [
        { dtype, dims: [q[0]!, q[1]!, multiplyDims(q[2]!, size)] },
        present(context, past, heads, size, q[1]!),
        present(context, past + 1, heads, size, q[1]!),
      ];
    }
    const packed = k?.length === 5;
    const cross = k?.length === 4;
    const width: Dim = packed
      ? multiplyDims(k[2]!, k[4]!)
      : v?.length === 4
        ? multiplyDims(v[1]!, v[3]!)
        : v?.length === 3
          ? v[2]!
          : context.has(2)
            ? null
            : q[2]!;
    const keys: Dim = cross ? k[2]! : k ? k[1]! : context.has(1) ? null : q[1]!;
    const headOf = (total: Dim) => (heads > 0 ? quotient(total, heads) : null);
    const first = present(context, past, heads, headOf(q[2]!), keys);
    const outputs = [
      { dtype, dims: [q[0]!, q[1]!, width] },
      first,
      present(context, past + 1, heads, headOf(width), keys),
    ];
    if (!withScores) return outputs;
    return [...outputs, { dtype, dims: [q[0]!, heads > 0 ? heads : null, q[1]!, first.dims?.[2] ?? null] }];
  };

/** Grouped queries: the width of the query, which holds keys and values too when those are absent. */
const groupedQuery: Rule = (context) => {
  const q = context.dims(0);
  const dtype = context.dtype(0);
  const heads = intOf(context, 'num_heads', 0);
  const kvHeads = intOf(context, 'kv_num_heads', 0);
  if (q?.length !== 3 || heads <= 0 || kvHeads <= 0) return [{ dtype, dims: null }];
  const separate = context.has(1);
  const size = separate ? quotient(q[2]!, heads) : quotient(q[2]!, heads + 2 * kvHeads);
  const width = separate ? q[2]! : multiplyDims(size, heads);
  // The cache may be the caller's, of a fixed length: only its other dimensions are certain.
  const cache = (past: number): Inferred => {
    const before = context.dims(past);
    const dims: Dims =
      before?.length === 4
        ? [before[0]!, before[1]!, null, before[3]!]
        : [q[0]!, kvHeads, context.has(past) ? null : q[1]!, size];
    return { dtype: context.has(past) ? context.dtype(past) : dtype, dims };
  };
  return [{ dtype, dims: [q[0]!, q[1]!, width] }, cache(3), cache(4)];
};

/** Tokens without padding: [tokens, width]. */
const packedTokens =
  (fromWeights: boolean): Rule =>
  (context) => {
    const input = context.dims(0);
    const dtype = context.dtype(0);
    if (!input || input.length < 2) return [{ dtype, dims: null }];
    if (fromWeights) return [{ dtype, dims: [input[0]!, valueWidth(context, context.dims(1))] }];
    // Packed queries have the dimensions [tokens, heads, 3, size].
    const packed = input.length === 4;
    const width = packed ? multiplyDims(input[1]!, input[3]!) : (context.dims(2)?.[1] ?? null);
    return [{ dtype, dims: [input[0]!, width] }];
  };

const likeQuery: Rule = (context) => [context.type(0)];

const relativeBias: Rule = (context) => {
  const length = (input: number): Dim => context.values(input)?.[0] ?? null;
  return [{ dtype: context.dtype(0), dims: [1, context.dims(0)?.[1] ?? null, length(1), length(2)] }];
};

const prefixed = (table: RuleTable): RuleTable =>
  Object.fromEntries(Object.entries(table).map(([name, rule]) => [`com.microsoft.${name}`, rule]));

export const contribAttentionRules: RuleTable = prefixed({
  Attention: packedWeights(4, (context) => context.dtype(0)),
  QAttention: packedWeights(8, (context) => context.dtype(3)),
  DecoderMaskedSelfAttention: packedWeights(4, (context) => context.dtype(0)),
  MultiHeadAttention: multiHead(6, true),
  DecoderMaskedMultiHeadAttention: multiHead(5, false),
  GroupQueryAttention: groupedQuery,
  SparseAttention: (context) => [groupedQuery(context)[0], context.type(3), context.type(4)],
  LongformerAttention: likeQuery,
  PackedAttention: packedTokens(true),
  PackedMultiHeadAttention: packedTokens(false),
  RelativePositionBias: relativeBias,
});
