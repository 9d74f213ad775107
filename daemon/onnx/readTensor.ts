// Readers of TensorProto and SparseTensorProto. Payloads are noted, not read.

import type { StringEntry } from '../ir/model';
import type { Bytes, SparseTensor, Tensor, TensorStorage } from '../ir/tensor';
import { readDim } from './readType';
import type { Reading } from './reading';
import type { Ranges } from './wireReader';

const tensorFields = new Set([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16]);
const segmentFields = new Set([1, 2]);
const sparseFields = new Set([1, 2, 3]);

/** A second payload beside the one that counts is kept up to this size. */
const keptExtra = 1 << 20;

export const emptyTensor = (): Tensor => ({
  name: '',
  dataType: 0,
  dims: [],
  storage: { kind: 'none' },
  docString: '',
  metadataProps: [],
});

/** The current field as a TensorProto. */
export function readTensor(reading: Reading, scope: string): Tensor {
  const tensor = emptyTensor();
  const outer = reading.wire.enter(350);
  fillTensor(reading, tensor, scope);
  reading.wire.leave(outer);
  return tensor;
}

/** Reads the message that the cursor is in as a TensorProto. */
export function fillTensor(reading: Reading, tensor: Tensor, scope: string): void {
  const { wire } = reading;
  const byteOffset = wire.fieldStart;
  const entries: StringEntry[] = [];
  let isExternal = false;
  let raw: Ranges | undefined;
  let rawLength = 0;
  let fields: Ranges | undefined;
  let entryRanges: Ranges | undefined;
  let locationRanges: Ranges | undefined;
  let rest: Ranges | undefined;
  while (wire.next()) {
    switch (wire.tag) {
      case 8:
      case 10:
        wire.integers(() => tensor.dims.push(readDim(reading)));
        break;
      case 16:
        tensor.dataType = wire.int32();
        break;
      case 26:
        readSegment(reading, tensor);
        break;
      case 37: // float_data, packed or not, and so on for the other typed fields
      case 34:
      case 40:
      case 42:
      case 50:
      case 56:
      case 58:
      case 81:
      case 82:
      case 88:
      case 90:
        if (wire.cut) wire.skip();
        else fields = wire.note(fields);
        break;
      case 66:
        tensor.name = wire.string();
        break;
      case 74:
        if (wire.cut) {
          wire.skip();
          break;
        }
        rawLength = wire.length;
        raw = wire.note(undefined);
        break;
      case 98:
        tensor.docString = wire.string();
        break;
      case 106: {
        const start = wire.fieldStart;
        entries.push(reading.entry());
        (entryRanges ??= []).push(start, wire.position);
        break;
      }
      case 112: {
        const start = wire.fieldStart;
        const location = wire.int32();
        isExternal = location === 1;
        // DEFAULT is the same as absent, but a location that nobody knows is kept.
        if (location > 1 || location < 0) (locationRanges ??= []).push(start, wire.position);
        break;
      }
      case 130:
        tensor.metadataProps.push(reading.entry());
        break;
      default:
        rest = reading.unknown(rest, tensorFields);
    }
  }
  const hasRaw = raw !== undefined && (rawLength > 0 || !fields);
  const extras: Ranges = [...(rest ?? []), ...(locationRanges ?? [])];
  if (isExternal) {
    tensor.storage = { kind: 'external', entries };
    addExtra(reading, tensor, extras, raw);
    addExtra(reading, tensor, extras, fields);
  } else {
    tensor.storage = hasRaw ? rawStorage(reading, raw!, rawLength) : fieldStorage(reading, fields);
    addExtra(reading, tensor, extras, hasRaw ? fields : raw);
    addExtra(reading, tensor, extras, entryRanges);
  }
  reading.keep(tensor, extras.length > 0 ? extras : undefined);
  reading.tensors.push({ tensor, scope, byteOffset });
}

function addExtra(reading: Reading, tensor: Tensor, extras: Ranges, ranges: Ranges | undefined): void {
  if (!ranges) return;
  let total = 0;
  for (let index = 0; index < ranges.length; index += 2) total += ranges[index + 1]! - ranges[index]!;
  const isKept = total <= keptExtra;
  reading.report(
    isKept ? 'warning' : 'error',
    'onnx/two-payloads',
    `A tensor states its values in more than one way; ${isKept ? 'one of them is used' : `${total} bytes of the second are left out`}`,
    { value: tensor.name, byteOffset: ranges[0]! },
  );
  if (isKept) for (const edge of ranges) extras.push(edge);
}

function rawStorage(reading: Reading, raw: Ranges, length: number): TensorStorage {
  return { kind: 'raw', bytes: reading.payload(raw[1]! - length, length) };
}

function fieldStorage(reading: Reading, ranges: Ranges | undefined): TensorStorage {
  if (!ranges) return { kind: 'none' };
  const fields: Bytes[] = [];
  for (let index = 0; index < ranges.length; index += 2) {
    reading.wire.charge(120);
    fields.push(reading.payload(ranges[index]!, ranges[index + 1]! - ranges[index]!));
  }
  return { kind: 'fields', fields };
}

function readSegment(reading: Reading, tensor: Tensor): void {
  const { wire } = reading;
  const segment: NonNullable<Tensor['segment']> = { begin: 0n, end: 0n };
  let rest: Ranges | undefined;
  const outer = wire.enter();
  while (wire.next()) {
    if (wire.tag === 8) segment.begin = wire.bigint();
    else if (wire.tag === 16) segment.end = wire.bigint();
    else rest = reading.unknown(rest, segmentFields);
  }
  reading.keep(segment, rest);
  wire.leave(outer);
  tensor.segment = segment;
}

/** The current field as a SparseTensorProto. */
export function readSparseTensor(reading: Reading, scope: string): SparseTensor {
  const sparse: SparseTensor = { values: emptyTensor(), indices: emptyTensor(), dims: [] };
  const outer = reading.wire.enter(700);
  fillSparseTensor(reading, sparse, scope);
  reading.wire.leave(outer);
  return sparse;
}

/** Reads the message that the cursor is in as a SparseTensorProto. */
export function fillSparseTensor(reading: Reading, sparse: SparseTensor, scope: string): void {
  const { wire } = reading;
  let rest: Ranges | undefined;
  while (wire.next()) {
    switch (wire.tag) {
      case 10:
        sparse.values = readTensor(reading, scope);
        break;
      case 18:
        sparse.indices = readTensor(reading, scope);
        break;
      case 24:
      case 26:
        wire.integers(() => sparse.dims.push(readDim(reading)));
        break;
      default:
        rest = reading.unknown(rest, sparseFields);
    }
  }
  reading.keep(sparse, rest);
}
