// Text for a model that takes token ids: which column it is in, and the feeds made of it with a tokenizer.

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { badRequest } from '../../base/errors';
import type { SessionValue, TensorValue } from '../../runtime/runner/session';
import { tensorOf } from '../convert';
import { inputText } from './describe';
import type { TableRecord } from './records';
import { readTokenizer, type Tokens } from './tokenizer';

export interface TextColumns {
  readonly text: string;
  readonly pair?: string;
}

const textNames = ['text', 'sentence', 'sentence1', 'content', 'question', 'premise'];
const pairNames = ['text_pair', 'sentence2', 'context', 'hypothesis'];
const kinds = ['input_ids', 'attention_mask', 'token_type_ids', 'position_ids'] as const;
type Kind = (typeof kinds)[number];

/** `input_ids` of an input called so, or `input_ids:0`, `encoder.input_ids`. */
const kindOf = ({ name }: SessionValue): Kind | undefined =>
  kinds.find((kind) => name === kind || new RegExp(`(^|[./])${kind}(:0)?$`).test(name));

/** The columns of text, when the model takes token ids and the table has text instead. */
export function textColumns(
  names: readonly string[],
  inputs: readonly SessionValue[],
): TextColumns | undefined {
  const ids = inputs.find((input) => kindOf(input) === 'input_ids');
  const text = textNames.find((name) => names.includes(name));
  if (!ids || text === undefined || names.includes(ids.name)) return undefined;
  const pair = pairNames.find((name) => names.includes(name));
  return { text, ...(pair === undefined ? {} : { pair }) };
}

const valueOf: Readonly<Record<Kind, (tokens: Tokens, at: number, padId: number) => number>> = {
  input_ids: ({ ids }, at, padId) => ids[at] ?? padId,
  attention_mask: ({ ids }, at) => (at < ids.length ? 1 : 0),
  token_type_ids: ({ types }, at) => types[at] ?? 0,
  position_ids: (_, at) => at,
};

/** Makes feeds of texts: cut and filled to the length that the model insists on, else to the longest of the batch. */
export async function textFeeder(
  path: string,
  columns: TextColumns,
  inputs: readonly SessionValue[],
  tokenizerPath: string | undefined,
  notes: string[],
): Promise<(records: readonly TableRecord[]) => Record<string, TensorValue>> {
  const beside = join(dirname(path), 'tokenizer.json');
  const from = tokenizerPath ?? (existsSync(beside) ? beside : undefined);
  if (from === undefined)
    throw badRequest(
      `${path} holds text, and the model takes token ids. Name its tokenizer.json, or put it beside the data.`,
    );
  const unknown = inputs.find((input) => kindOf(input) === undefined);
  if (unknown)
    throw badRequest(
      `The ${inputText(unknown)} is none that text can give: only ${kinds.join(', ')} are made of it.`,
    );
  const tokenizer = await readTokenizer(from);
  const fixed = inputs.map(({ dims }) => dims[1]).find((dim) => typeof dim === 'number');
  const most = fixed ?? tokenizer.maxLength;
  notes.push(
    `The column "${columns.text}" of ${path} is made into tokens with ${from}${most === undefined ? '' : `, ${most} at the most`}.`,
  );
  return (records) => {
    const tokens = records.map(({ cells, line }) => {
      const text = cells[columns.text];
      const pair = columns.pair === undefined ? undefined : cells[columns.pair];
      if (typeof text !== 'string')
        throw badRequest(`${path}, line ${line}: the column "${columns.text}" holds no text.`);
      return tokenizer.encode(text, typeof pair === 'string' ? pair : undefined, most);
    });
    const length = fixed ?? Math.max(1, ...tokens.map(({ ids }) => ids.length));
    const dims = [records.length, length];
    return Object.fromEntries(
      inputs.map((input) => {
        const value = valueOf[kindOf(input)!];
        const number = (i: number) => value(tokens[Math.floor(i / length)]!, i % length, tokenizer.padId);
        const total = records.length * length;
        const data =
          input.type === 'int64'
            ? BigInt64Array.from({ length: total }, (_, i) => BigInt(number(i)))
            : Int32Array.from({ length: total }, (_, i) => number(i));
        if (input.type !== 'int64' && input.type !== 'int32')
          throw badRequest(`The ${inputText(input)} takes no token ids: int64 or int32 is expected.`);
        return [input.name, tensorOf(input.type, dims, data)];
      }),
    );
  };
}
