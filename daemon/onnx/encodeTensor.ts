// Writers of TensorProto and SparseTensorProto. Where a tensor's values go (into the model or beside it) is
// decided by whoever makes the TensorPlan.

import type { StringEntry } from '../ir/model';
import type { SparseTensor, Tensor } from '../ir/tensor';
import type { WireWriter } from './wireWriter';

/** External entries of the tensors that go beside the model; every other tensor goes into it. */
export type TensorPlan = ReadonlyMap<Tensor, readonly StringEntry[]>;

export function encodeEntry(out: WireWriter, field: number, entry: StringEntry): void {
  out.message(field, () => {
    out.string(1, entry.key);
    out.string(2, entry.value);
    if (entry.unknown) out.verbatim(entry.unknown);
  });
}

/** Writes a text field, leaving out the empty default. */
export function encodeText(out: WireWriter, field: number, text: string): void {
  if (text !== '') out.string(field, text);
}

/** A dimension, which may lie beyond what a whole number holds exactly in a broken model. */
function encodeDims(out: WireWriter, field: number, dims: readonly number[]): void {
  for (const dim of dims) out.int(field, Math.trunc(dim));
}

export function encodeTensor(out: WireWriter, tensor: Tensor, plan: TensorPlan): void {
  encodeDims(out, 1, tensor.dims);
  if (tensor.dataType !== 0) out.int(2, tensor.dataType);
  const { segment, storage } = tensor;
  if (segment) {
    out.message(3, () => {
      out.bigint(1, segment.begin);
      out.bigint(2, segment.end);
      if (segment.unknown) out.verbatim(segment.unknown);
    });
  }
  encodeText(out, 8, tensor.name);
  encodeText(out, 12, tensor.docString);
  for (const entry of tensor.metadataProps) encodeEntry(out, 16, entry);
  const entries = plan.get(tensor);
  if (entries) encodeExternal(out, entries);
  else if (storage.kind === 'raw') out.payload(9, { bytes: storage.bytes, isExternal: false });
  else if (storage.kind === 'external') {
    if (storage.bytes) out.payload(9, { bytes: storage.bytes, isExternal: true });
    else encodeExternal(out, storage.entries);
  } else if (storage.kind === 'fields') {
    for (const bytes of storage.fields) out.verbatimPayload({ bytes, isExternal: false });
  } else if (storage.kind === 'strings') {
    for (const value of storage.values) out.bytes(6, value);
  }
  if (tensor.unknown) out.verbatim(tensor.unknown);
}

function encodeExternal(out: WireWriter, entries: readonly StringEntry[]): void {
  for (const entry of entries) encodeEntry(out, 13, entry);
  out.int(14, 1);
}

export function encodeSparseTensor(out: WireWriter, sparse: SparseTensor, plan: TensorPlan): void {
  out.message(1, () => encodeTensor(out, sparse.values, plan));
  out.message(2, () => encodeTensor(out, sparse.indices, plan));
  encodeDims(out, 3, sparse.dims);
  if (sparse.unknown) out.verbatim(sparse.unknown);
}
