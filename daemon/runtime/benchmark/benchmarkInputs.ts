// The inputs of a measured model: generated from its shapes, or made by the caller from real data; and what to
// tell the user about free dimensions that nobody gave a value.

import { SlipwayError } from '../../base/errors';
import type { Task } from '../../base/task';
import { generateInputs } from '../generateInputs';
import type { Feeds, SessionValue } from '../runner/session';

/** Makes one run's inputs for a model; `batch` is the number of samples asked for, if any was. */
export type InputSource = (
  model: string,
  inputs: readonly SessionValue[],
  batch: number | undefined,
  task: Task,
) => Promise<{ feeds: Feeds; batch: number }>;

export interface InputOptions {
  readonly batch?: number | undefined;
  readonly bind?: Readonly<Record<string, number>> | undefined;
  readonly inputs?: InputSource | undefined;
}

export interface MadeInputs {
  readonly feeds: Feeds;
  readonly batch: number;
  /** Values of free dimensions that nobody had bound. */
  readonly assumed: Readonly<Record<string, number>>;
  readonly warnings: readonly string[];
}

/** One run's inputs; the warnings offer values for free dimensions that had to be guessed. */
export async function makeInputs(
  model: string,
  inputs: readonly SessionValue[],
  options: InputOptions,
  task: Task,
): Promise<MadeInputs> {
  if (options.inputs) {
    const made = await options.inputs(model, inputs, options.batch, task);
    return { ...made, assumed: {}, warnings: [] };
  }
  const { feeds, batch, assumed, guessed } = generateInputs(inputs, options);
  return { feeds, batch, assumed, warnings: guessed.length > 0 ? [offer(model, guessed)] : [] };
}

/** A value that a dimension of this name often has. */
function usual(name: string): number {
  if (/seq|len|tok|time|ctx/i.test(name)) return 128;
  if (/height|width|^[hw]$|\[[23]\]$/i.test(name)) return 224;
  return 16;
}

function offer(model: string, guessed: readonly string[]): string {
  const names = guessed.map((name) => `"${name}"`).join(', ');
  const bind = guessed.map((name) => `${name}=${usual(name)}`).join(',');
  const are = guessed.length === 1 ? 'The dimension' : 'The dimensions';
  const was = guessed.length === 1 ? 'is free and was taken as 1' : 'are free and were taken as 1';
  return `${are} ${names} of ${nameOf(model)} ${was}, which real inputs seldom are. Give a value: --bind ${bind}.`;
}

/** The error of a run, with the offer to bind (a warning of makeInputs) when guessed dimensions may be its reason. */
export function withOffer(error: unknown, sentence: string | undefined): unknown {
  if (!(error instanceof SlipwayError) || error.kind !== 'runnerFailed' || sentence === undefined)
    return error;
  return new SlipwayError(error.kind, `${error.message} ${sentence}`, { cause: error, data: error.data });
}

const nameOf = (path: string) => path.split(/[\\/]/).at(-1) ?? path;
