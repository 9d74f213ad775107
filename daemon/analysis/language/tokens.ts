// Semantic tokens: what each name is, beyond what a grammar can see.

import { inOneGo, type Steps } from '../../base/task';
import type { Mark } from '../../onnx/text/syntax';
import type { LanguageDocument } from './document';

export const tokenTypes = [
  'variable',
  'parameter',
  'function',
  'method',
  'property',
  'type',
  'typeParameter',
  'keyword',
  'namespace',
  'comment',
  'enumMember',
] as const;

export const tokenModifiers = ['definition', 'readonly', 'defaultLibrary'] as const;

const modifier = (name: (typeof tokenModifiers)[number]) => 1 << tokenModifiers.indexOf(name);
const definition = modifier('definition');
const readonly = modifier('readonly');
const defaultLibrary = modifier('defaultLibrary');

const typeNumber = Object.fromEntries(tokenTypes.map((name, at) => [name, at])) as Readonly<
  Record<(typeof tokenTypes)[number], number>
>;

/** Tokens of the names between two offsets, as the protocol packs them: five numbers each, relative to the last. */
export const semanticTokens = (document: LanguageDocument, from = 0, to = Infinity): number[] =>
  inOneGo(packingTokens(document, from, to));

/** The same in steps. */
export function* packingTokens(document: LanguageDocument, from = 0, to = Infinity): Steps<number[]> {
  const { syntax, lines } = document;
  const data: number[] = [];
  let line = 0;
  let character = 0;
  for (let index = 0; index < syntax.marks.length; index += 1) {
    if (index % 1024 === 1023) yield;
    const mark = syntax.marks[index]!;
    if (mark.end <= from || mark.start === mark.end) continue;
    if (mark.start >= to) break;
    const at = lines.position(mark.start, line);
    // A token ends on its line.
    if (mark.end > lines.end(at.line)) continue;
    const kind = kindOf(document, mark);
    data.push(
      at.line - line,
      at.line === line ? at.character - character : at.character,
      mark.end - mark.start,
      kind & 0xff,
      kind >> 8,
    );
    line = at.line;
    character = at.character;
  }
  return data;
}

/** Number of the type, and its modifiers eight bits further up. */
function kindOf({ names }: LanguageDocument, mark: Mark): number {
  const plain = (name: (typeof tokenTypes)[number], modifiers = 0) => typeNumber[name] | (modifiers << 8);
  switch (mark.kind) {
    case 'value': {
      const entry = names.values.get(mark);
      const made = entry?.made[0];
      const defines = made?.mark === mark ? definition : 0;
      if (entry?.made.some(({ by }) => by === 'initializer')) return plain('variable', readonly | defines);
      return plain(made?.by === 'input' ? 'parameter' : 'variable', defines);
    }
    case 'operator': {
      if (names.functions.size === 0) return plain('function', defaultLibrary);
      const node = names.nodes.get(mark);
      const isOwn = node && names.functions.has(`${node.domain}:${node.operator.text}:${node.overload}`);
      return plain('function', isOwn ? 0 : defaultLibrary);
    }
    case 'function':
      return plain('function', definition);
    case 'graph':
      return plain('namespace', definition);
    case 'label':
      return plain('enumMember', definition);
    case 'attribute':
    case 'attributeReference':
      return plain('property');
    case 'type':
    case 'attributeType':
      return plain('type');
    case 'dimension':
      return plain('typeParameter');
    case 'field':
      return plain('keyword');
  }
}
