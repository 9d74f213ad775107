// Requests of the Language Server Protocol about one place of one text → the features of daemon/analysis/language,
// in the protocol's shapes. Each is a few lines: find the document, turn the position into an offset, ask, turn back.

import { complete } from '../../analysis/language/completion';
import type { LanguageDocument } from '../../analysis/language/document';
import { hover, typeHints } from '../../analysis/language/hover';
import type { Position, Range } from '../../analysis/language/lines';
import {
  definition,
  highlights,
  nodeAt,
  readersOf,
  references,
  sourcesOf,
  titleOf,
  type Neighbour,
} from '../../analysis/language/navigate';
import { folding, outlining, SymbolKind } from '../../analysis/language/outline';
import { packingTokens, tokenModifiers, tokenTypes } from '../../analysis/language/tokens';
import { breathing, type Task } from '../../base/task';
import { functionScope } from '../../analysis/scopes/scopes';
import { nameText } from '../../onnx/text/printTensor';
import type { NodeSyntax, Span } from '../../onnx/text/syntax';
import { parseTextUri, textScheme, textUri } from '../../protocol/textFace';

/** What a feature may ask for besides its own document. */
export interface FeatureContext {
  /** Another text. */
  readonly document: (uri: string) => Promise<LanguageDocument>;
  readonly task: Task;
}

interface At {
  readonly textDocument: { readonly uri: string };
  readonly position: Position;
}
interface Within {
  readonly textDocument: { readonly uri: string };
  readonly range: Range;
}
interface CallItem {
  readonly uri: string;
  readonly selectionRange: Range;
}

type Feature = (document: LanguageDocument, params: never, context: FeatureContext) => unknown;

/** Requests by method; the document is the one that the params name. */
export const features: ReadonlyMap<string, Feature> = new Map<string, Feature>([
  ['textDocument/documentSymbol', (document, _, { task }) => breathing(outlining(document), task)],
  ['textDocument/foldingRange', (document, _, { task }) => breathing(folding(document), task)],
  ['textDocument/semanticTokens/full', async (document, _, { task }) => ({ data: await breathing(packingTokens(document), task) })],
  ['textDocument/semanticTokens/range', async (document, { range }: Within, { task }) => ({ data: await breathing(packingTokens(document, ...span(document, range)), task) })],
  ['textDocument/hover', hoverAt],
  ['textDocument/definition', definitionAt],
  ['textDocument/references', referencesAt],
  ['textDocument/documentHighlight', (document, { position }: At) =>
    highlights(document, document.lines.offset(position)).map(({ mark, writes }) => ({
      range: document.lines.range(mark),
      kind: writes ? 3 : 2,
    }))],
  ['textDocument/completion', completionAt],
  ['textDocument/inlayHint', async (document, { range }: Within) =>
    (await typeHints(document, ...span(document, range))).map(({ offset, text }) => ({
      position: document.lines.position(offset),
      label: text,
      kind: 1,
    }))],
  ['textDocument/prepareCallHierarchy', (document, { position }: At) => {
    const node = nodeAt(document, document.lines.offset(position));
    return node ? [callItem(document, node)] : null;
  }],
  ['callHierarchy/incomingCalls', (document, { item }: { item: CallItem }) =>
    neighbours(document, item, sourcesOf, (each) => ({ from: callItem(document, each.node), fromRanges: ranges(document, each.places) }))],
  ['callHierarchy/outgoingCalls', (document, { item }: { item: CallItem }) =>
    neighbours(document, item, readersOf, (each) => ({ to: callItem(document, each.node), fromRanges: [] as Range[] }))],
  ['textDocument/prepareRename', (document, { position }: At) => renameable(document, position)],
  ['textDocument/rename', renameAt],
]); // prettier-ignore

/** Requests that look at the syntax alone, not at what its names mean. */
export const plainFeatures: ReadonlySet<string> = new Set([
  'textDocument/documentSymbol',
  'textDocument/foldingRange',
  'textDocument/completion',
]);

/** What `initialize` says of them. */
export const capabilities = {
  positionEncoding: 'utf-16',
  textDocumentSync: { openClose: true, change: 2 },
  documentSymbolProvider: true,
  foldingRangeProvider: true,
  definitionProvider: true,
  referencesProvider: true,
  documentHighlightProvider: true,
  hoverProvider: true,
  callHierarchyProvider: true,
  inlayHintProvider: true,
  renameProvider: { prepareProvider: true },
  completionProvider: { triggerCharacters: ['=', '<', '(', ',', '.'] },
  semanticTokensProvider: {
    legend: { tokenTypes: [...tokenTypes], tokenModifiers: [...tokenModifiers] },
    full: true,
    range: true,
  },
  workspaceSymbolProvider: { resolveProvider: true },
  workspace: { textDocumentContent: { schemes: [textScheme] } },
};

