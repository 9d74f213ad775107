// How passes see weights: a function that gives a tensor's bytes, and the typed views made of them. Where the
// bytes come from (a file, memory) is the caller's business.

import { DataType } from '../ir/dataType';
import { floatTensor } from '../ir/builder';
import type { Tensor } from '../ir/tensor';

/** Gives a tensor's values as raw little-endian bytes, row-major, however they are stored. */
export type TensorReader = (tensor: Tensor) => Promise<Uint8Array>;

/** The bytes at an address that a typed array can be laid over. */
const aligned = (bytes: Uint8Array, width: number) =>
  bytes.byteOffset % width === 0 ? bytes : new Uint8Array(bytes);

/** Values of a FLOAT tensor. Do not write into the array: it may be the model's own memory. */
export async function floatsOf(read: TensorReader, tensor: Tensor): Promise<Float32Array> {
  if (tensor.dataType !== DataType.FLOAT) throw new Error(`${tensor.name} is not a FLOAT tensor.`);
  const bytes = aligned(await read(tensor), 4);
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}

/** Values of an INT64 tensor as numbers. */
export async function integersOf(read: TensorReader, tensor: Tensor): Promise<number[]> {
  if (tensor.dataType !== DataType.INT64) throw new Error(`${tensor.name} is not an INT64 tensor.`);
  const bytes = aligned(await read(tensor), 8);
  return Array.from(new BigInt64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 8), Number);
}

/** `tensor` with other FLOAT values; name, metadata and (when given) dims as said. */
export const withFloats = (
  tensor: Tensor,
  values: Float32Array,
  dims = tensor.dims,
  name = tensor.name,
): Tensor => ({
  ...floatTensor(name, dims, values),
  docString: tensor.docString,
  metadataProps: tensor.metadataProps,
});
