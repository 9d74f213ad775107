// Shape rules of sequence operators that carry a state from call to call.

import { intOf, type Rule, type RuleTable } from './context';
import { multiplyDims, quotient, subtractDims, type Dims } from './dims';

/** Output like the input, and the last k - 1 positions: [batch, channels, k - 1]. */
const causalConvolution: Rule = (context) => {
  const input = context.dims(0);
  const kernel = context.dims(1);
  const state: Dims | null =
    input?.length === 3 ? [input[0]!, input[1]!, subtractDims(kernel?.[2] ?? null, 1)] : null;
  return [
    context.type(0),
    { dtype: context.dtype(0), dims: context.has(3) ? (context.dims(3) ?? state) : state },
  ];
};

/** [batch, length, heads · size of a value], and the state [batch, heads, size of a key, size of a value]. */
const linearAttention: Rule = (context) => {
  const q = context.dims(0);
  const k = context.dims(1);
  const v = context.dims(2);
  const heads = intOf(context, 'q_num_heads', 0);
  const kvHeads = intOf(context, 'kv_num_heads', 0);
  const dtype = context.dtype(0);
  const stateType = context.has(3) ? context.dtype(3) : dtype;
  if (q?.length !== 3 || heads <= 0 || kvHeads <= 0) {
    return [
      { dtype, dims: null },
      { dtype: stateType, dims: context.dims(3) },
    ];
  }
  const key = k?.length === 3 ? quotient(k[2]!, kvHeads) : quotient(q[2]!, heads);
  const value = v?.length === 3 ? quotient(v[2]!, kvHeads) : (context.dims(3)?.[3] ?? null);
  return [
    { dtype, dims: [q[0]!, q[1]!, multiplyDims(value, heads)] },
    { dtype: stateType, dims: context.dims(3) ?? [q[0]!, kvHeads, key, value] },
  ];
};

export const statefulRules: RuleTable = {
  CausalConvWithState: causalConvolution,
  LinearAttention: linearAttention,
  'com.microsoft.CausalConvWithState': causalConvolution,
};
