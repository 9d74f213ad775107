// Renaming what a graph defines itself, before its nodes are put into another graph.

import { bodiesOf } from '../../ir/graphIndex';
import type { Graph, Node } from '../../ir/model';

/** Renames values in nodes, in place: what they read and write, and what their bodies read, write and define. */
export function renameInNodes(nodes: readonly Node[], names: ReadonlyMap<string, string>): void {
  const to = (name: string) => names.get(name) ?? name;
  for (const node of nodes) {
    node.inputs = node.inputs.map(to);
    node.outputs = node.outputs.map(to);
    for (const body of bodiesOf(node)) renameInGraph(body, names);
  }
}

/** Renames what a graph defines itself, and every use of it inside, in place. */
export function renameInGraph(graph: Graph, names: ReadonlyMap<string, string>): void {
  const to = (name: string) => names.get(name) ?? name;
  for (const tensor of graph.initializers) tensor.name = to(tensor.name);
  for (const info of [...graph.inputs, ...graph.outputs, ...graph.valueInfo]) info.name = to(info.name);
  renameInNodes(graph.nodes, names);
}

/** Every name that nodes or bodies inside them define. */
export const definedByNodes = (nodes: readonly Node[]): string[] =>
  nodes
    .flatMap((node) => [...node.outputs, ...bodiesOf(node).flatMap(definedInGraph)])
    .filter((name) => name !== '');

/** Every name that a graph or a body inside it defines. */
export const definedInGraph = (graph: Graph): string[] => [
  ...graph.inputs.map(({ name }) => name),
  ...graph.initializers.map(({ name }) => name),
  ...definedByNodes(graph.nodes),
];
