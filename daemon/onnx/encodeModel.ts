// IR → ModelProto in memory: the structure as bytes, weights by reference. Writing it to disk and moving
// weights to a data file is writeModel.ts.

import { silentTask } from '../base/task';
import type { Task } from '../base/task';
import type { Model } from '../ir/model';
import type { Tensor } from '../ir/tensor';
import { encodeDeviceConfiguration } from './encodeDevices';
import { encodeFunction, encodeGraph, encodeOpset, encodeTrainingInfo } from './encodeGraph';
import { encodeEntry, encodeTensor, encodeText } from './encodeTensor';
import type { TensorPlan } from './encodeTensor';
import { streamBytes } from './tensorData';
import { WireWriter } from './wireWriter';

/** The model as pieces to write: nothing is read from disk yet. */
export async function encodeStructure(model: Model, plan: TensorPlan, task: Task): Promise<WireWriter> {
  const encoding = { plan, graphs: new Map(), task };
  const out = new WireWriter();
  if (model.irVersion !== 0) out.int(1, model.irVersion);
  encodeText(out, 2, model.producerName);
  encodeText(out, 3, model.producerVersion);
  encodeText(out, 4, model.domain);
  if (model.modelVersion !== 0n) out.bigint(5, model.modelVersion);
  encodeText(out, 6, model.docString);
  out.nested(7, await encodeGraph(encoding, model.graph));
  for (const opset of model.opsetImports) encodeOpset(out, 8, opset);
  for (const entry of model.metadataProps) encodeEntry(out, 14, entry);
  for (const info of model.trainingInfo) out.nested(20, await encodeTrainingInfo(encoding, info));
  for (const definition of model.functions) out.nested(25, await encodeFunction(encoding, definition));
  for (const configuration of model.configurations) {
    out.message(26, () => encodeDeviceConfiguration(out, configuration));
  }
  if (model.unknown) out.verbatim(model.unknown);
  return out;
}

/**
 * A small model as the bytes of one file, weights included; external ones are taken in, and those that
 * could not be found keep their entries.
 */
export async function encodeModel(model: Model, task: Task = silentTask): Promise<Uint8Array> {
  return collect(await encodeStructure(model, new Map(), task), task);
}

/** A tensor as the bytes of a TensorProto, as in a .pb file beside a model. */
export function encodeTensorFile(tensor: Tensor, task: Task = silentTask): Promise<Uint8Array> {
  const out = new WireWriter();
  encodeTensor(out, tensor, new Map());
  return collect(out, task);
}

async function collect(out: WireWriter, task: Task): Promise<Uint8Array> {
  const target = new Uint8Array(out.length);
  let done = 0;
  const add = (bytes: Uint8Array) => {
    target.set(bytes, done);
    done += bytes.length;
  };
  for (const piece of out.pieces()) {
    if (piece instanceof Uint8Array) add(piece);
    else for await (const part of streamBytes(piece.bytes, piece.isExternal, task)) add(part);
  }
  return target;
}
