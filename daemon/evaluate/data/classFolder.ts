// Data as a folder with a subfolder for each class, full of pictures or of .wav files. Folders named with numbers
// are those classes; others are numbered in the order of their names.

import { readdirSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { badRequest } from '../../base/errors';
import { throwIfCancelled, type Task } from '../../base/task';
import type { SessionValue } from '../../runtime/runner/session';
import type { DatasetOptions } from '../dataset';
import { inputText, insistedBatch, kindsText, product } from './describe';
import { pictureEndings, pictureReader, pictureShape } from './pictures';
import { parseRecipe } from './preprocess';
import { batchesOf, type Dataset, type RowReader, type RowSource } from './rows';
import { soundDims, soundReader } from './sounds';

const mostShown = 6;

interface Listed {
  readonly files: readonly string[];
  readonly labels: Int32Array;
  readonly classNames: readonly string[];
}

function list(path: string, names: readonly string[], endings: readonly string[]): Listed {
  const folders = names.filter((name) => !name.startsWith('.') && statSync(join(path, name)).isDirectory());
  const numbered = folders.every((name) => /^\d{1,6}$/.test(name));
  const classes = numbered ? [...folders].sort((a, b) => Number(a) - Number(b)) : folders;
  const files: string[] = [];
  const labels: number[] = [];
  classes.forEach((name, index) => {
    const found = readdirSync(join(path, name), { recursive: true })
      .map(String)
      .filter((file) => endings.includes(extname(file).toLowerCase()))
      .sort();
    for (const file of found) {
      files.push(join(path, name, file));
      labels.push(numbered ? Number(name) : index);
    }
  });
  return { files, labels: Int32Array.from(labels), classNames: numbered ? [] : classes };
}

/** The first `most` of the files taken in turn from the classes, so that a part of the data is a part of each class. */
function part({ files, labels, classNames }: Listed, most: number): Listed {
  if (files.length <= most) return { files, labels, classNames };
  const seen = new Map<number, number>();
  const order = files
    .map((_, i) => {
      const turn = seen.get(labels[i]!) ?? 0;
      seen.set(labels[i]!, turn + 1);
      return { i, turn };
    })
    .sort((a, b) => a.turn - b.turn || a.i - b.i)
    .slice(0, most)
    .map(({ i }) => i);
  return {
    files: order.map((i) => files[i]!),
    labels: Int32Array.from(order, (i) => labels[i]!),
    classNames,
  };
}

/** Opens a folder of classes for a model with one input. */
export async function loadClassFolder(
  path: string,
  names: readonly string[],
  inputs: readonly SessionValue[],
  options: DatasetOptions,
  task: Task,
): Promise<Dataset> {
  throwIfCancelled(task);
  const recipe = parseRecipe(options.preprocess);
  const pictures = list(path, names, pictureEndings);
  const sounds = pictures.files.length > 0 ? undefined : list(path, names, ['.wav']);
  const most = options.maxSamples ?? Infinity;
  const { files, labels, classNames } = part(sounds ?? pictures, most);
  if (files.length === 0)
    throw badRequest(`The folder ${path} holds neither pictures nor .wav files. Name ${kindsText}.`);
  const [input] = inputs;
  if (!input || inputs.length > 1)
    throw badRequest(
      `The model has ${inputs.length} inputs (${inputs.map(inputText).join(', ')}); files in folders serve models with one. Store the inputs as arrays in an .npz file.`,
    );
  const shape = sounds ? undefined : pictureShape(input, recipe);
  const open = (): RowReader =>
    shape ? pictureReader(files, input, shape, recipe, task) : soundReader(files, input, recipe, task);
  await tryFirst(open);
  const fixedBatch = insistedBatch(inputs, new Set());
  const source: RowSource = {
    samples: files.length,
    ...(fixedBatch === undefined ? {} : { fixedBatch }),
    open: () => Promise.resolve(open()),
  };
  const length = sounds ? (soundDims(input, recipe).length ?? 16_000) : 0;
  return {
    path,
    samples: files.length,
    labels,
    ...(classNames.length > 0 ? { classNames } : {}),
    notes: [
      ...(classNames.length > 0
        ? [
            `The folders of ${path} are taken as classes in the order of their names: ${classNames
              .slice(0, mostShown)
              .map((name, i) => `${i} is ${name}`)
              .join(', ')}${classNames.length > mostShown ? ', …' : ''}.`,
          ]
        : []),
      ...(shape && options.preprocess === undefined
        ? [
            `No preprocessing was stated: pictures are resized to ${shape.height} × ${shape.width} and ${input.type === 'uint8' ? 'fed as pixels' : 'divided by 255'}. State --preprocess as in training.`,
          ]
        : []),
    ],
    ...(fixedBatch === undefined ? {} : { fixedBatch }),
    sampleBytes: shape ? product([shape.height, shape.width, shape.channels]) * 4 : length * 4,
    batches: (size) => batchesOf(source, size),
  };
}

/** Reads the first file, so that what does not fit is said before anything runs. */
async function tryFirst(open: () => RowReader): Promise<void> {
  const reader = open();
  try {
    await reader.next(1);
  } finally {
    await reader.close();
  }
}
