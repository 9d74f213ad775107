// Where in a text the things stand that a diagnostic names: a graph by its path, a node by its name, a value by where
// it is made, stated or read. Told from the syntax alone, a graph when it is first asked for.

import type { Place } from '../../base/diagnostic';
import { breathe, type Task } from '../../base/task';
import type { GraphSyntax, Mark, NodeSyntax, TextSyntax } from '../../onnx/text/syntax';
import { bodyPath, functionKey } from '../scopes/scopes';
import { headerText } from './resolve';

interface GraphPlaces {
  readonly graph: GraphSyntax;
  readonly nodes: ReadonlyMap<string, Mark>;
  readonly values: ReadonlyMap<string, Mark>;
}

export class Places {
  private readonly known = new Map<string, GraphPlaces>();

  private constructor(
    private readonly graphs: ReadonlyMap<string, GraphSyntax>,
    private readonly task: Task,
  ) {}

  /** Finds the graphs of a text by their paths. */
  static async of({ graph, functions }: TextSyntax, task: Task): Promise<Places> {
    const graphs = new Map<string, GraphSyntax>();
    const pending: { path: string; graph: GraphSyntax }[] = functions.map((each) => ({
      path: `function ${functionKey(headerText(each, 'domain'), each.name.text, headerText(each, 'overload'))}`,
      graph: each,
    }));
    if (graph) pending.push({ path: '', graph });
    for (let next = pending.pop(); next; next = pending.pop()) {
      if (graphs.has(next.path)) continue;
      graphs.set(next.path, next.graph);
      for (const each of bodiesOf(next.graph, next.path)) pending.push(each);
      await breathe(task);
    }
    return new Places(graphs, task);
  }

  /** The name that a diagnostic is about: the node, the value, or the graph; undefined when the text has none of them. */
  async find({ scope = '', node, index, value }: Place): Promise<Mark | undefined> {
    const found = await this.graphAt(scope);
    if (!found) return undefined;
    // The same position, when it is the same node: names may be there twice, or not at all.
    const there = index === undefined ? undefined : found.graph.nodes[index];
    if (there && (there.label?.text ?? '') === (node ?? '')) {
      const mark = [...there.inputs, ...there.outputs].find(({ text }) => text === value);
      return mark ?? there.label ?? there.operator;
    }
    const named = node === undefined ? undefined : found.nodes.get(node);
    if (named) return named;
    if (value === undefined) return found.graph.name;
    return found.values.get(value) ?? found.graph.name;
  }

  private async graphAt(path: string): Promise<GraphPlaces | undefined> {
    const known = this.known.get(path);
    const graph = this.graphs.get(path);
    if (known || !graph) return known;
    const nodes = new Map<string, Mark>();
    const made = new Map<string, Mark>();
    const used = new Map<string, Mark>();
    const note = (into: Map<string, Mark>, mark: Mark) => {
      if (mark.text !== '' && !into.has(mark.text)) into.set(mark.text, mark);
    };
    for (const { name } of graph.inputs) note(made, name);
    for (const { name, data } of graph.values) note(data ? made : used, name);
    for (const each of graph.nodes) {
      if (each.label) nodes.set(each.label.text, each.label);
      for (const output of each.outputs) note(made, output);
      for (const input of each.inputs) note(used, input);
      await breathe(this.task);
    }
    for (const { name } of graph.outputs) note(used, name);
    // A node without a name goes by what it writes.
    for (const { label, operator, outputs } of graph.nodes)
      for (const { text } of outputs) if (text !== '' && !nodes.has(text)) nodes.set(text, label ?? operator);
    const places = { graph, nodes, values: new Map([...used, ...made]) };
    this.known.set(path, places);
    return places;
  }
}

function* bodiesOf(graph: GraphSyntax, path: string): Generator<{ path: string; graph: GraphSyntax }> {
  let uses: Map<string, number> | undefined;
  const labelOf = ({ label, operator }: NodeSyntax, index: number) => {
    uses ??= countLabels(graph);
    return label && uses.get(label.text) === 1 ? label.text : `${operator.text}#${index}`;
  };
  for (const [index, node] of graph.nodes.entries()) {
    for (const { name, value } of node.attributes) {
      const items = value?.kind === 'list' ? value.items : value ? [value] : [];
      for (const [at, each] of items.entries()) {
        if (each.kind !== 'graph') continue;
        const body = value?.kind === 'list' ? `${name.text}[${at}]` : name.text;
        yield { path: bodyPath(path, labelOf(node, index), body), graph: each.graph };
      }
    }
  }
}

function countLabels({ nodes }: GraphSyntax): Map<string, number> {
  const uses = new Map<string, number>();
  for (const { label } of nodes) if (label) uses.set(label.text, (uses.get(label.text) ?? 0) + 1);
  return uses;
}
