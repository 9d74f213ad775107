// Data as the ONNX project ships it beside models: folders test_data_set_0, test_data_set_1 … with input_0.pb,
// output_0.pb …, each a TensorProto. A set is fed as it is; the outputs are what the model should give.

import { readdirSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { hasErrors } from '../../base/diagnostic';
import { badRequest, fileSystemError } from '../../base/errors';
import { throwIfCancelled, type Task } from '../../base/task';
import { dataTypeName } from '../../ir/dataType';
import type { Tensor } from '../../ir/tensor';
import { readStrings, readTensorValues } from '../../onnx/tensorData';
import { decodeTensor } from '../../onnx/readModel';
import { elementTypes } from '../../runtime/modelInputs';
import type { ElementType, Feeds, SessionValue, TensorValue } from '../../runtime/runner/session';
import { tensorOf } from '../convert';
import type { DatasetOptions } from '../dataset';
import type { NpyData } from '../npy';
import { inputText, shapeText } from './describe';
import type { Batch, Dataset } from './rows';

const maxTensorBytes = 2 ** 30;
const setName = /^test_data_set_\d+$/;

/** Whether a folder holds such sets, or is one. */
export const isTestData = (path: string, names: readonly string[]): boolean =>
  names.some((name) => setName.test(name)) ||
  names.some((name) => /^input_\d+\.pb$/.test(name)) ||
  setName.test(basename(path));

/** Reads one .pb file; the value and the name that it states. Throws `badRequest` when it is no tensor. */
async function readTensorFile(path: string, task: Task): Promise<{ name: string; value: TensorValue }> {
  let bytes: Buffer;
  try {
    const { size } = statSync(path);
    if (size > maxTensorBytes)
      throw badRequest(`${path} takes ${Math.round(size / 1e6)} MB, too much for one tensor.`);
    bytes = await readFile(path);
  } catch (error) {
    if (error instanceof Error && 'kind' in error) throw error;
    throw fileSystemError('read', path, error);
  }
  const { tensor, diagnostics } = await decodeTensor(bytes);
  const type = elementTypes[tensor.dataType];
  const wrong = diagnostics.find((one) => hasErrors([one]))?.message;
  if (wrong !== undefined || type === undefined)
    throw badRequest(
      `${path} cannot be read as a tensor: ${wrong ?? `its element type is ${dataTypeName(tensor.dataType)}`}. Sequences and optional values are not fed.`,
    );
  return { name: tensor.name, value: tensorOf(type, tensor.dims, await valuesOf(tensor, type, task)) };
}

async function valuesOf(tensor: Tensor, type: ElementType, task: Task): Promise<NpyData> {
  if (type === 'string') return readStrings(tensor, task);
  return await readTensorValues(tensor, undefined, task);
}

/** Files `input_0.pb` … of a set, by their number. */
const filesOf = (folder: string, kind: 'input' | 'output') =>
  readdirSync(folder)
    .flatMap((name) => {
      const number = new RegExp(`^${kind}_(\\d+)\\.pb$`).exec(name)?.[1];
      return number === undefined ? [] : [{ index: Number(number), path: join(folder, name) }];
    })
    .sort((a, b) => a.index - b.index);

async function readFeeds(folder: string, inputs: readonly SessionValue[], task: Task): Promise<Feeds> {
  const feeds: Record<string, TensorValue> = {};
  for (const { index, path } of filesOf(folder, 'input')) {
    throwIfCancelled(task);
    const { name, value } = await readTensorFile(path, task);
    // By name where the files state names, else by position.
    const input = inputs.find((one) => one.name === name) ?? inputs[index];
    if (!input)
      throw badRequest(
        `${path} is input ${index}, and the model has ${inputs.length} inputs. Check that the data belongs to this model.`,
      );
    const fits =
      value.type === input.type &&
      (input.dims.length === 0 || input.dims.length === value.dims.length) &&
      input.dims.every((dim, i) => typeof dim !== 'number' || dim === value.dims[i]);
    if (!fits)
      throw badRequest(
        `${path} (${value.type}, ${shapeText(value.dims)}) does not fit the ${inputText(input)}. Check that the data belongs to this model.`,
      );
    feeds[input.name] = value;
  }
  const missing = inputs.find(({ name }) => feeds[name] === undefined);
  if (missing) throw badRequest(`${folder} has no file for the ${inputText(missing)}.`);
  return feeds;
}

async function readExpected(folder: string, outputs: readonly SessionValue[], task: Task): Promise<Feeds> {
  const expected: Record<string, TensorValue> = {};
  for (const { index, path } of filesOf(folder, 'output')) {
    const output = outputs[index];
    if (output) expected[output.name] = (await readTensorFile(path, task)).value;
  }
  return expected;
}

/** Rows that a set counts for: the first dimension when all its tensors share it. */
function rowsOf(feeds: Feeds): number {
  const leading = new Set(Object.values(feeds).map(({ dims }) => dims[0]));
  const [rows] = leading;
  return leading.size === 1 && rows !== undefined && rows > 0 ? rows : 1;
}

/** Opens the sets of a folder; each is one batch, whatever size is asked for. */
export async function loadTestData(
  path: string,
  names: readonly string[],
  inputs: readonly SessionValue[],
  options: DatasetOptions,
  task: Task,
): Promise<Dataset> {
  const number = (name: string) => Number(name.slice(name.lastIndexOf('_') + 1));
  const own = names.filter((name) => setName.test(name)).sort((a, b) => number(a) - number(b));
  const folders = own.length > 0 ? own.map((name) => join(path, name)) : [path];
  const sets: { folder: string; from: number; count: number }[] = [];
  let samples = 0;
  let sampleBytes = 0;
  for (const folder of folders) {
    if (samples >= (options.maxSamples ?? Infinity)) break;
    const feeds = await readFeeds(folder, inputs, task);
    const count = rowsOf(feeds);
    sets.push({ folder, from: samples, count });
    samples += count;
    const bytes = Object.values(feeds).map(({ data }) => (Array.isArray(data) ? 0 : data.byteLength));
    sampleBytes = Math.max(sampleBytes, bytes.reduce((sum, one) => sum + one, 0) / count);
  }
  async function* batches(): AsyncGenerator<Batch> {
    for (const { folder, from, count } of sets) {
      const feeds = await readFeeds(folder, inputs, task);
      const expected = await readExpected(folder, options.outputs ?? [], task);
      yield { feeds, from, count, ...(Object.keys(expected).length > 0 ? { expected } : {}) };
    }
  }
  return { path, samples, notes: [], sampleBytes, batches: () => batches() };
}
