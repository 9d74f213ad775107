// What lies beside a model and fits a field: calibration and validation data by the names that Slipway knows, other
// data by its kind, other models. Pure: the names of the folder come in.

import { basename, dirname, extname, join } from 'node:path';
import type { PathUse } from '../../daemon/protocol/jobPage';
import type { Situation } from './job';

const stem = (path: string) => basename(path, extname(path));

/** Paths for a data field, the likeliest first. */
export function dataOffers(use: PathUse, { model, beside }: Situation): string[] {
  const endings: Partial<Record<PathUse, RegExp>> = {
    calibration: /\.npz$/i,
    validation: /\.npz$/i,
    data: /\.npz$/i,
    samples: /\.(npz|npy|csv|jsonl)$|\/$/i,
    file: /\.json$/i,
    recipe: /\.ya?ml$/i,
  };
  const ending = endings[use];
  if (ending === undefined) return [];
  const scored = beside
    .filter((name) => ending.test(name))
    .map((name) => ({ name, score: fit(name, use, stem(model)) }))
    .filter(({ score }) => score > 0);
  scored.sort((a, b) => b.score - a.score || a.name.localeCompare(b.name));
  return scored.map(({ name }) => join(dirname(model), name));
}

/** Other models of the folder: the one whose name this one begins with first, for it is likely the original. */
export function modelOffers({ model, beside }: Situation): string[] {
  const own = basename(model);
  const shared = (name: string) => {
    let length = 0;
    while (length < name.length && name[length] === own[length]) length += 1;
    return length;
  };
  return beside
    .filter((name) => /\.onnx$/i.test(name) && name !== own)
    .sort((a, b) => shared(b) - shared(a) || a.length - b.length || a.localeCompare(b))
    .map((name) => join(dirname(model), name));
}

/**
 * Whether data beside a model is named after another model of the folder, or after what that begins with
 * (`digits_calibration.npz` and `digits_bn.onnx`): it is offered, but not taken unasked.
 */
export function isOfAnother(path: string, { model, beside }: Pick<Situation, 'model' | 'beside'>): boolean {
  const owner = basename(path).replace(/[_.-](calibration|validation)\.\w+$/i, '');
  const own = stem(model);
  if (owner === basename(path) || belongs(own, owner)) return false;
  return beside.some((name) => /\.onnx$/i.test(name) && stem(name).startsWith(owner));
}

/** Whether data is named after the model, or as what it is and not after another one: then it is taken unasked. */
export function saysWhatItIs(path: string, situation: Pick<Situation, 'model' | 'beside'>): boolean {
  if (isOfAnother(path, situation)) return false;
  const kind = /calib|valid|test|labell?ed/i.test(basename(path));
  return kind || belongs(stem(situation.model), basename(path).replace(/\.\w+$/, ''));
}

/** Whether a model is the one that data is named after, or a version of it: `resnet.int8` and `resnet`. */
const belongs = (model: string, owner: string): boolean =>
  owner === model || (model.startsWith(owner) && /^[_.-]/.test(model.slice(owner.length)));

/** 0: does not belong; the more the likelier. */
function fit(name: string, use: PathUse, model: string): number {
  const folder = name.endsWith('/');
  if (folder && /^(node_modules|dist|out|\.)/.test(name)) return 0;
  const kind = /calibration/i.test(name) ? 'calibration' : /validation|test|labell?ed/i.test(name) ? 'validation' : ''; // prettier-ignore
  const owner = name.replace(/[_.-]?(calibration|validation)?\.\w+$/, '').replace(/\/$/, '');
  const named = owner !== '' && belongs(model, owner);
  let score = folder ? 1 : 2;
  if (use === 'calibration' && kind === 'validation') return 0.5;
  if ((use === 'validation' || use === 'samples') && kind === 'calibration') return 0;
  if (use === kind || ((use === 'data' || use === 'samples') && kind === 'validation')) score += 4;
  if (named) score += 8 + owner.length / 100;
  return score;
}
