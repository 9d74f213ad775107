// Syntax of a text after an edit among the nodes of one graph, from the syntax before it: the nodes that the edit
// touches are read again, what lies behind them is moved. Any other edit needs a whole reading.

import { parseNodes } from './parseText';
import type {
  AttributeSyntax,
  AttributeValueSyntax,
  GraphSyntax,
  NodeSyntax,
  Span,
  TextSyntax,
  ValueSyntax,
} from './syntax';

/** `[start, end)` of the text before the edit became `[start, start + length)`. */
export interface Edit extends Span {
  readonly length: number;
}

/**
 * The syntax of `text`, which is that of `before` with one edit; undefined where only a whole reading can tell. The
 * tree before is used up. Where the result has problems among its nodes, a whole reading may place them elsewhere: an
 * open bracket can swallow the nodes behind it.
 */
export function reparse(before: TextSyntax, text: string, edit: Edit): TextSyntax | undefined {
  const graph = [...(before.graph ? [before.graph] : []), ...before.functions].find(
    ({ body }) => edit.start > body.start && edit.end < body.end,
  );
  if (!graph || before.text[graph.body.end - 1] !== '}' || before.problems.length >= 100) return undefined;
  const { nodes } = graph;
  // What touches the edit is read again: a name may have grown together with it.
  const first = firstWhere(nodes, ({ end }) => end >= edit.start);
  const behind = firstWhere(nodes, ({ start }) => start > edit.end);
  const region = {
    start: first > 0 ? nodes[first - 1]!.end : graph.body.start + 1,
    end: behind < nodes.length ? nodes[behind]!.start : graph.body.end - 1,
  };
  const moved = edit.length - (edit.end - edit.start);
  const end = region.end + moved;
  const read = parseNodes(text, region.start, end);
  // A comment without an end of its line reaches into what follows.
  if ((read.comments.at(-1)?.end ?? -1) >= end) return undefined;
  // Marks of nodes with mistakes stand in the lists too.
  const marks = spliced(before.marks, region, read.marks, moved);
  const comments = spliced(before.comments, region, read.comments, moved);
  // A mistake is found at the next node or brace at the latest, so the end of the region belongs to it.
  const behindIt = before.problems.filter(({ start }) => start > region.end);
  for (const each of behindIt) move(each, moved);
  const problems = [
    ...before.problems.filter(({ start }) => start < region.start),
    ...read.problems,
    ...behindIt,
  ];
  const shift = moved === 0 ? undefined : new Shift(region.end, moved);
  for (const each of nodes.slice(behind)) shift?.node(each);
  const changed: GraphSyntax = {
    ...graph,
    nodes: [...nodes.slice(0, first), ...read.nodes, ...nodes.slice(behind)],
    body: { start: graph.body.start, end: graph.body.end + moved },
    end: graph.end + moved,
  };
  const others = (each: GraphSyntax): GraphSyntax => {
    if (each === graph) return changed;
    if (each.start >= region.end) shift?.graph(each);
    return each;
  };
  return {
    text,
    header: before.header,
    graph: before.graph && others(before.graph),
    functions: before.functions.map(others),
    marks,
    comments,
    problems,
  };
}

/** Index of the first item that fits, of a list where all behind it fit too. */
function firstWhere<T>(items: readonly T[], fits: (item: T) => boolean): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (fits(items[middle]!)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** A list in the order of the text with another part for one region; what is behind it is moved in place. */
function spliced<T extends Span>(
  items: readonly T[],
  region: Span,
  other: readonly T[],
  moved: number,
): readonly T[] {
  const from = firstWhere(items, ({ start }) => start >= region.start);
  const to = firstWhere(items, ({ start }) => start >= region.end);
  const behind = items.slice(to);
  if (moved !== 0) for (const each of behind) move(each, moved);
  return [...items.slice(0, from), ...other, ...behind];
}

function move(span: Span, by: number): void {
  const open = span as { start: number; end: number };
  open.start += by;
  open.end += by;
}

/** Moves what has a span but is no mark; marks are moved in their list. */
class Shift {
  constructor(
    private readonly from: number,
    private readonly by: number,
  ) {}

  graph(graph: GraphSyntax): void {
    const { header, attributes, inputs, outputs, values, valueList, nodes, body } = graph;
    // A body starts with its name, which may be moved already: the span of the graph itself tells.
    this.span(graph);
    this.span(body);
    if (valueList) this.span(valueList);
    if (header) {
      this.span(header);
      header.fields.forEach((each) => this.span(each));
    }
    attributes.forEach((each) => this.attribute(each));
    [...inputs, ...outputs, ...values].forEach((each) => this.value(each));
    nodes.forEach((each) => this.node(each));
  }

  node(node: NodeSyntax): void {
    this.span(node);
    node.attributes.forEach((each) => this.attribute(each));
  }

  private span(span: Span): void {
    if (span.start >= this.from) move(span, this.by);
  }

  private value(value: ValueSyntax): void {
    this.span(value);
    if (value.data) this.span(value.data);
  }

  private attribute(attribute: AttributeSyntax): void {
    this.span(attribute);
    if (attribute.value) this.attributeValue(attribute.value);
  }

  private attributeValue(value: AttributeValueSyntax): void {
    this.span(value);
    if (value.kind === 'graph') this.graph(value.graph);
    else if (value.kind === 'list') value.items.forEach((each) => this.attributeValue(each));
    else if (value.kind === 'tensor' && value.data) this.span(value.data);
  }
}
