// Which inputs and outputs of an operator may be half floats, at the model's operator set. Decides nothing about
// whether they should be.

import type { Node } from '../../ir/model';
import { isStandard } from '../rewrite';
import { halfTypes } from './halfTypes';

/** What one input or output may hold: see halfTypes.ts. */
export type Letter = 'h' | 'f' | 'n' | 's' | '.';

export interface Signature {
  input(position: number): Letter;
  output(position: number): Letter;
}

/** Microsoft's operators that exporters and ONNX Runtime's transformer tool write; half in and half out. */
const microsoft = new Map<string, string>([
  ['Gelu', 'h>h'],
  ['FastGelu', 'hh>h'],
  ['QuickGelu', 'h>h'],
  ['BiasGelu', 'hh>h'],
  ['FusedMatMul', 'hh>h'],
  ['SkipLayerNormalization', 'hhhhh>hnnh'],
]);

let standard: ReadonlyMap<string, string> | undefined;

function entryOf(node: Node, opset: number): string | undefined {
  if (node.domain === 'com.microsoft') return microsoft.get(node.opType);
  if (!isStandard(node)) return undefined;
  standard ??= new Map(
    halfTypes.split(' ').map((entry): [string, string] => {
      const colon = entry.indexOf(':');
      return [entry.slice(0, colon), entry.slice(colon + 1)];
    }),
  );
  let found: string | undefined;
  for (const part of standard.get(node.opType)?.split(',') ?? []) {
    const digits = /^\d+/.exec(part)?.[0] ?? '';
    if (Number(digits) <= opset) found = part.slice(digits.length);
  }
  return found;
}

const letters = new Set<string>(['h', 'f', 'n', 's', '.']);
const isLetter = (text: string | undefined): text is Letter => text !== undefined && letters.has(text);

function at(code: string, position: number): Letter {
  const repeated = code.endsWith('*');
  const list = repeated ? code.slice(0, -1) : code;
  const letter = list[position] ?? (repeated ? list.at(-1) : undefined);
  return isLetter(letter) ? letter : '.';
}

/** The operator's signature; undefined for an operator that takes no float, or that is not known. */
export function signatureOf(node: Node, opset: number): Signature | undefined {
  const entry = entryOf(node, opset);
  if (entry === undefined) return undefined;
  const [inputs = '', outputs = ''] = entry.split('>');
  return { input: (position) => at(inputs, position), output: (position) => at(outputs, position) };
}
