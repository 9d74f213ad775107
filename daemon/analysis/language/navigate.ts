// From a name to where it is made, to all places that use it, and from a node to its neighbours.

import type { GraphSyntax, Mark, NodeSyntax, Span } from '../../onnx/text/syntax';
import type { LanguageDocument } from './document';
import { functionKeyOf, markAt, type ValueEntry } from './resolve';

/** What a name leads to: places in this text, or a value that is made outside of it. */
export type Target =
  | { readonly kind: 'places'; readonly places: readonly Mark[] }
  | { readonly kind: 'outside'; readonly value: string }
  | { readonly kind: 'function'; readonly domain: string; readonly name: string; readonly overload: string };

/** Where the thing at an offset is made. */
export function definition(document: LanguageDocument, offset: number): Target | undefined {
  const mark = markAt(document.syntax, offset);
  if (!mark) return undefined;
  const { names } = document;
  if (mark.kind === 'value') {
    const entry = names.values.get(mark);
    if (!entry) return undefined;
    const places = entry.made.length > 0 ? entry.made.map((made) => made.mark) : entry.declared;
    if (places.length > 0) return { kind: 'places', places };
    return { kind: 'outside', value: entry.name };
  }
  if (mark.kind === 'operator') {
    const node = names.nodes.get(mark);
    if (!node) return undefined;
    const found = names.functions.get(functionKeyOf(node.domain, node.operator.text, node.overload));
    if (found) return { kind: 'places', places: [found.name] };
    return { kind: 'function', domain: node.domain, name: node.operator.text, overload: node.overload };
  }
  if (mark.kind === 'attributeReference') {
    for (const each of document.syntax.functions) {
      if (offset < each.start || offset > each.end) continue;
      const found = each.attributes.find(({ name }) => name.text === mark.text);
      if (found) return { kind: 'places', places: [found.name] };
    }
  }
  return undefined;
}

/** Every place of the value at an offset; `declarations` adds where it is made and stated. */
export function references(document: LanguageDocument, offset: number, declarations: boolean): Mark[] {
  const mark = markAt(document.syntax, offset);
  if (mark?.kind === 'operator' || mark?.kind === 'function') return calls(document, mark);
  const entry = mark && entryAt(document, mark);
  if (!entry) return [];
  const read = entry.read.map((each) => each.mark);
  if (!declarations) return [...read, ...outputsOf(entry)];
  return [...entry.made.map((made) => made.mark), ...entry.declared, ...read];
}

/** A graph output is a use of the value. */
const outputsOf = (entry: ValueEntry): Mark[] =>
  entry.declared.filter((mark) => entry.graph?.outputs.some(({ name }) => name === mark));

/** The value of a mark; of a node's label, its first output. */
export function entryAt(document: LanguageDocument, mark: Mark): ValueEntry | undefined {
  const { names } = document;
  if (mark.kind === 'value') return names.values.get(mark);
  if (mark.kind !== 'label') return undefined;
  const output = names.nodes.get(mark)?.outputs.find(({ text }) => text !== '');
  return output && names.values.get(output);
}

/** Nodes that run the same operator or function. */
function calls({ syntax, names }: LanguageDocument, mark: Mark): Mark[] {
  const node = names.nodes.get(mark);
  const wanted = node
    ? functionKeyOf(node.domain, node.operator.text, node.overload)
    : [...names.functions].find(([, each]) => each.name === mark)?.[0];
  return syntax.marks.filter((each) => {
    if (each.kind !== 'operator') return false;
    const other = names.nodes.get(each);
    return other !== undefined && functionKeyOf(other.domain, other.operator.text, other.overload) === wanted;
  });
}

/** Places of the value at an offset, with whether it is written there. */
export function highlights(
  document: LanguageDocument,
  offset: number,
): { readonly mark: Mark; readonly writes: boolean }[] {
  const mark = markAt(document.syntax, offset);
  const entry = mark && entryAt(document, mark);
  if (!entry) return [];
  return [
    ...entry.made.map(({ mark: at }) => ({ mark: at, writes: true })),
    ...[...entry.declared, ...entry.read.map((each) => each.mark)].map((at) => ({ mark: at, writes: false })),
  ];
}

/** The node that a name stands in or that makes the named value. */
export function nodeAt(document: LanguageDocument, offset: number): NodeSyntax | undefined {
  const mark = markAt(document.syntax, offset);
  if (!mark) return undefined;
  if (mark.kind === 'value') {
    const made = document.names.values.get(mark)?.made.find(({ node }) => node);
    if (made?.node) return made.node;
  }
  return document.names.nodes.get(mark);
}

export interface Neighbour {
  readonly node: NodeSyntax;
  /** Where the value stands that joins the two: in the asked node for sources, in the neighbour for readers. */
  readonly places: Mark[];
}

/** Nodes whose outputs a node reads, its bodies included. */
export function sourcesOf({ names }: LanguageDocument, node: NodeSyntax): Neighbour[] {
  const found = new Map<NodeSyntax, Mark[]>();
  const see = (mark: Mark) => {
    const made = names.values.get(mark)?.made.find(({ node: by }) => by);
    if (!made?.node || made.node === node || isInside(made.node, node)) return;
    found.set(made.node, [...(found.get(made.node) ?? []), mark]);
  };
  const visit = (each: NodeSyntax) => {
    each.inputs.forEach(see);
    for (const attribute of each.attributes) {
      const value = attribute.value;
      const graphs = value?.kind === 'graph' ? [value.graph] : [];
      if (value?.kind === 'list')
        for (const item of value.items) if (item.kind === 'graph') graphs.push(item.graph);
      for (const graph of graphs) graph.nodes.forEach(visit);
    }
  };
  visit(node);
  return [...found].map(([each, places]) => ({ node: each, places }));
}

const isInside = (inner: Span, outer: Span) => inner.start >= outer.start && inner.end <= outer.end;

/** Nodes that read a node's outputs. */
export function readersOf({ names }: LanguageDocument, node: NodeSyntax): Neighbour[] {
  const found = new Map<NodeSyntax, Mark[]>();
  for (const output of node.outputs)
    for (const { mark, node: reader } of names.values.get(output)?.read ?? [])
      found.set(reader, [...(found.get(reader) ?? []), mark]);
  return [...found].map(([each, places]) => ({ node: each, places }));
}

/** What a node is called in lists. */
export const titleOf = ({ label, outputs, operator }: NodeSyntax): string =>
  label?.text || outputs.find(({ text }) => text !== '')?.text || operator.text;

/** The graph of the text that holds a node. */
export const graphOf = (document: LanguageDocument, node: NodeSyntax): GraphSyntax | undefined =>
  document.names.graphOf.get(node);
