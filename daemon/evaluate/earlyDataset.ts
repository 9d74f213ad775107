// Opens array data while the model is still being loaded: the inputs are read from the model file, and what was
// opened counts only if the session turns out to have the same ones.

import { extname } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Task } from '../base/task';
import { readModel } from '../onnx/readModel';
import { modelInputs, sessionValues } from '../runtime/modelInputs';
import type { SessionValue } from '../runtime/runner/session';
import { loadDataset, type Dataset, type DatasetOptions } from './dataset';

/**
 * Opens the data while `loading` goes on, and once more if the session's inputs are others than the file's. Throws
 * what `loading` throws, or what `loadDataset` does.
 */
export async function openBeside(
  loading: Promise<{ readonly inputs: readonly SessionValue[]; readonly outputs: readonly SessionValue[] }>,
  model: string,
  path: string,
  options: Omit<DatasetOptions, 'outputs'>,
  task: Task,
): Promise<Dataset> {
  const early = ['.npz', '.npy'].includes(extname(path).toLowerCase())
    ? begin(path, model, options, task)
    : Promise.resolve(undefined);
  // Both are waited for, so that nothing goes on reading after an error.
  const [session, opened] = await Promise.allSettled([loading, early]);
  if (session.status === 'rejected') throw session.reason;
  const { inputs, outputs } = session.value;
  const found = opened.status === 'fulfilled' ? opened.value : undefined;
  const names = (values: readonly SessionValue[]) => values.map(({ name }) => name);
  const same =
    found !== undefined &&
    isDeepStrictEqual(found.inputs, inputs) &&
    isDeepStrictEqual(names(found.outputs), names(outputs));
  return same ? found.dataset : loadDataset(path, inputs, { ...options, outputs }, task);
}

async function begin(
  path: string,
  model: string,
  options: Omit<DatasetOptions, 'outputs'>,
  task: Task,
): Promise<{ inputs: SessionValue[]; outputs: SessionValue[]; dataset: Dataset } | undefined> {
  // Progress is the loading's until the session is there.
  const silent = { signal: task.signal, report: () => undefined };
  const { model: read } = await readModel(model, silent);
  if (!read) return undefined;
  const inputs = modelInputs(read.graph);
  const outputs = sessionValues(read.graph.outputs);
  if (!inputs || !outputs) return undefined;
  return { inputs, outputs, dataset: await loadDataset(path, inputs, { ...options, outputs }, silent) };
}
