// JSON text of a request to values, without losing integers beyond 2^53 and without letting a hostile text
// cost more than its length: nesting and the number of containers are bounded before anything is built.

import { messageOf } from '../base/errors';
import { invalid } from './requestError';

const maxDepth = 64;
/** An empty array takes over thirty bytes of heap for two bytes of text. */
const maxContainers = 4_000_000;
const exactKey = ' exact integer';

/** An integer of sixteen digits or more, as its digits. JSON numbers of that length do not survive JSON.parse. */
export type ExactInteger = Readonly<Record<typeof exactKey, string>>;

/** The digits of an ExactInteger, or undefined when the value is anything else. */
export function exactDigits(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const digits = (value as Partial<ExactInteger>)[exactKey];
  return typeof digits === 'string' && /^-?[1-9]\d{15,}$/.test(digits) ? digits : undefined;
}

/** Parses UTF-8 JSON; long integers come back as ExactInteger. Throws a 400 with a sentence. */
export function parseJson(bytes: Uint8Array): unknown {
  const longIntegers = scan(bytes);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw invalid('The request is not valid UTF-8.');
  }
  try {
    return JSON.parse(longIntegers ? markLongIntegers(text) : text) as unknown;
  } catch (error) {
    // V8 quotes a piece of the text, which is the client's payload; the position is enough.
    const position = /position (\d+)/.exec(messageOf(error))?.[1];
    throw invalid(
      `The request is not valid JSON${position === undefined ? '' : ` (at character ${position})`}. NaN and Infinity have no JSON form; send such tensors with the binary tensor extension.`,
    );
  }
}

const quote = 0x22;
const backslash = 0x5c;
const isDigit = (code: number) => code >= 0x30 && code <= 0x39;

/** One pass over the bytes: refuses what nests too deep, and says whether an integer may be long. */
function scan(bytes: Uint8Array): boolean {
  let depth = 0;
  let containers = 0;
  let digits = 0;
  let fraction = false;
  let long = false;
  for (let at = 0; at < bytes.length; at++) {
    const code = bytes[at]!;
    if (isDigit(code)) {
      if (digits === 0) fraction = at > 0 && bytes[at - 1] === 0x2e;
      if (++digits >= 16 && !fraction) long = true;
      continue;
    }
    digits = 0;
    if (code === quote) {
      for (at++; at < bytes.length && bytes[at] !== quote; at++) if (bytes[at] === backslash) at++;
    } else if (code === 0x5b || code === 0x7b) {
      if (++depth > maxDepth) throw invalid(`The request nests deeper than ${maxDepth} levels.`);
      if (++containers > maxContainers) {
        throw invalid(
          `The request holds more than ${maxContainers} arrays; send the data flat or with the binary tensor extension.`,
        );
      }
    } else if (code === 0x5d || code === 0x7d) depth--;
  }
  return long;
}

/** Puts integers of sixteen digits or more into objects that exactDigits reads; strings stay as they are. */
function markLongIntegers(text: string): string {
  const number = /-?[\d.eE+-]*/y;
  const parts: string[] = [];
  let from = 0;
  let at = 0;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      for (at++; at < text.length && text.charCodeAt(at) !== quote; at++) {
        if (text.charCodeAt(at) === backslash) at++;
      }
      at++;
    } else if (code === 0x2d || isDigit(code)) {
      number.lastIndex = at;
      const token = number.exec(text)?.[0] ?? '';
      if (/^-?[1-9]\d{15,}$/.test(token)) {
        parts.push(text.slice(from, at), `{"${exactKey}":"${token}"}`);
        from = at + token.length;
      }
      at += Math.max(1, token.length);
    } else at++;
  }
  parts.push(text.slice(from));
  return parts.join('');
}
