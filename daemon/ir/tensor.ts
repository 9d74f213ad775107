// A tensor: what it is, and where its bytes lie. Bytes are not loaded: a weight of a model on disk stays
// there as (file, offset, length) until somebody reads a range of it (daemon/onnx/tensorData.ts).

import type { FileRef } from '../base/fileRef';
import type { DataType } from './dataType';
import type { StringEntry, UnknownFields } from './model';

/** Bytes in memory or on disk. */
export type Bytes =
  | { readonly in: 'memory'; readonly data: Uint8Array }
  | { readonly in: 'file'; readonly file: FileRef; readonly offset: number; readonly length: number };

export const byteLength = (bytes: Bytes): number =>
  bytes.in === 'memory' ? bytes.data.byteLength : bytes.length;

/**
 * How the values are stored.
 * - `raw`: little-endian, row-major, without padding; 4-bit and 2-bit types packed low bits first (raw_data).
 * - `fields`: float_data, int32_data, string_data, …, kept as the whole protobuf fields of the file; only
 *   daemon/onnx decodes them.
 * - `strings`: UTF-8 values of a STRING tensor made in memory.
 * - `external`: another file. `bytes` is present once the path was found to stay inside the model's folder.
 * - `none`: no values were stated (an empty tensor, or a broken file).
 */
export type TensorStorage =
  | { readonly kind: 'raw'; readonly bytes: Bytes }
  | { readonly kind: 'fields'; readonly fields: readonly Bytes[] }
  | { readonly kind: 'strings'; readonly values: readonly Uint8Array[] }
  | { readonly kind: 'external'; readonly entries: readonly StringEntry[]; readonly bytes?: Bytes }
  | { readonly kind: 'none' };

export interface Tensor {
  name: string;
  dataType: DataType;
  dims: number[];
  storage: TensorStorage;
  docString: string;
  metadataProps: StringEntry[];
  segment?: { begin: bigint; end: bigint; unknown?: UnknownFields };
  unknown?: UnknownFields;
}

/** COO or row-format sparse tensor, as in SparseTensorProto. */
export interface SparseTensor {
  values: Tensor;
  indices: Tensor;
  dims: number[];
  unknown?: UnknownFields;
}

/** Number of elements: the product of dims; 1 for a scalar. */
export const elementCount = (dims: readonly number[]): number =>
  dims.reduce((product, dim) => product * dim, 1);
