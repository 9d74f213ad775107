// A part of a model as a model of its own: a scope, what lies between nodes, or chosen nodes.

import { resolve } from 'node:path';
import { inferringAt } from '../analysis/inferredAt';
import { findScope, partModel, type FoundScope } from '../analysis/scopes/scopeText';
import { partBetween, valuesAt, withConstants, type End } from '../analysis/scopes/partBetween';
import { inferring, type ShapeInfo } from '../analysis/shapes';
import { summarize, type Summary } from '../analysis/summary';
import { badRequest, unsupported } from '../base/errors';
import { breathe, breathing, type Task } from '../base/task';
import type { Model } from '../ir/model';
import { writeModel } from '../onnx/writeModel';
import { checkOutput } from './modelFiles';

export interface ExtractChoice {
  /** Path of a named scope or a body; with the others the graph that they are in. */
  readonly scope?: string | undefined;
  /** Where the part begins, and where it ends: then it gives what is made there alone. */
  readonly from?: readonly End[] | undefined;
  readonly to?: readonly End[] | undefined;
  /** Positions of its nodes in their graph. */
  readonly nodes?: readonly number[] | undefined;
}

export interface Extracted extends Pick<Summary, 'inputs' | 'outputs' | 'nodes'> {
  readonly file: string;
  readonly fileBytes: number;
}

/**
 * Writes the part to `output`. It reads what comes from outside as inputs, gives what the rest reads as outputs, and keeps
 * its weights, the functions that it calls, and what constants alone lead to it. Throws badRequest for a choice that names
 * nothing, unsupported where nothing is known of the type of an input, a conflict as writeModel does. `shapes` are those of
 * the model, where they are known already.
 */
export async function extractPart(
  model: Model,
  path: string,
  choice: ExtractChoice,
  output: string,
  options: { readonly overwrite?: boolean | undefined },
  task: Task,
  shapes?: () => Promise<ShapeInfo | undefined>,
): Promise<Extracted> {
  const file = resolve(output);
  checkOutput(path, file, options);
  const found = await findPart(model, choice, task);
  task.report({ stage: 'Reading the part' });
  const main = await (shapes ? shapes() : breathing(inferring(model), task));
  const types = await breathing(inferringAt(model, found.scoped, main), task);
  const part = await breathing(partModel(model, found, types), task);
  const untyped = part.graph.inputs.find(({ type }) => type === undefined);
  if (untyped)
    throw unsupported(
      `Nothing is known of the type of "${untyped.name}", which the part would read, and a model has to say it. Begin the part before it.`,
    );
  await breathe(task);
  const written = await writeModel(part, file, { overwrite: options.overwrite === true }, task);
  const { inputs, outputs, nodes } = summarize(part);
  return { file, fileBytes: written.fileBytes, inputs, outputs, nodes };
}

async function findPart(model: Model, choice: ExtractChoice, task: Task): Promise<FoundScope> {
  const { scope = '', from, to, nodes } = choice;
  const isWhole = from === undefined && to === undefined && nodes === undefined;
  if (isWhole && scope === '') throw badRequest('Say which part: a scope, or where it begins or ends.');
  const found = await breathing(findScope(model, scope), task);
  if (!found) throw badRequest(`The model has no graph and no scope "${scope}".`);
  const { scoped } = found;
  if (scoped.functionDef)
    throw unsupported(
      'Parts of functions cannot be extracted: what they compute depends on the call. Extract the nodes that call it.',
    );
  const { graph } = scoped;
  const wrong = [...(nodes ?? []), ...(from ?? []), ...(to ?? [])].find(
    (at) => typeof at === 'number' && at >= graph.nodes.length,
  );
  if (wrong !== undefined)
    throw badRequest(`The graph has ${graph.nodes.length} nodes; there is no ${wrong}.`);
  const positions = isWhole
    ? (found.part?.positions ?? [...graph.nodes.keys()])
    : (nodes ?? (await breathing(partBetween(graph, from, to), task)));
  if (positions.length === 0) throw badRequest('The part has no nodes.');
  return {
    scoped,
    part: {
      path: scope === '' ? graph.name : scope,
      outputs: to && valuesAt(graph, to),
      positions: await breathing(withConstants(graph, [...new Set(positions)]), task),
    },
  };
}
