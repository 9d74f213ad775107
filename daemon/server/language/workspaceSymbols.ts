// Names over all open models and texts: nodes, initializers, inputs and outputs. A model's text is made only when one
// of the names is gone to.

import type { LanguageDocument } from '../../analysis/language/document';
import { pathOf, SymbolKind } from '../../analysis/language/outline';
import { allGraphs } from '../../analysis/scopes/scopes';
import { breathe, type Task } from '../../base/task';
import { textUri } from '../../protocol/textFace';
import type { Model } from '../../ir/model';

const most = 200;

export interface FoundSymbol {
  readonly name: string;
  readonly kind: number;
  readonly containerName?: string;
  readonly location: { readonly uri: string };
  readonly data?: { readonly scope: string };
}

/** Symbols whose names hold every word of the query. */
export async function modelSymbols(
  query: string,
  models: readonly { readonly uri: string; readonly model: Model }[],
  task: Task,
): Promise<FoundSymbol[]> {
  const words = query
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  const fits = (name: string) => {
    const lower = name.toLowerCase();
    return words.every((word) => lower.includes(word));
  };
  const found: FoundSymbol[] = [];
  for (const { uri, model } of models) {
    const file = decodeURIComponent(uri.slice(uri.lastIndexOf('/') + 1));
    for (const { path, graph } of allGraphs(model)) {
      const add = (name: string, kind: number) => {
        if (found.length < most && name !== '' && fits(name))
          found.push({
            name,
            kind,
            containerName: path === '' ? file : `${file} ${path}`,
            location: { uri: textUri(uri) },
            data: { scope: path },
          });
      };
      for (const { name } of graph.inputs) add(name, SymbolKind.variable);
      for (const { name } of graph.outputs) add(name, SymbolKind.variable);
      for (const { name } of graph.initializers) add(name, SymbolKind.constant);
      for (const node of graph.nodes) {
        add(node.name, SymbolKind.method);
        for (const output of node.outputs) add(output, SymbolKind.field);
        if (found.length >= most) return found;
        await breathe(task);
      }
    }
  }
  return found;
}

/** Symbols of a text that is being written. */
export function textSymbols(query: string, document: LanguageDocument) {
  const wanted = query.toLowerCase();
  const graphs = [...document.names.graphs.keys()];
  return graphs
    .flatMap((graph) => graph.nodes)
    .flatMap((node) => {
      const name = node.label?.text ?? pathOf(node).join('/');
      if (name === '' || !name.toLowerCase().includes(wanted)) return [];
      const range = document.lines.range(node.label ?? node.operator);
      return [{ name, kind: SymbolKind.method, location: { uri: document.uri, range } }];
    })
    .slice(0, most);
}

/** The place of a found name in the text of its model. */
export function placeOf(document: LanguageDocument, { name, kind }: FoundSymbol) {
  for (const graph of document.names.graphs.keys()) {
    if (kind === SymbolKind.method) {
      const node = graph.nodes.find(({ label }) => label?.text === name);
      if (node) return document.lines.range(node.label!);
    } else {
      const entry = document.names.graphs.get(graph)!.values.get(name);
      const mark = entry?.made[0]?.mark ?? entry?.declared[0];
      if (mark) return document.lines.range(mark);
    }
  }
  return document.lines.range({ start: 0, end: 0 });
}
