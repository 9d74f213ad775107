// The outline of a text and what can be folded in it: graphs, their lists, bodies, and runs of nodes whose names share
// a path ("/layers.0/attention/MatMul").

import type { GraphSyntax, NodeSyntax, Span, ValueSyntax } from '../../onnx/text/syntax';
import type { LanguageDocument } from './document';
import type { Range } from './lines';
import { bodiesIn } from './resolve';

/** Numbers of the Language Server Protocol's SymbolKind. */
export const SymbolKind = {
  module: 2,
  namespace: 3,
  method: 6,
  field: 8,
  function: 12,
  variable: 13,
  constant: 14,
} as const;

export interface OutlineEntry {
  readonly name: string;
  readonly detail?: string;
  readonly kind: number;
  readonly range: Range;
  readonly selectionRange: Range;
  readonly children?: OutlineEntry[];
}

/** Nodes from `first` to before `end` whose names go on with `name`; runs are nested. */
interface Run {
  readonly name: string;
  readonly first: number;
  readonly end: number;
}

const deepestRun = 12;

/** The path in a node's name, or in its first output's where it has none; the last part is its own. */
export function pathOf({ label, outputs }: NodeSyntax): string[] {
  const name = label?.text ?? outputs.find(({ text }) => text !== '')?.text ?? '';
  return name.split('/').filter((part) => part !== '');
}

/** Consecutive nodes of `[first, end)` with the same part of their path at `depth`. */
function runsOf(paths: readonly (readonly string[])[], first: number, end: number, depth: number): Run[] {
  const runs: Run[] = [];
  for (let at = first; at < end;) {
    const name = paths[at]!.length > depth + 1 ? paths[at]![depth]! : undefined;
    let behind = at + 1;
    if (name !== undefined)
      while (behind < end && paths[behind]!.length > depth + 1 && paths[behind]![depth] === name) behind += 1;
    if (name !== undefined && behind - at > 1) runs.push({ name, first: at, end: behind });
    at = behind;
  }
  return runs;
}

export function outline(document: LanguageDocument): OutlineEntry[] {
  const { syntax, lines } = document;
  const entry = (
    name: string,
    kind: number,
    span: Span,
    selection: Span,
    detail?: string,
    children?: OutlineEntry[],
  ): OutlineEntry => ({
    // An empty name is refused by clients.
    name: name === '' ? '(no name)' : name,
    kind,
    range: lines.range(span),
    selectionRange: lines.range(selection),
    ...(detail === undefined ? {} : { detail }),
    ...(children && children.length > 0 ? { children } : {}),
  });
  const valueEntry = (value: ValueSyntax, kind: number, detail: string) =>
    entry(value.name.text, kind, value, value.name, detail);
  const graphEntry = (graph: GraphSyntax): OutlineEntry =>
    entry(
      graph.name.text,
      graph.kind === 'function' ? SymbolKind.function : SymbolKind.module,
      graph,
      graph.name,
      `${graph.nodes.length} nodes`,
      [
        ...graph.inputs.map((each) => valueEntry(each, SymbolKind.variable, 'input')),
        ...graph.outputs.map((each) => valueEntry(each, SymbolKind.variable, 'output')),
        ...graph.values
          .filter(({ data }) => data)
          .map((each) => valueEntry(each, SymbolKind.constant, 'initializer')),
        ...nodeEntries(graph),
      ],
    );
  const nodeEntries = (graph: GraphSyntax): OutlineEntry[] => {
    const paths = graph.nodes.map(pathOf);
    const within = (first: number, end: number, depth: number): OutlineEntry[] => {
      const found: OutlineEntry[] = [];
      const runs = depth < deepestRun ? runsOf(paths, first, end, depth) : [];
      let at = first;
      for (const run of [...runs, { name: '', first: end, end }]) {
        for (; at < run.first; at += 1) found.push(nodeEntry(graph.nodes[at]!, paths[at]!));
        if (run.end > run.first) {
          const span = { start: graph.nodes[run.first]!.start, end: graph.nodes[run.end - 1]!.end };
          const children = within(run.first, run.end, depth + 1);
          found.push(
            entry(
              run.name,
              SymbolKind.namespace,
              span,
              graph.nodes[run.first]!.operator,
              `${run.end - run.first} nodes`,
              children,
            ),
          );
        }
        at = run.end;
      }
      return found;
    };
    return within(0, graph.nodes.length, 0);
  };
  const nodeEntry = (node: NodeSyntax, path: readonly string[]): OutlineEntry =>
    entry(
      path.at(-1) ?? node.operator.text,
      SymbolKind.method,
      node,
      node.label ?? node.operator,
      node.operator.text,
      node.attributes.flatMap((attribute) => bodiesIn(attribute.value).map(graphEntry)),
    );
  return (syntax.graph ? [syntax.graph, ...syntax.functions] : syntax.functions).map(graphEntry);
}

export interface Fold {
  readonly startLine: number;
  readonly endLine: number;
  readonly kind?: 'region' | 'comment';
}

export function folds(document: LanguageDocument): Fold[] {
  const { syntax, lines } = document;
  const found = new Map<number, Fold>();
  const fold = ({ start, end }: Span, lastLineStays: boolean, kind?: Fold['kind']) => {
    const startLine = lines.position(start).line;
    const endLine = lines.position(end).line - (lastLineStays ? 1 : 0);
    // One fold a line: the outermost one.
    if (endLine > startLine && !found.has(startLine))
      found.set(startLine, { startLine, endLine, ...(kind ? { kind } : {}) });
  };
  const graph = (each: GraphSyntax): void => {
    if (each.header) fold(each.header, true);
    if (each.valueList) fold(each.valueList, true);
    fold(each.body, true);
    const paths = each.nodes.map(pathOf);
    const within = (first: number, end: number, depth: number): void => {
      if (depth >= deepestRun) return;
      for (const run of runsOf(paths, first, end, depth)) {
        fold({ start: each.nodes[run.first]!.start, end: each.nodes[run.end - 1]!.end }, false, 'region');
        within(run.first, run.end, depth + 1);
      }
    };
    within(0, each.nodes.length, 0);
    for (const node of each.nodes)
      for (const attribute of node.attributes)
        for (const body of bodiesIn(attribute.value)) {
          fold(node, true);
          graph(body);
        }
  };
  if (syntax.header) fold(syntax.header, true);
  for (const each of syntax.graph ? [syntax.graph, ...syntax.functions] : syntax.functions) graph(each);
  return [...found.values()].sort((a, b) => a.startLine - b.startLine);
}
