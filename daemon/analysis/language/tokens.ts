// Semantic tokens: what each name is, beyond what a grammar can see.

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
const type = (name: (typeof tokenTypes)[number]) => tokenTypes.indexOf(name);

/** Tokens of the names between two offsets, as the protocol packs them: five numbers each, relative to the last. */
export function semanticTokens(document: LanguageDocument, from = 0, to = Infinity): number[] {
  const { syntax, lines } = document;
  const data: number[] = [];
  let line = 0;
  let character = 0;
  for (const mark of syntax.marks) {
    if (mark.end <= from || mark.start === mark.end) continue;
    if (mark.start >= to) break;
    const kind = kindOf(document, mark);
    const at = lines.position(mark.start);
    const end = lines.position(mark.end);
    // A token ends on its line.
    if (end.line !== at.line) continue;
    data.push(
      at.line - line,
      at.line === line ? at.character - character : at.character,
      mark.end - mark.start,
      kind.type,
      kind.modifiers,
    );
    line = at.line;
    character = at.character;
  }
  return data;
}

function kindOf({ names }: LanguageDocument, mark: Mark): { type: number; modifiers: number } {
  const plain = (name: (typeof tokenTypes)[number], modifiers = 0) => ({ type: type(name), modifiers });
  switch (mark.kind) {
    case 'value': {
      const entry = names.values.get(mark);
      const made = entry?.made[0];
      const defines = made?.mark === mark ? modifier('definition') : 0;
      if (entry?.made.some(({ by }) => by === 'initializer'))
        return plain('variable', modifier('readonly') | defines);
      return plain(made?.by === 'input' ? 'parameter' : 'variable', defines);
    }
    case 'operator': {
      const node = names.nodes.get(mark);
      const isOwn = node && names.functions.has(`${node.domain}:${node.operator.text}:${node.overload}`);
      return plain('function', isOwn ? 0 : modifier('defaultLibrary'));
    }
    case 'function':
      return plain('function', modifier('definition'));
    case 'graph':
      return plain('namespace', modifier('definition'));
    case 'label':
      return plain('enumMember', modifier('definition'));
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
