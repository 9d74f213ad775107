// Writes small .npy and .npz files for tests, the way NumPy lays them out.

import { zipSync } from 'fflate';
import { writeFileSync } from 'node:fs';

export interface NpyArray {
  /** NumPy type string, `<f4`. */
  readonly descr: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

const bytesOf = (array: ArrayBufferView) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

export const f4 = (shape: readonly number[], values: ArrayLike<number>): NpyArray => ({
  descr: '<f4',
  shape,
  bytes: bytesOf(Float32Array.from(values)),
});
export const u1 = (shape: readonly number[], values: ArrayLike<number>): NpyArray => ({
  descr: '|u1',
  shape,
  bytes: Uint8Array.from(values),
});
export const i8 = (shape: readonly number[], values: readonly number[]): NpyArray => ({
  descr: '<i8',
  shape,
  bytes: bytesOf(BigInt64Array.from(values, BigInt)),
});

/** The bytes of an .npy file. */
export function npyBytes(array: NpyArray): Uint8Array {
  const shape = array.shape.length === 1 ? `(${array.shape[0]!},)` : `(${array.shape.join(', ')})`;
  const text = `{'descr': '${array.descr}', 'fortran_order': False, 'shape': ${shape}, }`;
  const length = Math.ceil((10 + text.length + 1) / 64) * 64;
  const header = Buffer.alloc(length, ' ');
  header.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0]);
  header.writeUInt16LE(length - 10, 8);
  header.write(text, 10, 'latin1');
  header[length - 1] = 0x0a;
  return Buffer.concat([header, array.bytes]);
}

/** The bytes of an .npz file; `level` 0 stores, 6 compresses. */
export const npzBytes = (arrays: Readonly<Record<string, NpyArray>>, level: 0 | 6 = 6): Uint8Array =>
  zipSync(
    Object.fromEntries(Object.entries(arrays).map(([name, array]) => [`${name}.npy`, npyBytes(array)])),
    { level },
  );

export function writeNpz(path: string, arrays: Readonly<Record<string, NpyArray>>, level: 0 | 6 = 6): string {
  writeFileSync(path, npzBytes(arrays, level));
  return path;
}
