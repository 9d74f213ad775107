// Shape and type inference: walks a graph in running order, asks one rule per operator (shapes/rules.ts), and
// carries the small integer tensors that shapes are computed from. What no rule knows is taken from the model's
// own value_info. Nothing here throws for a broken model, and no file is read.

import { inOneGo, type Steps } from '../base/task';
import type { FunctionDef, Model } from '../ir/model';
import { functionScope } from './scopes/scopes';
import { walking } from './shapes/evaluate';
import {
  bound,
  newFrame,
  newRun,
  opsetMap,
  statedType,
  type InferOptions,
  type ShapeInfo,
} from './shapes/frame';

export type { Inferred, InferredType } from './shapes/context';
export type { Dim, Dims } from './shapes/dims';
export { typeIn, valuesIn } from './shapes/frame';
export type { InferOptions, InferredBody, InferredGraph, ShapeInfo } from './shapes/frame';

/** Infers types and shapes of a model's main graph and, as far as it goes, of the bodies inside it. */
export const inferShapes = (model: Model, options: InferOptions = {}): ShapeInfo =>
  inOneGo(inferring(model, options));

/** The same in steps of some nodes. */
export function* inferring(model: Model, options: InferOptions = {}): Steps<ShapeInfo> {
  const run = newRun(model, options);
  const frame = yield* newFrame(run, model.graph, opsetMap(model.opsetImports), undefined, '');
  for (const input of model.graph.inputs) {
    if (!frame.types.has(input.name)) frame.types.set(input.name, bound(run, statedType(input), input.name));
  }
  yield* walking(run, frame);
  return { ...frame, diagnostics: run.diagnostics };
}

/** Infers one model-local function by itself, with nothing known of its inputs. */
export function* inferringFunction(
  model: Model,
  definition: FunctionDef,
  options: InferOptions = {},
): Steps<ShapeInfo> {
  const run = newRun(model, options);
  const scope = functionScope(definition);
  const frame = yield* newFrame(run, definition, opsetMap(definition.opsetImports), undefined, scope);
  yield* walking(run, frame);
  return { ...frame, diagnostics: run.diagnostics };
}
