// IR → file: streams the model through a temporary sibling, and moves weights into a data file beside it
// where one file would be too large. Never writes over a file that the model's own bytes come from.

import { existsSync } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { SlipwayError, conflict } from '../base/errors';
import type { Task } from '../base/task';
import { sameFile, writeAtomically, type WriteOptions } from '../host/files';
import { randomName } from '../host/names';
import type { OutputFile } from '../host/files';
import { rawByteLength } from '../ir/dataType';
import type { Model, StringEntry } from '../ir/model';
import { byteLength, elementCount } from '../ir/tensor';
import type { Bytes, Tensor } from '../ir/tensor';
import { encodeStructure } from './encodeModel';
import { modelTensors } from './modelTensors';
import { findOldDataFiles, ownDataName, removeUnused } from './oldDataFiles';
import { readTensorBytes, streamBytes } from './tensorData';
import type { WireWriter } from './wireWriter';

export interface WriteModelOptions {
  /** Replace an existing file. */
  readonly overwrite?: boolean;
  /**
   * `auto` (the default): into one file where it fits, else the large weights into one data file.
   * `embed`: into one file, or an error. `separate`: large weights into a data file in any case.
   */
  readonly external?: 'auto' | 'embed' | 'separate';
  /** See WriteOptions. */
  readonly fleeting?: boolean;
}

export interface Written {
  /** Bytes of all files written. */
  readonly fileBytes: number;
  /** Absolute paths, the model first. */
  readonly files: string[];
}

/** Protobuf readers refuse messages of 2 GB; a little is left for what grows in other tools. */
const largestFile = 2 ** 31 - 1 - (1 << 20);
/** Weights that came from data files are taken into the model up to this total. */
const largestReembedded = 1.5 * 2 ** 30;
/** Smaller tensors always stay in the model. */
const smallestSeparate = 1024;
/** External tensors begin at multiples of the page size, so that runtimes can map them. */
const alignment = 4096;

/**
 * Writes a model; the file appears at once and whole, or not at all. Weights are streamed from where they
 * lie. Throws a SlipwayError when the target exists (without `overwrite`), when it is a file the model is
 * read from, when weights are missing or changed on disk, or when the disk refuses.
 */
export async function writeModel(
  model: Model,
  path: string,
  options: WriteModelOptions,
  task: Task,
): Promise<Written> {
  const target = resolve(path);
  refuseSources(model, target);
  refuseMissing(model, target);
  const { fleeting } = options;
  const write = { overwrite: options.overwrite === true, fleeting };
  const separate = await placeTensors(model, options.external ?? 'auto', task);
  if (separate.length === 0) {
    const structure = await encodeStructure(model, new Map(), task);
    return replaceModel(model, target, write, structure, [], task);
  }
  const dataPath = join(dirname(target), ownDataName(basename(target), randomName()));
  const { plan, total } = planData(separate, basename(dataPath));
  const structure = await encodeStructure(model, plan, task);
  if (structure.length > largestFile) throw tooLarge(target, structure.length);
  if (!write.overwrite && existsSync(target)) {
    throw conflict(`${target} already exists. Choose another name, or allow overwriting.`);
  }
  // The data file has a new name each time: until the model is renamed, an old model keeps its old data.
  await writeAtomically(dataPath, { fleeting }, (out) => writeData(out, separate, task), task);
  try {
    const written = await replaceModel(model, target, write, structure, [dataPath], task);
    return { ...written, fileBytes: written.fileBytes + total };
  } catch (error) {
    await unlink(dataPath).catch(() => undefined);
    throw error;
  }
}

async function replaceModel(
  model: Model,
  target: string,
  write: WriteOptions,
  structure: WireWriter,
  dataFiles: readonly string[],
  task: Task,
): Promise<Written> {
  const old = write.overwrite === true && existsSync(target) ? await findOldDataFiles(target, task) : [];
  await writeAtomically(target, write, (out) => writePieces(out, structure, task), task);
  const inUse = sourceFiles(model);
  await removeUnused(
    target,
    old.filter((file) => !inUse.has(file) && !dataFiles.includes(file)),
    task,
  );
  return { fileBytes: structure.length, files: [target, ...dataFiles] };
}

async function writePieces(out: OutputFile, structure: WireWriter, task: Task): Promise<void> {
  for (const piece of structure.pieces()) {
    task.report({ stage: 'Writing the model', done: out.position, total: structure.length });
    if (piece instanceof Uint8Array) await out.append(piece);
    else for await (const part of streamBytes(piece.bytes, piece.isExternal, task)) await out.append(part);
  }
}

