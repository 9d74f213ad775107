// What may stand at a place of the text: operators after "=", attributes between angle brackets, values between
// parentheses, types in lists of values. Told from the text before the place, so that it works while the text is
// being written and is no model yet.

import { elementTypes, typeWords } from '../../onnx/text/parseTypes';
import { nameText } from '../../onnx/text/printTensor';
import type { GraphSyntax, Mark, TextSyntax } from '../../onnx/text/syntax';
import type { LanguageDocument } from './document';
import { operatorsOf, signatureOf, signatureText } from './signature';
import { bodiesIn, headerText } from './resolve';

/** Numbers of the Language Server Protocol's CompletionItemKind. */
const Kind = {
  function: 3,
  variable: 6,
  module: 9,
  property: 10,
  value: 12,
  keyword: 14,
  typeParameter: 25,
} as const;

export interface Completion {
  readonly label: string;
  readonly kind: number;
  readonly detail?: string;
  readonly insertText?: string;
  readonly sortText?: string;
}

export interface Completions {
  readonly isIncomplete: boolean;
  readonly items: Completion[];
}

const mostItems = 200;
/** A node longer than this is not looked at from its start. */
const mostBefore = 20_000;
const nothing: Completions = { isIncomplete: false, items: [] };

const headerFields: Readonly<Record<string, string>> = {
  ir_version: 'version of the format',
  opset_import: 'operator sets: ["" : 21]',
  producer_name: 'program that made the model',
  producer_version: 'its version',
  domain: 'namespace of the model or function',
  model_version: 'version of the model',
  doc_string: 'what the model is for',
  metadata_props: 'further facts: ["key": "value"]',
  overload: 'of a function',
};

/** Completions at an offset. */
export function complete(document: LanguageDocument, offset: number): Completions {
  const { text } = document;
  const before = text.slice(Math.max(0, offset - mostBefore), offset);
  const place = placeIn(before);
  const typed = /[\w."/:-]*$/.exec(before.slice(-400))?.[0].replace(/^"/, '') ?? '';
  switch (place.kind) {
    case 'operator':
      return limited(operatorItems(document, typed), typed);
    case 'attribute':
      return limited(attributeItems(document, place), typed);
    case 'value':
      return limited(valueItems(document, offset, typed), typed);
    case 'type':
      return limited(
        typeWords.map((label) => ({
          label,
          kind: Kind.typeParameter,
          detail: elementTypes.has(label) ? 'element type' : 'type',
        })),
        typed,
      );
    case 'attributeType':
      return limited(
        attributeTypes.map((label) => ({ label, kind: Kind.keyword })),
        typed,
      );
    case 'field':
      return limited(
        Object.entries(headerFields).map(([label, detail]) => ({
          label,
          kind: Kind.keyword,
          detail,
          insertText: `${label}: `,
        })),
        typed,
      );
    case 'nothing':
      return nothing;
  }
}

const attributeTypes = [
  'float', 'int', 'string', 'tensor', 'graph', 'type_proto', 'floats', 'ints', 'strings', 'tensors', 'graphs', 'type_protos',
]; // prettier-ignore

/** Those that begin with what was typed first, then those that hold it; the search ends when there are enough. */
function limited(items: Iterable<Completion>, typed: string): Completions {
  const wanted = typed.toLowerCase();
  const first: Completion[] = [];
  const second: Completion[] = [];
  let isIncomplete = false;
  for (const item of items) {
    const at = item.label.toLowerCase().indexOf(wanted);
    if (at < 0) continue;
    if (first.length >= mostItems) {
      isIncomplete = true;
      break;
    }
    (at === 0 ? first : second).push(item);
  }
  const shown = [...first, ...second].slice(0, mostItems);
  return { isIncomplete: isIncomplete || shown.length < first.length + second.length, items: shown };
}

type Place =
  | { readonly kind: 'operator' | 'value' | 'type' | 'field' | 'attributeType' | 'nothing' }
  | { readonly kind: 'attribute'; readonly operator: string; readonly given: readonly string[] };

