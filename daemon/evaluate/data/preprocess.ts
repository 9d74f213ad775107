// The recipe by which pictures and sounds become tensors, as it is written: `resize=256,crop=224,mean=0.5/0.5/0.5`.
// Every step is stated; nothing is guessed beyond what the shape of the input says.

import { badRequest } from '../../base/errors';

export interface PictureRecipe {
  /** Length of the shorter side after resizing (the other keeps the shape), or height and width. */
  readonly resize?: number | readonly [number, number];
  /** Height and width of the middle that stays. */
  readonly crop?: readonly [number, number];
  /** Values are divided by this before mean and deviation: 255 when absent. */
  readonly scale?: number;
  /** Of each channel; what is subtracted, and what is divided by. */
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  readonly layout?: 'NCHW' | 'NHWC';
  readonly color?: 'rgb' | 'bgr' | 'gray';
}

export interface SoundRecipe {
  /** Samples a second that the model was trained on. */
  readonly rate?: number;
  /** Length that is cut or filled with silence to. */
  readonly samples?: number;
}

export type Recipe = PictureRecipe & SoundRecipe;

const known = 'resize, crop, scale, mean, std, layout, color, rate, samples';

function numbers(key: string, text: string, count: readonly number[]): number[] {
  const values = text.split(/[/x;]/i).map(Number);
  if (!count.includes(values.length) || text.trim() === '' || values.some((value) => !Number.isFinite(value)))
    throw badRequest(
      `The preprocessing step ${key}=${text} is not understood: ${key} takes ${count.join(' or ')} number${count.at(-1) === 1 ? '' : 's'}, as in ${key}=${count.includes(3) ? '0.485/0.456/0.406' : '224'}.`,
    );
  return values;
}

function size(key: string, text: string): number[] {
  const values = numbers(key, text, [1, 2]);
  if (values.some((value) => !Number.isInteger(value) || value < 1 || value > 16_384))
    throw badRequest(`The preprocessing step ${key}=${text} needs whole numbers from 1 to 16384.`);
  return values;
}

const pair = (values: readonly number[]): [number, number] => [values[0]!, values[1] ?? values[0]!];

/** Reads `key=value,key=value`; throws `badRequest` for a step that is not known. */
export function parseRecipe(text: string | undefined): Recipe {
  let recipe: Recipe = {};
  for (const step of (text ?? '').split(',').filter((part) => part.trim() !== '')) {
    const [key = '', value = ''] = step.split('=').map((part) => part.trim());
    recipe = { ...recipe, ...parseStep(key, value) };
  }
  return recipe;
}

function parseStep(key: string, value: string): Recipe {
  switch (key) {
    case 'resize': {
      const sides = size(key, value);
      return { resize: sides.length === 1 ? sides[0]! : pair(sides) };
    }
    case 'crop':
      return { crop: pair(size(key, value)) };
    case 'scale': {
      const [scale] = numbers(key, value, [1]);
      if (scale === 0) throw badRequest('The preprocessing step scale=0 would divide by zero.');
      return { scale: scale! };
    }
    case 'mean':
      return { mean: numbers(key, value, [1, 3]) };
    case 'std': {
      const std = numbers(key, value, [1, 3]);
      if (std.includes(0)) throw badRequest(`The preprocessing step std=${value} would divide by zero.`);
      return { std };
    }
    case 'layout':
      if (value === 'NCHW' || value === 'NHWC') return { layout: value };
      throw badRequest(`The preprocessing step layout=${value} is not known; use NCHW or NHWC.`);
    case 'color':
      if (value === 'rgb' || value === 'bgr' || value === 'gray') return { color: value };
      throw badRequest(`The preprocessing step color=${value} is not known; use rgb, bgr or gray.`);
    case 'rate':
      return { rate: size1(key, value, 768_000) };
    case 'samples':
      return { samples: size1(key, value, 2 ** 28) };
    default:
      throw badRequest(`The preprocessing step "${key}" is not known. The steps are ${known}.`);
  }
}

function size1(key: string, text: string, most: number): number {
  const [value] = numbers(key, text, [1]);
  if (!Number.isInteger(value) || value! < 1 || value! > most)
    throw badRequest(`The preprocessing step ${key}=${text} needs a whole number from 1 to ${most}.`);
  return value!;
}
