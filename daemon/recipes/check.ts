// Checks a model with its weights: reads every initializer once, in pieces, for what the rules of size and safety ask.

import { createHash } from 'node:crypto';
import { checking } from '../analysis/checks';
import type { WeightFacts } from '../analysis/checks/weights';
import { withSeverities, type Severities } from '../analysis/checks/severity';
import { withoutRepeats, isDamaged, leftOut, type ReadModel } from '../analysis/inspect';
import { inferring, type InferOptions, type ShapeInfo } from '../analysis/shapes';
import type { Diagnostic } from '../base/diagnostic';
import { breathe, breathing, type Task } from '../base/task';
import { DataType, rawByteLength } from '../ir/dataType';
import type { Model } from '../ir/model';
import { byteLength, elementCount, type Tensor } from '../ir/tensor';
import { readTensorBytes, streamBytes } from '../onnx/tensorData';
import { smallConstants } from './smallConstants';

export interface CheckOptions {
  readonly rules?: Severities | undefined;
  /** What was inferred before, with the numbers of small tensors and free dimensions. */
  readonly shapes?: ShapeInfo | undefined;
  /** Look at the values of the weights too, which reads the whole file. */
  readonly weights?: boolean | undefined;
}

/** Everything that is to be said of a model that was read, as the user wants to hear it. Never throws for a broken one. */
export async function checkAll(read: ReadModel, options: CheckOptions, task: Task): Promise<Diagnostic[]> {
  const { model } = read;
  if (!model) return withSeverities(read.diagnostics, options.rules);
  if (isDamaged(read)) return withSeverities([...read.diagnostics, leftOut], options.rules);
  const shapes = options.shapes ?? (await shapesOf(model, task));
  const weights = options.weights ? await weightFacts(model, task) : undefined;
  const facts = { shapes, fileBytes: read.fileBytes, ...(weights ? { weights } : {}) };
  const findings = await breathing(checking(model, facts), task);
  return withSeverities(
    withoutRepeats([...read.diagnostics, ...findings, ...shapes.diagnostics]),
    options.rules,
  );
}

async function shapesOf(model: Model, task: Task): Promise<ShapeInfo> {
  const constants = await smallConstants(model, task);
  const reading: InferOptions = { constants: (tensor) => constants.get(tensor) };
  return breathing(inferring(model, reading), task);
}

/** What the initializers of the main graph are like; one that cannot be read is left out, the reader has told of it. */
async function weightFacts(model: Model, task: Task): Promise<ReadonlyMap<Tensor, WeightFacts>> {
  const facts = new Map<Tensor, WeightFacts>();
  const { initializers } = model.graph;
  const bytesOf = (tensor: Tensor) => rawByteLength(tensor.dataType, elementCount(tensor.dims)) ?? 0;
  const total = initializers.reduce((sum, tensor) => sum + bytesOf(tensor), 0);
  let done = 0;
  for (const tensor of initializers) {
    const known = await factsOf(tensor, bytesOf(tensor), task).catch((error: unknown) => {
      if (task.signal.aborted) throw error;
      return undefined;
    });
    if (known) facts.set(tensor, known);
    done += bytesOf(tensor);
    task.report({ stage: 'Looking at the weights', done, total });
    await breathe(task);
  }
  return facts;
}

async function factsOf(tensor: Tensor, length: number, task: Task): Promise<WeightFacts> {
  const sum = createHash('sha256');
  const seen = { nonFinite: 0, largest: 0 };
  for await (const piece of piecesOf(tensor, length, task)) {
    sum.update(piece);
    lookAt(tensor.dataType, piece, seen);
  }
  return { digest: sum.digest('hex'), ...seen };
}

async function* piecesOf(tensor: Tensor, length: number, task: Task): AsyncGenerator<Uint8Array> {
  const { storage } = tensor;
  const bytes = storage.kind === 'raw' || storage.kind === 'external' ? storage.bytes : undefined;
  if (bytes && byteLength(bytes) >= length)
    yield* streamBytes(bytes, storage.kind === 'external', task, 0, length);
  else yield await readTensorBytes(tensor, undefined, task);
}

/** Counts what is not finite in a piece that holds whole elements, and finds the largest magnitude. */
function lookAt(dataType: DataType, piece: Uint8Array, seen: { nonFinite: number; largest: number }): void {
  if (dataType === DataType.FLOAT && piece.byteLength % 4 === 0) {
    const aligned = piece.byteOffset % 4 === 0 ? piece : piece.slice();
    const values = new Float32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
    let { nonFinite, largest } = seen;
    for (let at = 0; at < values.length; at += 1) {
      const size = Math.abs(values[at]!);
      if (size < Infinity) {
        if (size > largest) largest = size;
      } else nonFinite += 1;
    }
    seen.nonFinite = nonFinite;
    seen.largest = largest;
  } else if (dataType === DataType.FLOAT16 || dataType === DataType.BFLOAT16) {
    // All bits of the exponent set: infinite, or not a number.
    const mask = dataType === DataType.FLOAT16 ? 0x7c : 0x7f;
    for (let at = 1; at < piece.byteLength; at += 2) {
      const isAll = (piece[at]! & mask) === mask;
      if (isAll && (dataType === DataType.FLOAT16 || piece[at - 1]! >= 0x80)) seen.nonFinite += 1;
    }
  }
}
