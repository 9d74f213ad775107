// ModelProto bytes → IR. Opens the file, reads the structure, notes where weights lie, resolves external
// data, and says what is wrong in diagnostics. What a model means is not judged here (daemon/analysis).

import type { Diagnostic } from '../base/diagnostic';
import type { FileRef } from '../base/fileRef';
import { breathe, silentTask } from '../base/task';
import type { Task } from '../base/task';
import { openSource } from '../host/files';
import type { ByteSource } from '../host/files';
import type { Model } from '../ir/model';
import type { Tensor } from '../ir/tensor';
import { checkPayloads } from './checkPayloads';
import { resolveExternalData } from './externalData';
import { guessFormat } from './guessFormat';
import { readDeviceConfiguration } from './readDevices';
import { readFunction, readOpsetImport, readTrainingInfo } from './readFunction';
import { emptyGraph, fillGraph } from './readGraph';
import { emptyTensor, fillTensor } from './readTensor';
import { Reading } from './reading';
import type { Ranges } from './wireReader';

export interface ReadResult {
  /** Absent when nothing useful could be read; of a truncated file, the part that was there. */
  readonly model?: Model;
  readonly diagnostics: Diagnostic[];
  readonly fileBytes: number;
  /** Size of the external data files that the model refers to and that may be read. */
  readonly externalBytes: number;
  readonly file: FileRef;
}

const modelFields = new Set([1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25, 26]);

/**
 * Reads a model's structure; weights larger than 1 KB stay on disk as (file, offset, length).
 * A broken file gives diagnostics, never a throw; a missing or unreadable file throws a SlipwayError.
 */
export async function readModel(path: string, task: Task): Promise<ReadResult> {
  const source = openSource(path);
  try {
    return await readFrom(source, task);
  } finally {
    source.close();
  }
}

/** Reads a model from bytes in memory; the tensors share them. External data is not resolved. */
export function decodeModel(bytes: Uint8Array, task: Task = silentTask): Promise<ReadResult> {
  return readFrom(memorySource(bytes), task, plain(bytes));
}

/** Reads one TensorProto, as in a .pb file beside a model; the tensor shares the bytes. */
export async function decodeTensor(
  bytes: Uint8Array,
): Promise<{ readonly tensor: Tensor; readonly diagnostics: Diagnostic[] }> {
  const reading = new Reading(memorySource(bytes), silentTask, plain(bytes));
  const tensor = emptyTensor();
  fillTensor(reading, tensor, '');
  await reading.finishPending();
  checkPayloads(reading);
  reading.closeDiagnostics();
  return { tensor, diagnostics: reading.diagnostics };
}

/** The same bytes without Buffer's own slice() and toJSON(). */
const plain = (bytes: Uint8Array) => new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const memorySource = (bytes: Uint8Array): ByteSource => ({
  ref: { path: '', size: bytes.length, mtimeMs: 0 },
  readSync(offset, target) {
    const part = bytes.subarray(offset, offset + target.length);
    target.set(part);
    return part.length;
  },
  close: () => undefined,
});

async function readFrom(source: ByteSource, task: Task, whole?: Uint8Array): Promise<ReadResult> {
  await breathe(task);
  const file = source.ref;
  const sizes = { fileBytes: file.size, externalBytes: 0, file };
  if (file.size === 0) {
    const message = 'The file is empty. Was it still being written or downloaded?';
    return { ...sizes, diagnostics: [{ id: 'onnx/empty', severity: 'error', message }] };
  }
  const reading = new Reading(source, task, whole);
  const model = emptyModel();
  const hasGraph = await fillModel(reading, model);
  await reading.finishPending();
  const firstError = reading.diagnostics.find((one) => one.severity === 'error');
  if (firstError && (!hasGraph || (damage.has(firstError.id) && isBare(model)))) {
    return { ...sizes, diagnostics: [notOnnx(source, firstError)] };
  }
  if (!hasGraph) {
    const guess = guessFormat(source);
    if (guess) return { ...sizes, diagnostics: [notOnnx(source, undefined)] };
    reading.report('error', 'onnx/no-graph', 'The file holds no graph');
  }
  checkPayloads(reading);
  const externalBytes = whole ? 0 : await resolveExternalData(reading);
  if (reading.unknownFields > 0) {
    const count = reading.unknownFields;
    const message = `${count} field${count === 1 ? '' : 's'} of a newer or foreign format ${count === 1 ? 'is' : 'are'} kept unread`;
    reading.report('info', 'onnx/unknown-fields', message, { byteOffset: reading.firstUnknown });
  }
  reading.closeDiagnostics();
  return { ...sizes, externalBytes, model, diagnostics: reading.diagnostics };
}

/** Defects of the bytes themselves. In a file that is not ONNX they come before anything else is found. */
const damage: ReadonlySet<string> = new Set(['onnx/malformed', 'onnx/length', 'onnx/wire-type']);

const isBare = ({ graph }: Model) =>
  graph.nodes.length + graph.initializers.length + graph.inputs.length + graph.outputs.length === 0;

function notOnnx(source: ByteSource, error: Diagnostic | undefined): Diagnostic {
  const guess = guessFormat(source);
  const byteOffset = error?.where?.byteOffset ?? 0;
  const message = guess
    ? `This is not an ONNX model: it looks like ${guess.what}. ${guess.advice}`
    : `This is not an ONNX model, or it is damaged from the start: ${error?.message ?? 'nothing could be read.'}`;
  return { id: 'onnx/not-onnx', severity: 'error', message, where: { byteOffset } };
}

const emptyModel = (): Model => ({
  irVersion: 0,
  opsetImports: [],
  producerName: '',
  producerVersion: '',
  domain: '',
  modelVersion: 0n,
  docString: '',
  graph: emptyGraph(),
  metadataProps: [],
  trainingInfo: [],
  functions: [],
  configurations: [],
});

/** Reads the whole source as a ModelProto into `model`; says whether a graph was there. */
async function fillModel(reading: Reading, model: Model): Promise<boolean> {
  const { wire, task } = reading;
  let hasGraph = false;
  let rest: Ranges | undefined;
  while (wire.next()) {
    switch (wire.tag) {
      case 8:
        model.irVersion = wire.int();
        break;
      case 18:
        model.producerName = wire.string();
        break;
      case 26:
        model.producerVersion = wire.string();
        break;
      case 34:
        model.domain = wire.string();
        break;
      case 40:
        model.modelVersion = wire.bigint();
        break;
      case 50:
        model.docString = wire.string();
        break;
      case 58: {
        hasGraph = true;
        const outer = wire.enter();
        await fillGraph(reading, model.graph, { path: '', depth: 0 });
        wire.leave(outer);
        break;
      }
      case 66:
        model.opsetImports.push(readOpsetImport(reading));
        break;
      case 114:
        model.metadataProps.push(reading.entry());
        break;
      case 162:
        model.trainingInfo.push(await readTrainingInfo(reading, model.trainingInfo.length));
        break;
      case 202:
        model.functions.push(await readFunction(reading));
        break;
      case 210:
        model.configurations.push(readDeviceConfiguration(reading));
        break;
      default:
        // What is cut off by the end of the file is no field of a newer format.
        if ((wire.tag & 7) === 2 && wire.cut) wire.skip();
        else rest = reading.unknown(rest, modelFields);
    }
    await breathe(task);
  }
  reading.keep(model, rest);
  return hasGraph;
}
