// Shape rules of RNN, GRU and LSTM.

import { intOf, textOf, type Rule, type RuleTable } from './context';
import type { Dim } from './dims';

/** Y, the last hidden state and, for LSTM, the last cell state. */
const recurrent: Rule = (context) => {
  const input = context.dims(0);
  const dtype = context.dtype(0);
  const directions = textOf(context, 'direction', 'forward') === 'bidirectional' ? 2 : 1;
  const stated = intOf(context, 'hidden_size', 0);
  const hidden: Dim = stated > 0 ? stated : (context.dims(2)?.at(-1) ?? null);
  const batchFirst = intOf(context, 'layout', 0) !== 0;
  const length = input?.[batchFirst ? 1 : 0] ?? null;
  const batch = input?.[batchFirst ? 0 : 1] ?? null;
  const state = batchFirst ? [batch, directions, hidden] : [directions, batch, hidden];
  const all = batchFirst ? [batch, length, directions, hidden] : [length, directions, batch, hidden];
  return [
    { dtype, dims: all },
    { dtype, dims: state },
    { dtype, dims: state },
  ];
};

export const recurrentRules: RuleTable = {
  RNN: recurrent,
  GRU: recurrent,
  LSTM: recurrent,
};
