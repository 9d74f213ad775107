// Text into token ids by a tokenizer.json in the Hugging Face format (WordPiece, BPE, Unigram). The reading of the
// format is @huggingface/tokenizers'; here are its limits, the cutting of long texts and the filling value.

import { Tokenizer } from '@huggingface/tokenizers';
import { statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { badRequest, fileSystemError, messageOf } from '../../base/errors';

export interface Tokens {
  readonly ids: readonly number[];
  /** 0 for the first text and what surrounds it, 1 for the second. */
  readonly types: readonly number[];
}

export interface TextTokenizer {
  /** Fills short texts up. */
  readonly padId: number;
  /** Longest sequence that the file asks for, when it does. */
  readonly maxLength: number | undefined;
  /** Tokens of a text, or of a pair, with the special ones; cut to `most` so that those stay. */
  encode(text: string, pair: string | undefined, most: number | undefined): Tokens;
}

interface TokenizerFile {
  readonly post_processor?: { readonly type?: string } | null;
  readonly padding?: { readonly pad_id?: number } | null;
  readonly truncation?: { readonly max_length?: number } | null;
}

const maxBytes = 256 * 2 ** 20;
const padTokens = ['[PAD]', '<pad>', '<|pad|>', '<|endoftext|>'];

/** Opens a tokenizer.json. Throws `badRequest` when it is none, or of a kind that is not known. */
export async function readTokenizer(path: string): Promise<TextTokenizer> {
  let text: string;
  try {
    if (statSync(path).size > maxBytes) throw badRequest(`${path} is too large to be a tokenizer.json.`);
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'kind' in error) throw error;
    throw fileSystemError('read', path, error);
  }
  let file: TokenizerFile;
  let tokenizer: Tokenizer;
  try {
    file = JSON.parse(text) as TokenizerFile;
    tokenizer = new Tokenizer(file, {});
  } catch (error) {
    throw badRequest(
      `${path} cannot be used as a tokenizer: ${messageOf(error)}. Save it with tokenizers or transformers as tokenizer.json.`,
    );
  }
  const pad = padTokens.map((token) => tokenizer.token_to_id(token)).find((id) => id !== undefined);
  return {
    padId: file.padding?.pad_id ?? pad ?? 0,
    maxLength: file.truncation?.max_length,
    encode(first, second, most) {
      const tokens = encode(tokenizer, first, second, most);
      // The format's own library gives both texts of such a pair the type 0.
      const alike = file.post_processor?.type === 'RobertaProcessing';
      return alike ? { ...tokens, types: tokens.types.map(() => 0) } : tokens;
    },
  };
}

/** Where `part` lies in `whole` from `from` on. */
function find(whole: readonly number[], part: readonly number[], from: number): number {
  for (let at = from; at + part.length <= whole.length; at += 1)
    if (part.every((id, i) => whole[at + i] === id)) return at;
  return from;
}

/** How many tokens of each text stay within `room`: the longer one is cut first, as the format's own library does. */
export function shares(first: number, second: number, room: number): [number, number] {
  let [low, high] = first > second ? [second, first] : [first, second];
  if (low + high <= room) return [first, second];
  high = low > room ? low : Math.max(low, room - low);
  if (low + high > room) {
    low = Math.floor(room / 2);
    high = low + (room % 2);
  }
  return first > second ? [high, low] : [low, high];
}

function encode(
  tokenizer: Tokenizer,
  text: string,
  pair: string | undefined,
  most: number | undefined,
): Tokens {
  const options = pair === undefined ? {} : { text_pair: pair };
  const { ids, token_type_ids: types } = tokenizer.encode(text, { ...options, return_token_type_ids: true });
  if (most === undefined || ids.length <= most) return { ids, types };
  const plain = (one: string) => tokenizer.encode(one, { add_special_tokens: false }).ids;
  const a = plain(text);
  const b = pair === undefined ? [] : plain(pair);
  const special = ids.length - a.length - b.length;
  const [keepA, keepB] = shares(a.length, b.length, Math.max(0, most - special));
  const startA = find(ids, a, 0);
  const startB = pair === undefined ? ids.length : find(ids, b, startA + a.length);
  const kept = ids.map(
    (_, i) =>
      !(i >= startA + keepA && i < startA + a.length) && !(i >= startB + keepB && i < startB + b.length),
  );
  const keep = (values: readonly number[]) => values.filter((_, i) => kept[i]).slice(0, most);
  return { ids: keep(ids), types: keep(types) };
}