/** Which of them the text ends in. The text is read from its last node on. */
function placeIn(before: string): Place {
  // The start of the node: the last line that looks like "name = …", "[label] …" or "= …".
  let start = -1;
  const nodes =
    /(?:^|\n)[ \t]*(?:\[[^\]\n]*\][ \t]*)?(?:(?:"[^"\n]*"|\w+)(?:[ \t]*,[ \t]*(?:"[^"\n]*"|\w+))*)?[ \t]*=(?!>)/g;
  const tail = before.slice(-4000);
  for (const match of tail.matchAll(nodes))
    start = before.length - tail.length + match.index + match[0].length;
  const brackets = openBrackets(before, Math.max(0, start));
  if (start >= 0 && isInNodes(before, start)) {
    const open = brackets.at(-1);
    if (!open) {
      const since = before.slice(start);
      return /^\s*[\w.-]*$/.test(since) ? { kind: 'operator' } : { kind: 'nothing' };
    }
    if (open.sign === '(') return { kind: 'value' };
    if (open.sign === '<') return attributePlace(before, start, open.at);
    return { kind: 'nothing' };
  }
  return listPlace(before);
}

function attributePlace(before: string, start: number, open: number): Place {
  const operator = /^\s*([\w.-]+)/.exec(before.slice(start))?.[1] ?? '';
  const inside = before.slice(open + 1);
  const last = inside.slice(lastComma(inside) + 1);
  if (/=/.test(last)) return { kind: 'nothing' };
  if (/:\s*\w*$/.test(last)) return { kind: 'attributeType' };
  const given = [...inside.matchAll(/(?:^|,)\s*(\w+)\s*[:=]/g)].map((match) => match[1]!);
  return { kind: 'attribute', operator, given };
}

/** The last comma outside of inner brackets and texts. */
function lastComma(text: string): number {
  let depth = 0;
  let comma = -1;
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const sign = text[at]!;
    if (sign === '"') quoted = !quoted;
    if (quoted) continue;
    if ('([{'.includes(sign)) depth += 1;
    else if (')]}'.includes(sign)) depth -= 1;
    else if (sign === ',' && depth === 0) comma = at;
  }
  return comma;
}

/** Header, inputs, outputs, initializers. */
function listPlace(before: string): Place {
  const open = openBrackets(before, 0).at(-1);
  if (!open) return { kind: 'nothing' };
  const inside = before.slice(open.at + 1);
  const last = inside.slice(lastComma(inside) + 1);
  if (open.sign === '(') return /^\s*\w*$/.test(last) ? { kind: 'type' } : { kind: 'nothing' };
  if (open.sign !== '<') return { kind: 'nothing' };
  const isHeader = /^\s*$/.test(before.slice(0, open.at)) || /\}\s*$/.test(before.slice(0, open.at));
  if (isHeader) return /^\s*\w*$/.test(last) ? { kind: 'field' } : { kind: 'nothing' };
  return /^\s*\w*$/.test(last) ? { kind: 'type' } : { kind: 'nothing' };
}

/** Brackets that are open at the end of the text; texts and comments are stepped over. */
function openBrackets(text: string, from: number): { sign: string; at: number }[] {
  const open: { sign: string; at: number }[] = [];
  for (let at = from; at < text.length; at += 1) {
    const sign = text[at]!;
    if (sign === '"') {
      for (at += 1; at < text.length && text[at] !== '"'; at += 1) if (text[at] === '\\') at += 1;
    } else if (sign === '#') {
      while (at < text.length && text[at] !== '\n') at += 1;
    } else if ('(<[{'.includes(sign)) open.push({ sign, at });
    else if (')]}'.includes(sign) || (sign === '>' && text[at - 1] !== '=')) open.pop();
  }
  return open;
}

/** A "=" of a node, not of an initializer: a list of nodes is open before it. */
const isInNodes = (text: string, start: number): boolean => {
  const open = openBrackets(text, 0).filter(({ at }) => at < start);
  // The beginning may lie before what was looked at; then a node is the likeliest.
  return (
    open.some(({ sign }) => sign === '{') ||
    (text.length >= mostBefore && !open.some(({ sign }) => sign === '<'))
  );
};

function opsetsOf({ syntax }: LanguageDocument): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const header of [syntax.header, ...syntax.functions.map((each) => each.header)])
    for (const { value } of header?.fields ?? [])
      if (value.kind === 'versions')
        for (const { domain, version } of value.value)
          found.set(domain === 'ai.onnx' ? '' : domain, Number(version));
  if (!found.has('')) found.set('', Infinity);
  return found;
}

