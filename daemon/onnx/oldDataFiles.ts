// Data files that an earlier output of ours left beside a model: found before the model is replaced,
// removed after, when no other model of the folder uses them.

import { existsSync, readdirSync } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Task } from '../base/task';
import { entryOf } from './externalData';
import { modelTensors } from './modelTensors';
import { readModel } from './readModel';

/** Name of a data file that we make for a model file. */
export const ownDataName = (model: string, token: string) => `${model}.${token}.data`;

/** Data files of our making that the model at `path` refers to, and that carry its name. */
export async function findOldDataFiles(path: string, task: Task): Promise<string[]> {
  const name = basename(path);
  const own = [...(await locationsOf(path, task))].filter(
    (location) =>
      location.startsWith(`${name}.`) && /^\.[0-9a-f]{8}\.data$/.test(location.slice(name.length)),
  );
  return own.map((location) => join(dirname(path), location)).filter((file) => existsSync(file));
}

async function locationsOf(path: string, task: Task): Promise<Set<string>> {
  const locations = new Set<string>();
  const { model } = await readModel(path, task);
  if (!model) return locations;
  for (const { tensor } of modelTensors(model)) {
    if (tensor.storage.kind !== 'external') continue;
    const location = entryOf(tensor.storage.entries, 'location');
    if (location !== undefined) locations.add(location);
  }
  return locations;
}

/** Removes the files, except those that a model in the same folder refers to. */
export async function removeUnused(target: string, files: readonly string[], task: Task): Promise<void> {
  if (files.length === 0) return;
  const folder = dirname(target);
  const used = new Set<string>();
  for (const name of readdirSync(folder)) {
    if (!name.endsWith('.onnx') && name !== basename(target)) continue;
    try {
      for (const location of await locationsOf(join(folder, name), task)) used.add(join(folder, location));
    } catch {
      // A model that cannot be read might use any of them.
      return;
    }
  }
  for (const file of files) if (!used.has(file)) await unlink(file).catch(() => undefined);
}
