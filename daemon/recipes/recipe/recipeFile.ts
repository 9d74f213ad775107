// Reads a recipe file: which model, which steps in which order, and where the result goes. Everything that can be
// known before the work is checked here, so that no step runs when a later one cannot.

import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import { badRequest, fileSystemError, messageOf } from '../../base/errors';
import {
  stepKinds,
  stepNames,
  whyNotAfter,
  type OptionKind,
  type StepName,
  type StepOptions,
} from './recipeSteps';

export interface RecipeStep {
  readonly step: StepName;
  readonly options: StepOptions;
}

export interface Recipe {
  /** Absolute path of the model. */
  readonly model: string;
  /** Absolute path to write. */
  readonly output: string;
  readonly steps: readonly RecipeStep[];
  /** Labelled data (.npz): top-1 is then measured before and after every step. */
  readonly validation?: string | undefined;
  /** Measure the result beside the model. */
  readonly benchmark: boolean;
}

/** Files that the caller names instead of the recipe. */
export interface RecipeFiles {
  readonly model?: string | undefined;
  readonly output?: string | undefined;
}

const fields = ['model', 'output', 'calibration', 'validation', 'benchmark', 'steps'];

/** Throws `badRequest` with the step and the word that cannot be meant. Paths count from the file's folder. */
export async function readRecipe(path: string, given: RecipeFiles = {}): Promise<Recipe> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw fileSystemError('read', path, error);
  });
  let parsed: unknown;
  try {
    parsed = parse(text);
  } catch (error) {
    // What follows its first line draws the place with a caret, which needs the lines of a terminal.
    const [what = ''] = messageOf(error).split('\n');
    throw badRequest(`${path} is no YAML document: ${what.replace(/:$/u, '')}.`);
  }
  return recipeFrom(parsed, path, given);
}

/** The recipe that a document means; what is `given` stands above what it says itself. */
export function recipeFrom(parsed: unknown, path: string, given: RecipeFiles = {}): Recipe {
  const wrong = (what: string) => badRequest(`${path}: ${what}`);
  if (!isRecord(parsed)) throw wrong('a recipe is a list of fields: model, output and steps.');
  for (const key of Object.keys(parsed))
    if (!fields.includes(key)) throw wrong(`there is no field "${key}". A recipe has ${fields.join(', ')}.`);
  const folder = dirname(resolve(path));
  const pathOf = (field: string, needed: boolean): string | undefined => {
    const value = parsed[field];
    if (value === undefined && !needed) return undefined;
    if (typeof value !== 'string' || value === '') throw wrong(`"${field}" must be the path of a file.`);
    return resolve(folder, value);
  };
  const fileOf = (field: 'model' | 'output') =>
    given[field] === undefined ? pathOf(field, true)! : resolve(given[field]);
  const [model, output] = [fileOf('model'), fileOf('output')];
  const [calibration, validation] = [pathOf('calibration', false), pathOf('validation', false)];
  const benchmark = parsed['benchmark'] ?? false;
  if (typeof benchmark !== 'boolean') throw wrong('"benchmark" is true or false.');
  const list = parsed['steps'];
  if (!Array.isArray(list) || list.length === 0)
    throw wrong(`"steps" must be a list of ${stepNames.join(', ')}, as in "- prune: {ratio: 0.3}".`);
  const steps: RecipeStep[] = [];
  for (const [i, entry] of (list as unknown[]).entries()) {
    const step = stepFrom(entry, (what) => wrong(`step ${i + 1}${what}`), folder, calibration);
    for (const before of steps) {
      const why = whyNotAfter(before.step, step.step);
      if (why !== undefined)
        throw wrong(`step ${i + 1} (${step.step}) cannot come after ${before.step}: ${why}.`);
    }
    steps.push(step);
  }
  return { model, output, steps: steps.map((step) => denseBefore(step, steps)), validation, benchmark };
}

/** Packed zeros are no plain weights any more: a step that works on weights needs them dense. */
function denseBefore(each: RecipeStep, steps: readonly RecipeStep[]): RecipeStep {
  const isLast = each === steps.at(-1);
  if (each.step !== 'prune-weights' || isLast) return each;
  return { ...each, options: { ...each.options, store: 'dense' } };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function stepFrom(
  entry: unknown,
  wrong: (what: string) => Error,
  folder: string,
  calibration: string | undefined,
): RecipeStep {
  const whole = typeof entry === 'string' ? { [entry]: {} } : entry;
  const [name, more] = isRecord(whole) ? Object.keys(whole) : [];
  if (name === undefined || more !== undefined)
    throw wrong(' must be one name with its options, as in "- prune: {ratio: 0.3}".');
  if (!stepNames.includes(name as StepName))
    throw wrong(`: there is no step "${name}". There are ${stepNames.join(', ')}.`);
  const step = name as StepName;
  const given = (whole as Record<string, unknown>)[name] ?? {};
  if (!isRecord(given)) throw wrong(` (${step}): its options are fields, as in {ratio: 0.3}.`);
  const kinds = stepKinds[step].options;
  const options: Record<string, unknown> = {};
  if (calibration !== undefined && 'calibration' in kinds) options['calibration'] = calibration;
  for (const [key, value] of Object.entries(given)) {
    const kind = kinds[key];
    if (kind === undefined)
      throw wrong(` (${step}): there is no option "${key}". There are ${Object.keys(kinds).join(', ')}.`);
    const complaint = complaintOf(kind, value);
    if (complaint !== undefined)
      throw wrong(` (${step}): "${key}" must be ${complaint}; ${JSON.stringify(value)} was given.`);
    options[key] = kind === 'path' ? resolve(folder, value as string) : value;
  }
  return { step, options };
}

/** What the value should be, when it is not. */
function complaintOf(kind: OptionKind, value: unknown): string | undefined {
  if (typeof kind !== 'string')
    return kind.includes(value as string) ? undefined : `one of ${kind.join(', ')}`;
  if (kind === 'number') return typeof value === 'number' && Number.isFinite(value) ? undefined : 'a number';
  if (kind === 'boolean') return typeof value === 'boolean' ? undefined : 'true or false';
  if (kind === 'numbers')
    return isRecord(value) && Object.values(value).every((each) => typeof each === 'number')
      ? undefined
      : 'numbers by name, as in {conv1: 0.3}';
  if (kind === 'words')
    return Array.isArray(value) && value.every((word) => typeof word === 'string')
      ? undefined
      : 'a list of words';
  return typeof value === 'string' && value !== '' ? undefined : kind === 'path' ? 'a path' : 'text';
}
