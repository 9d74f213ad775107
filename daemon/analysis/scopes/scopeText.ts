// The text of whatever a scope's path names in a model: the whole, a body or function, or a named part of one of them.

import { breathing, type Steps, type Task } from '../../base/task';
import type { FunctionDef, Model, Node } from '../../ir/model';
import { printFunction, printGraph, printModel } from '../../onnx/text/printText';
import type { ValuesOptions } from '../../onnx/text/printTensor';
import { bodiesOf } from '../../ir/graphIndex';
import { inferringAt } from '../inferredAt';
import { cutOut, findPart, partPaths } from './scopeParts';
import { allGraphs, findGraph, functionKey, functionScope, type ScopedGraph } from './scopes';
import { inferring, type InferredGraph, type ShapeInfo } from '../shapes';

/** What a path names. A part is some nodes of its graph, by position. */
export interface FoundScope {
  readonly scoped: ScopedGraph;
  readonly part?: {
    readonly path: string;
    readonly positions: readonly number[];
    /** What it gives, where that is not all that the rest reads. */
    readonly outputs?: ReadonlySet<string> | undefined;
  };
}

/** In steps: a graph of that path, else a named part of a graph: "layers/0/attention", "Loop_3/body/layers/0". */
export function* findScope(model: Model, path: string): Steps<FoundScope | undefined> {
  const scoped = findGraph(model, path);
  if (scoped) return { scoped };
  const around = [...allGraphs(model)].filter((each) => each.path === '' || path.startsWith(`${each.path}/`));
  // The innermost graph that can hold it.
  for (const each of around.sort((a, b) => b.path.length - a.path.length)) {
    const rest = each.path === '' ? path : path.slice(each.path.length + 1);
    const positions = yield* findPart(each, rest);
    if (positions) return { scoped: each, part: { path, positions } };
  }
  return undefined;
}

export interface ScopePaths {
  /** Paths of graphs; the main one is "". */
  readonly graphs: readonly string[];
  /** Paths of the named scopes inside them. */
  readonly parts: readonly string[];
}

/** Every path that findScope knows, in steps. */
export function* scopePaths(model: Model): Steps<ScopePaths> {
  const graphs: string[] = [];
  const parts: string[] = [];
  for (const scoped of allGraphs(model)) {
    graphs.push(scoped.path);
    for (const part of yield* partPaths(scoped))
      parts.push(scoped.path === '' ? part : `${scoped.path}/${part}`);
  }
  return { graphs, parts };
}

/** A part as a model of its own, in steps, with the functions that it calls. */
export function* partModel(model: Model, found: FoundScope, types: InferredGraph): Steps<Model> {
  const { scoped, part } = found;
  const graph = yield* cutOut(scoped.graph, part?.positions ?? [], part?.path ?? '', types, part?.outputs);
  return {
    ...model,
    docString: '',
    metadataProps: [],
    trainingInfo: [],
    opsetImports: scoped.functionDef?.opsetImports ?? model.opsetImports,
    graph,
    functions: calledFunctions(model, graph.nodes),
  };
}

/**
 * The text of a found scope. `shapes` gives the types of the main graph, for the border of a part; they are inferred
 * where it is absent.
 */
export async function scopeText(
  model: Model,
  found: FoundScope,
  options: ValuesOptions,
  task: Task,
  shapes?: () => Promise<ShapeInfo | undefined>,
): Promise<string> {
  const { scoped, part } = found;
  const { functionDef, path } = scoped;
  if (part) {
    const main = await (shapes ? shapes() : breathing(inferring(model), task));
    const types = await breathing(inferringAt(model, scoped, main), task);
    return printModel(await breathing(partModel(model, found, types), task), options, task);
  }
  if (path === '') return printModel(model, options, task);
  if (functionDef && functionScope(functionDef) === path) return printFunction(functionDef, options, task);
  return printGraph(scoped.graph, options, task);
}

function calledFunctions(model: Model, nodes: readonly Node[]): FunctionDef[] {
  const known = new Map(
    model.functions.map((each) => [functionKey(each.domain, each.name, each.overload), each]),
  );
  const called = new Set<FunctionDef>();
  const pending = [...nodes];
  for (let node = pending.pop(); node; node = pending.pop()) {
    for (const body of bodiesOf(node)) pending.push(...body.nodes);
    const target = known.get(functionKey(node.domain, node.opType, node.overload));
    if (!target || called.has(target)) continue;
    called.add(target);
    pending.push(...target.nodes);
  }
  return model.functions.filter((each) => called.has(each));
}