const span = (document: LanguageDocument, { start, end }: Range): [number, number] => [
  document.lines.offset(start),
  document.lines.offset(end),
];

const ranges = (document: LanguageDocument, spans: readonly Span[]) =>
  spans.map((each) => document.lines.range(each));

async function hoverAt(document: LanguageDocument, { position }: At) {
  const found = await hover(document, document.lines.offset(position));
  return (
    found && {
      contents: { kind: 'markdown', value: found.markdown },
      range: document.lines.range(found.mark),
    }
  );
}

async function definitionAt(document: LanguageDocument, { position }: At, context: FeatureContext) {
  const target = definition(document, document.lines.offset(position));
  if (!target) return null;
  if (target.kind === 'places')
    return target.places.map((each) => ({ uri: document.uri, range: document.lines.range(each) }));
  const from = parseTextUri(document.uri);
  if (!from || from.scope === '') return null;
  // What a body takes from around it, and functions, are in the text of the whole model.
  const whole = await context.document(textUri(from.model));
  if (target.kind === 'function') {
    const wanted = functionScope({ ...emptyFunction, ...target });
    const found = whole.syntax.functions.find(
      (each) =>
        functionScope({
          ...emptyFunction,
          domain: headerOf(each, 'domain'),
          name: each.name.text,
          overload: headerOf(each, 'overload'),
        }) === wanted,
    );
    return found ? [{ uri: whole.uri, range: whole.lines.range(found.name) }] : null;
  }
  const found = [...whole.names.graphs.values()].flatMap(
    ({ values }) => values.get(target.value)?.made ?? [],
  );
  return found.slice(0, 1).map(({ mark }) => ({ uri: whole.uri, range: whole.lines.range(mark) }));
}

const emptyFunction = {
  inputs: [], outputs: [], attributes: [], attributeDefaults: [], nodes: [], docString: '', opsetImports: [],
  valueInfo: [], metadataProps: [],
}; // prettier-ignore

const headerOf = (graph: LanguageDocument['syntax']['functions'][number], field: string): string => {
  const value = graph.header?.fields.find(({ name }) => name.text === field)?.value;
  return value?.kind === 'text' ? value.value : '';
};

function referencesAt(
  document: LanguageDocument,
  { position, context }: At & { context?: { includeDeclaration?: boolean } },
) {
  const found = references(document, document.lines.offset(position), context?.includeDeclaration ?? true);
  return found.map((each) => ({ uri: document.uri, range: document.lines.range(each) }));
}

function completionAt(document: LanguageDocument, { position }: At) {
  return complete(document, document.lines.offset(position));
}

function callItem(document: LanguageDocument, node: NodeSyntax) {
  return {
    name: titleOf(node),
    kind: SymbolKind.method,
    detail: node.operator.text,
    uri: document.uri,
    range: document.lines.range(node),
    selectionRange: document.lines.range(node.operator),
  };
}

function neighbours<T>(
  document: LanguageDocument,
  { selectionRange }: CallItem,
  find: (document: LanguageDocument, node: NodeSyntax) => Neighbour[],
  shape: (each: Neighbour) => T,
): T[] {
  const node = nodeAt(document, document.lines.offset(selectionRange.start));
  return node ? find(document, node).map(shape) : [];
}

function renameable(document: LanguageDocument, position: Position) {
  if (parseTextUri(document.uri)) return null;
  const offset = document.lines.offset(position);
  const [first] = highlights(document, offset).filter(
    ({ mark }) => offset >= mark.start && offset <= mark.end,
  );
  return first && first.mark.kind === 'value'
    ? { range: document.lines.range(first.mark), placeholder: first.mark.text }
    : null;
}

function renameAt(document: LanguageDocument, { position, newName }: At & { newName: string }) {
  if (parseTextUri(document.uri)) return null;
  const edits = highlights(document, document.lines.offset(position)).map(({ mark }) => ({
    range: document.lines.range(mark),
    newText: nameText(newName),
  }));
  return { changes: { [document.uri]: edits } };
}
