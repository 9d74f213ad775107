// A data set for one model, whatever it is stored as: tells the kinds apart and hands over to their readers in
// data/. What is run on it is decided elsewhere.

import { readdirSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { badRequest, fileSystemError } from '../base/errors';
import type { Task } from '../base/task';
import type { SessionValue } from '../runtime/runner/session';
import { loadArrays } from './data/arrays';
import { loadClassFolder } from './data/classFolder';
import { kindsText } from './data/describe';
import { loadTable } from './data/table';
import { isTestData, loadTestData } from './data/testData';
import type { Dataset } from './data/rows';

export type { Batch, Dataset } from './data/rows';

export interface DatasetOptions {
  /** At most this many samples, the first ones. */
  readonly maxSamples?: number | undefined;
  /** Outputs of the model: data named like them says what they should be. */
  readonly outputs?: readonly SessionValue[] | undefined;
  /** How pictures or sound become tensors: `resize=256,crop=224,mean=0.5,std=0.5` or `rate=16000,samples=16000`. */
  readonly preprocess?: string | undefined;
  /** Path of a tokenizer.json for text; looked for beside the data when absent. */
  readonly tokenizer?: string | undefined;
  /** Arrays that take more bytes than this in all are read as they are needed; 512 MB when absent. */
  readonly heldBytes?: number | undefined;
}

const tables = ['.csv', '.tsv', '.jsonl', '.ndjson'];

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    throw fileSystemError('read', path, error);
  }
}

/**
 * Opens data for the inputs of a model: what fits is said by `badRequest` with the input, shape and element type
 * expected and what the data has. Whole numbers are never turned into floating point by themselves; other
 * conversions happen where every value fits. Large data is read as it is needed, in memory that does not grow.
 */
export async function loadDataset(
  path: string,
  inputs: readonly SessionValue[],
  options: DatasetOptions,
  task: Task,
): Promise<Dataset> {
  if (!isFolder(path)) {
    if (tables.includes(extname(path).toLowerCase())) return loadTable(path, inputs, options, task);
    return loadArrays(path, inputs, options, task);
  }
  const names = readdirSync(path).sort();
  if (isTestData(path, names)) return loadTestData(path, names, inputs, options, task);
  if (names.some((name) => name.endsWith('.npy'))) return loadArrays(path, inputs, options, task);
  if (names.some((name) => !name.startsWith('.') && isFolder(join(path, name))))
    return loadClassFolder(path, names, inputs, options, task);
  throw badRequest(`The folder ${path} holds no data that is known. Name ${kindsText}.`);
}
