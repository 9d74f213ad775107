// Which name means what in a text: where each value is made, declared and read, through bodies outwards, and which
// node a name stands in.

import { eachInSteps, inOneGo, type Steps } from '../../base/task';
import type { GraphSyntax, Mark, NodeSyntax, TextSyntax, ValueSyntax } from '../../onnx/text/syntax';

/** Everything about one value of one graph. */
export interface ValueEntry {
  readonly name: string;
  /** The graph that it belongs to; undefined for what no graph of the text makes. */
  readonly graph: GraphSyntax | undefined;
  /** Where it is made: input, initializer, or output of a node. The first one counts. */
  readonly made: Made[];
  /** Where its type or its being an output is stated. */
  readonly declared: Mark[];
  readonly read: { readonly mark: Mark; readonly node: NodeSyntax }[];
}

export interface Made {
  readonly mark: Mark;
  readonly by: 'input' | 'initializer' | 'node';
  readonly node?: NodeSyntax;
  readonly value?: ValueSyntax;
}

export interface GraphNames {
  readonly syntax: GraphSyntax;
  readonly outer: GraphNames | undefined;
  readonly values: Map<string, ValueEntry>;
}

export interface Names {
  readonly graphs: ReadonlyMap<GraphSyntax, GraphNames>;
  /** The value behind a mark of kind `value`. */
  readonly values: ReadonlyMap<Mark, ValueEntry>;
  /** The node around a mark. */
  readonly nodes: ReadonlyMap<Mark, NodeSyntax>;
  /** The graph around a node. */
  readonly graphOf: ReadonlyMap<NodeSyntax, GraphSyntax>;
  /** Values that come from outside of the text. */
  readonly outside: ReadonlyMap<string, ValueEntry>;
  /** Functions by `domain:name:overload`. */
  readonly functions: ReadonlyMap<string, GraphSyntax>;
}

export const functionKeyOf = (domain: string, name: string, overload: string): string =>
  `${domain === 'ai.onnx' ? '' : domain}:${name}:${overload}`;

/** The text of a function's header field. */
export function headerText(graph: GraphSyntax, field: string): string {
  const found = graph.header?.fields.find(({ name }) => name.text === field)?.value;
  return found?.kind === 'text' ? found.value : '';
}

/** Resolves every name; linear in the text. */
export const resolveNames = (syntax: TextSyntax): Names => inOneGo(resolvingNames(syntax));

/** The same in steps. */
export function* resolvingNames(syntax: TextSyntax): Steps<Names> {
  const graphs = new Map<GraphSyntax, GraphNames>();
  const values = new Map<Mark, ValueEntry>();
  const nodes = new Map<Mark, NodeSyntax>();
  const graphOf = new Map<NodeSyntax, GraphSyntax>();
  const outside = new Map<string, ValueEntry>();
  const functions = new Map<string, GraphSyntax>();
  const entryIn = (names: GraphNames, name: string): ValueEntry => {
    let entry = names.values.get(name);
    if (!entry) names.values.set(name, (entry = emptyEntry(name, names.syntax)));
    return entry;
  };
  function* define(graph: GraphSyntax, outer: GraphNames | undefined): Steps<GraphNames> {
    const names: GraphNames = { syntax: graph, outer, values: new Map() };
    graphs.set(graph, names);
    const make = (mark: Mark, made: Omit<Made, 'mark'>) => {
      if (mark.text === '') return;
      const entry = entryIn(names, mark.text);
      entry.made.push({ mark, ...made });
      values.set(mark, entry);
    };
    for (const value of graph.inputs) make(value.name, { by: 'input', value });
    yield* eachInSteps(graph.values, (value) => {
      if (value.data) make(value.name, { by: 'initializer', value });
    });
    yield* eachInSteps(graph.nodes, (node) => {
      graphOf.set(node, graph);
      for (const mark of node.outputs) make(mark, { by: 'node', node });
    });
    const declare = ({ name }: ValueSyntax) => {
      const entry = entryIn(names, name.text);
      entry.declared.push(name);
      values.set(name, entry);
    };
    graph.values.forEach((value) => {
      if (!value.data) declare(value);
    });
    graph.outputs.forEach(declare);
    return names;
  }
  const lookUp = (names: GraphNames, name: string): ValueEntry => {
    for (let at: GraphNames | undefined = names; at; at = at.outer) {
      const entry = at.values.get(name);
      if (entry && (entry.made.length > 0 || at === names)) return entry;
    }
    let entry = outside.get(name);
    if (!entry) outside.set(name, (entry = emptyEntry(name, undefined)));
    return entry;
  };
  function* use(names: GraphNames): Steps<void> {
    for (const [index, node] of names.syntax.nodes.entries()) {
      if (index % 256 === 255) yield;
      nodes.set(node.operator, node);
      if (node.label) nodes.set(node.label, node);
      for (const mark of node.outputs) nodes.set(mark, node);
      for (const mark of node.inputs) {
        nodes.set(mark, node);
        if (mark.text === '') continue;
        const entry = lookUp(names, mark.text);
        entry.read.push({ mark, node });
        values.set(mark, entry);
      }
      for (const attribute of node.attributes) {
        nodes.set(attribute.name, node);
        for (const body of bodiesIn(attribute.value)) yield* use(yield* define(body, names));
      }
    }
  }
  for (const each of syntax.functions)
    functions.set(
      functionKeyOf(headerText(each, 'domain'), each.name.text, headerText(each, 'overload')),
      each,
    );
  for (const each of syntax.graph ? [syntax.graph, ...syntax.functions] : syntax.functions)
    yield* use(yield* define(each, undefined));
  return { graphs, values, nodes, graphOf, outside, functions };
}

const emptyEntry = (name: string, graph: GraphSyntax | undefined): ValueEntry => ({
  name,
  graph,
  made: [],
  declared: [],
  read: [],
});

/** The graphs in an attribute's value. */
export function bodiesIn(value: NodeSyntax['attributes'][number]['value']): GraphSyntax[] {
  if (value?.kind === 'graph') return [value.graph];
  return value?.kind === 'list'
    ? value.items.flatMap((each) => (each.kind === 'graph' ? [each.graph] : []))
    : [];
}

/** The name at an offset: the one that holds it, or that ends there. */
export function markAt({ marks }: TextSyntax, offset: number): Mark | undefined {
  let low = 0;
  let high = marks.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (marks[middle]!.start <= offset) low = middle + 1;
    else high = middle - 1;
  }
  for (let at = high; at >= 0 && at > high - 4; at -= 1) {
    const mark = marks[at]!;
    if (mark.end > mark.start && offset <= mark.end && offset >= mark.start) return mark;
  }
  return undefined;
}