function operatorItems(document: LanguageDocument, typed: string): Completion[] {
  const items: Completion[] = [];
  const dot = typed.lastIndexOf('.');
  const typedDomain = dot < 0 ? '' : typed.slice(0, dot);
  for (const each of document.syntax.functions) {
    const domain = headerText(each, 'domain');
    const label = domain === '' ? each.name.text : `${domain}.${each.name.text}`;
    items.push({ label, kind: Kind.function, detail: 'function of this model', sortText: `0${label}` });
  }
  for (const [domain, opset] of opsetsOf(document)) {
    if (typedDomain !== '' && typedDomain !== domain) continue;
    for (const name of operatorsOf(domain, opset)) {
      const signature = signatureOf(domain, name, opset);
      items.push({
        label: domain === '' ? name : `${domain}.${name}`,
        kind: Kind.function,
        ...(signature ? { detail: signatureText(signature) } : {}),
        sortText: `1${name}`,
      });
    }
  }
  return items;
}

function attributeItems(
  document: LanguageDocument,
  { operator, given }: { readonly operator: string; readonly given: readonly string[] },
): Completion[] {
  const dot = operator.lastIndexOf('.');
  const domain = dot < 0 ? '' : operator.slice(0, dot);
  const name = operator.slice(dot + 1);
  const own = document.syntax.functions.find(
    (each) => each.name.text === name && headerText(each, 'domain') === domain,
  );
  if (own)
    return own.attributes
      .filter((each) => !given.includes(each.name.text))
      .map((each) => ({
        label: each.name.text,
        kind: Kind.property,
        detail: each.value ? 'has a default' : 'required',
        insertText: `${each.name.text} = `,
      }));
  const opset = opsetsOf(document).get(domain === 'ai.onnx' ? '' : domain);
  return (signatureOf(domain, name, opset)?.attributes ?? [])
    .filter((each) => !given.includes(each.name))
    .map((each) => ({
      label: each.name,
      kind: Kind.property,
      detail: `${each.type}${each.required ? ', required' : each.default === undefined ? '' : `, ${each.default} when absent`}`,
      insertText: `${each.name} = `,
      sortText: `${each.required ? 0 : 1}${each.name}`,
    }));
}

/**
 * Values that a node at the offset can read, those made last first. Told from the syntax alone: this is asked after
 * every keystroke, when no name of the text is resolved yet.
 */
function* valueItems({ syntax }: LanguageDocument, offset: number, typed: string): Generator<Completion> {
  let order = 0;
  const wanted = typed.toLowerCase();
  for (const graph of graphsAround(syntax, offset)) {
    const seen = new Set<string>();
    for (const { mark, kind, detail } of madeBefore(graph, offset)) {
      const label = mark.text;
      if (label === '' || seen.has(label)) continue;
      seen.add(label);
      const sortText = String(order++).padStart(7, '0');
      if (label.toLowerCase().includes(wanted))
        yield { label, kind, detail, insertText: nameText(label), sortText };
    }
  }
}

interface MadeValue {
  readonly mark: Mark;
  readonly kind: number;
  readonly detail: string;
}

function* madeBefore({ inputs, values, nodes }: GraphSyntax, offset: number): Generator<MadeValue> {
  for (let at = nodes.length - 1; at >= 0; at -= 1) {
    const { outputs, operator } = nodes[at]!;
    for (let output = outputs.length - 1; output >= 0; output -= 1) {
      const mark = outputs[output]!;
      if (mark.end < offset) yield { mark, kind: Kind.variable, detail: `output of ${operator.text}` };
    }
  }
  for (const { name, data } of [...values].reverse())
    if (data) yield { mark: name, kind: Kind.value, detail: 'initializer' };
  for (const { name } of [...inputs].reverse()) yield { mark: name, kind: Kind.variable, detail: 'input' };
}

/** The graphs whose nodes an offset lies among, from the inside outwards; the main graph where there is none. */
function graphsAround({ graph, functions }: TextSyntax, offset: number): GraphSyntax[] {
  const holds = ({ start, end }: GraphSyntax) => offset >= start && offset <= end;
  const roots = graph ? [graph, ...functions] : functions;
  let at = roots.find(holds) ?? roots[0];
  const found: GraphSyntax[] = [];
  while (at) {
    found.unshift(at);
    const around = at.nodes.filter(({ start, end }) => offset >= start && offset <= end);
    at = around
      .flatMap(({ attributes }) => attributes)
      .flatMap(({ value }) => bodiesIn(value))
      .find(holds);
  }
  return found;
}
