// Opens array data while the model is still being loaded: the inputs are read from the model file, and what was
// opened counts only if the session turns out to have the same ones.

import { extname } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Task } from '../base/task';
import { DataType } from '../ir/dataType';
import type { Graph, ValueInfo } from '../ir/model';
import { readModel } from '../onnx/readModel';
import type { ElementType, SessionValue } from '../runtime/session';
import { loadDataset, type Dataset, type DatasetOptions } from './dataset';

const types: Readonly<Record<number, ElementType>> = {
  [DataType.FLOAT]: 'float32',
  [DataType.DOUBLE]: 'float64',
  [DataType.FLOAT16]: 'float16',
  [DataType.INT8]: 'int8',
  [DataType.UINT8]: 'uint8',
  [DataType.INT16]: 'int16',
  [DataType.UINT16]: 'uint16',
  [DataType.INT32]: 'int32',
  [DataType.UINT32]: 'uint32',
  [DataType.INT64]: 'int64',
  [DataType.UINT64]: 'uint64',
  [DataType.BOOL]: 'bool',
  [DataType.STRING]: 'string',
};

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
  const inputs = valuesOf(inputsOf(read.graph));
  const outputs = valuesOf(read.graph.outputs);
  if (!inputs || !outputs) return undefined;
  return { inputs, outputs, dataset: await loadDataset(path, inputs, { ...options, outputs }, silent) };
}

/** Initializers may be listed among the inputs (always before IR version 4); a session does not ask for them. */
function inputsOf({ inputs, initializers }: Graph): ValueInfo[] {
  const constant = new Set(initializers.map(({ name }) => name));
  return inputs.filter(({ name }) => !constant.has(name));
}

/** As a session says them; undefined when one is no tensor of a type that a session takes. */
function valuesOf(values: readonly ValueInfo[]): SessionValue[] | undefined {
  const made: SessionValue[] = [];
  for (const { name, type } of values) {
    const element = type?.kind === 'tensor' ? types[type.elemType] : undefined;
    if (type?.kind !== 'tensor' || element === undefined) return undefined;
    const dims = (type.shape ?? []).map(({ value, param }) => value ?? (param || null));
    made.push({ name, type: element, dims });
  }
  return made;
}
