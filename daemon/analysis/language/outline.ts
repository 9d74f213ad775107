// The outline of a text and what can be folded in it: graphs, their lists, bodies, and runs of nodes whose names share
// a path ("/layers.0/attention/MatMul").

import { eachInSteps, inOneGo, type Steps } from '../../base/task';
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

export const outline = (document: LanguageDocument): OutlineEntry[] => inOneGo(outlining(document));

/** The same in steps. */
export function* outlining(document: LanguageDocument): Steps<OutlineEntry[]> {
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
  let made = 0;
  function* graphEntry(graph: GraphSyntax): Steps<OutlineEntry> {
    return entry(
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
        ...(yield* nodeEntries(graph)),
      ],
    );
  }
  function* nodeEntries(graph: GraphSyntax): Steps<OutlineEntry[]> {
    const paths: string[][] = [];
    yield* eachInSteps(graph.nodes, (node) => paths.push(pathOf(node)));
    function* within(first: number, end: number, depth: number): Steps<OutlineEntry[]> {
      const found: OutlineEntry[] = [];
      const runs = depth < deepestRun ? runsOf(paths, first, end, depth) : [];
      let at = first;
      for (const run of [...runs, { name: '', first: end, end }]) {
        for (; at < run.first; at += 1) {
          found.push(yield* nodeEntry(graph.nodes[at]!, paths[at]!));
          if ((made += 1) % 128 === 0) yield;
        }
        if (run.end > run.first) {
          const span = { start: graph.nodes[run.first]!.start, end: graph.nodes[run.end - 1]!.end };
          const children = yield* within(run.first, run.end, depth + 1);
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
    }
    return yield* within(0, graph.nodes.length, 0);
  }
  function* nodeEntry(node: NodeSyntax, path: readonly string[]): Steps<OutlineEntry> {
    const bodies: OutlineEntry[] = [];
    for (const { value } of node.attributes)
      for (const body of bodiesIn(value)) bodies.push(yield* graphEntry(body));
    return entry(
      path.at(-1) ?? node.operator.text,
      SymbolKind.method,
      node,
      node.label ?? node.operator,
      node.operator.text,
      bodies,
    );
  }
  const entries: OutlineEntry[] = [];
  for (const each of syntax.graph ? [syntax.graph, ...syntax.functions] : syntax.functions)
    entries.push(yield* graphEntry(each));
  return entries;
}

export interface Fold {
  readonly startLine: number;
  readonly endLine: number;
  readonly kind?: 'region' | 'comment';
}

export const folds = (document: LanguageDocument): Fold[] => inOneGo(folding(document));

/** The same in steps. */
export function* folding(document: LanguageDocument): Steps<Fold[]> {
  const { syntax, lines } = document;
  const found = new Map<number, Fold>();
  const fold = ({ start, end }: Span, lastLineStays: boolean, kind?: Fold['kind']) => {
    const startLine = lines.position(start).line;
    const endLine = lines.position(end).line - (lastLineStays ? 1 : 0);
    // One fold a line: the outermost one.
    if (endLine > startLine && !found.has(startLine))
      found.set(startLine, { startLine, endLine, ...(kind ? { kind } : {}) });
  };
  function* graph(each: GraphSyntax): Steps<void> {
    if (each.header) fold(each.header, true);
    if (each.valueList) fold(each.valueList, true);
    fold(each.body, true);
    const paths: string[][] = [];
    yield* eachInSteps(each.nodes, (node) => paths.push(pathOf(node)));
    function* within(first: number, end: number, depth: number): Steps<void> {
      if (depth >= deepestRun) return;
      for (const run of runsOf(paths, first, end, depth)) {
        fold({ start: each.nodes[run.first]!.start, end: each.nodes[run.end - 1]!.end }, false, 'region');
        yield* within(run.first, run.end, depth + 1);
      }
      yield;
    }
    yield* within(0, each.nodes.length, 0);
    for (const [index, node] of each.nodes.entries()) {
      if (index % 1024 === 1023) yield;
      for (const attribute of node.attributes)
        for (const body of bodiesIn(attribute.value)) {
          fold(node, true);
          yield* graph(body);
        }
    }
  }
  if (syntax.header) fold(syntax.header, true);
  for (const each of syntax.graph ? [syntax.graph, ...syntax.functions] : syntax.functions)
    yield* graph(each);
  return [...found.values()].sort((a, b) => a.startLine - b.startLine);
}
