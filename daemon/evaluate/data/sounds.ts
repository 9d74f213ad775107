// Sound as an input: .wav files brought to the rate and length that the recipe states.

import { readFile } from 'node:fs/promises';
import { badRequest, fileSystemError, messageOf } from '../../base/errors';
import { breathe, type Task } from '../../base/task';
import type { SessionValue } from '../../runtime/runner/session';
import { tensorOf } from '../convert';
import { inputText } from './describe';
import type { Recipe } from './preprocess';
import type { RowReader } from './rows';
import { decodeWav, fitted, resample, type Sound } from './wav';

const maxBytes = 2 ** 28;

async function read(path: string): Promise<Sound> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw fileSystemError('read', path, error);
  }
  if (bytes.length > maxBytes) throw badRequest(`${path} is longer than is read at once. Cut it into parts.`);
  try {
    return decodeWav(bytes);
  } catch (error) {
    throw badRequest(`${path} cannot be read as sound: ${messageOf(error)}.`);
  }
}

/** Dimensions of one sample around its length: batch × length, or batch × 1 × length. */
export function soundDims(input: SessionValue, recipe: Recipe): { dims: readonly number[]; length?: number } {
  const [, ...rest] = input.dims;
  const last = rest.at(-1);
  const ones = rest.slice(0, -1);
  if (
    rest.length === 0 ||
    input.type !== 'float32' ||
    ones.some((dim) => typeof dim === 'number' && dim !== 1)
  )
    throw badRequest(
      `The ${inputText(input)} takes no sound: expected float32 of batch × samples or batch × 1 × samples. Features such as spectrograms come as arrays.`,
    );
  const length = typeof last === 'number' ? last : recipe.samples;
  if (typeof last === 'number' && recipe.samples !== undefined && recipe.samples !== last)
    throw badRequest(`The recipe says samples=${recipe.samples}, and the ${inputText(input)} takes ${last}.`);
  return { dims: ones.map(() => 1), ...(length === undefined ? {} : { length }) };
}

/** Reads `files` in order as batches of the input. */
export function soundReader(
  files: readonly string[],
  input: SessionValue,
  recipe: Recipe,
  task: Task,
): RowReader {
  const { dims, length } = soundDims(input, recipe);
  let done = 0;
  return {
    async next(count) {
      const sounds: Float32Array[] = [];
      for (const path of files.slice(done, done + count)) {
        await breathe(task);
        const sound = await read(path);
        if (recipe.rate === undefined && sounds.length === 0 && done === 0) rateIsKnown(path, sound);
        sounds.push(resample(sound, recipe.rate ?? sound.rate).samples);
      }
      done += count;
      const width = length ?? Math.max(1, ...sounds.map((samples) => samples.length));
      const data = new Float32Array(count * width);
      sounds.forEach((samples, i) => data.set(fitted(samples, width), i * width));
      return { feeds: { [input.name]: tensorOf('float32', [count, ...dims, width], data) } };
    },
    close: () => undefined,
  };
}

/** Sounds are fed at the rate that they have only where somebody said which that should be. */
function rateIsKnown(path: string, sound: Sound): void {
  throw badRequest(
    `${path} has ${sound.rate} samples a second. State the rate that the model was trained on: --preprocess rate=${sound.rate}.`,
  );
}