/** Paths of the files that the model's payloads lie in. */
function sourceFiles(model: Model): Set<string> {
  const paths = new Set<string>();
  for (const { tensor } of modelTensors(model)) {
    for (const bytes of payloadsOf(tensor)) if (bytes.in === 'file') paths.add(bytes.file.path);
  }
  return paths;
}

function payloadsOf({ storage }: Tensor): readonly Bytes[] {
  if (storage.kind === 'raw') return [storage.bytes];
  if (storage.kind === 'fields') return storage.fields;
  return storage.kind === 'external' && storage.bytes ? [storage.bytes] : [];
}

/** Throws a conflict where `target` is a file that the model's bytes, or `more`, come from. */
export function refuseSources(model: Model, target: string, ...more: readonly string[]): void {
  for (const path of [...sourceFiles(model), ...more]) {
    if (path !== target && !sameFile(path, target)) continue;
    throw conflict(`${target} is a file that this model is read from. Choose another name for the output.`);
  }
}

function refuseMissing(model: Model, target: string): void {
  for (const { tensor } of modelTensors(model)) {
    if (tensor.storage.kind !== 'external' || tensor.storage.bytes) continue;
    throw new SlipwayError(
      'invalidModel',
      `Cannot write ${target}: the values of tensor "${tensor.name}" lie in another file, which could not be used. See the model's diagnostics.`,
    );
  }
}

/** The tensors that go into a data file: none, the large initializers, or all large tensors. */
async function placeTensors(
  model: Model,
  external: 'auto' | 'embed' | 'separate',
  task: Task,
): Promise<Tensor[]> {
  const movable = [...modelTensors(model)].filter(({ tensor }) => separateLength(tensor) !== undefined);
  const initializers = unique(movable.filter((one) => one.isInitializer).map((one) => one.tensor));
  if (external === 'separate') return initializers;
  const embedded = (await encodeStructure(model, new Map(), task)).length;
  const comesFromOutside = initializers.some(({ storage }) => storage.kind === 'external');
  if (embedded <= (comesFromOutside && external === 'auto' ? largestReembedded : largestFile)) return [];
  if (external === 'embed') {
    throw new SlipwayError(
      'badRequest',
      `The model would take ${embedded} bytes, and a single ONNX file holds at most 2 GB. Let the weights go into a data file.`,
    );
  }
  const moved = initializers.reduce((sum, tensor) => sum + separateLength(tensor)!, 0);
  return embedded - moved <= largestFile ? initializers : unique(movable.map((one) => one.tensor));
}

const unique = (tensors: Tensor[]) => [...new Set(tensors)];

/** Bytes of a tensor in a data file, or undefined when it must stay in the model. */
function separateLength(tensor: Tensor): number | undefined {
  const { storage } = tensor;
  if (tensor.segment || storage.kind === 'strings' || storage.kind === 'none') return undefined;
  const needed = rawByteLength(tensor.dataType, elementCount(tensor.dims));
  if (needed === undefined || needed < smallestSeparate) return undefined;
  if (storage.kind === 'fields') return needed;
  // A payload of the wrong length stays where it is, as it is.
  return storage.bytes && byteLength(storage.bytes) === needed ? needed : undefined;
}

function planData(tensors: readonly Tensor[], location: string) {
  const plan = new Map<Tensor, StringEntry[]>();
  let total = 0;
  for (const tensor of tensors) {
    const offset = Math.ceil(total / alignment) * alignment;
    const length = separateLength(tensor)!;
    plan.set(tensor, [
      { key: 'location', value: location },
      { key: 'offset', value: String(offset) },
      { key: 'length', value: String(length) },
    ]);
    total = offset + length;
  }
  return { plan, total };
}

async function writeData(out: OutputFile, tensors: readonly Tensor[], task: Task): Promise<void> {
  for (const [index, tensor] of tensors.entries()) {
    task.report({ stage: 'Writing weights', done: index, total: tensors.length });
    const padding = Math.ceil(out.position / alignment) * alignment - out.position;
    if (padding > 0) await out.append(new Uint8Array(padding));
    const { storage } = tensor;
    if (storage.kind === 'raw' || (storage.kind === 'external' && storage.bytes)) {
      const pieces = streamBytes(storage.bytes!, storage.kind === 'external', task);
      for await (const piece of pieces) await out.append(piece);
    } else await out.append(await readTensorBytes(tensor, undefined, task));
  }
}

const tooLarge = (target: string, bytes: number) =>
  new SlipwayError(
    'unsupported',
    `Cannot write ${target}: ${bytes} bytes of it cannot be moved to a data file, and a single ONNX file holds at most 2 GB.`,
  );
