// A tensor → NumPy's array format (.npy), piece by piece, so that a tensor of many gigabytes takes the memory of one
// piece. Types that NumPy does not have are written as the next wider one that holds all of their values.
// The format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html

import { unsupported } from '../base/errors';
import { breathe, type Task } from '../base/task';
import { writeAtomically, type OutputFile, type WriteOptions } from '../host/atomicFile';
import { DataType, dataTypeName } from '../ir/dataType';
import { elementCount, type Tensor } from '../ir/tensor';
import { floatsOf, readStrings, readTensorValues, type TensorValues } from './tensorData';

export interface NpyWritten {
  /** Absolute or relative, as it was given. */
  file: string;
  bytes: number;
  /** NumPy's name of the element type in the file, `<f4`. */
  dtype: string;
  /** Element type of the tensor that NumPy does not have; every value of it is in the file all the same. */
  widened?: string;
}

interface Format {
  readonly dtype: string;
  readonly isWider: boolean;
  /** Elements as their bytes in the file. */
  readonly encode: (type: DataType, values: TensorValues) => Uint8Array;
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);

const plain = (dtype: string): Format => ({
  dtype,
  isWider: false,
  encode: (_, values) => bytesOf(values),
});
const asFloats: Format = {
  dtype: '<f4',
  isWider: true,
  encode: (type, values) => bytesOf(floatsOf(type, values)),
};
/** Values below a byte come as one byte each. */
const unpacked = (dtype: string): Format => ({ ...plain(dtype), isWider: true });

const formats = new Map<DataType, Format>([
  [DataType.FLOAT, plain('<f4')],
  [DataType.DOUBLE, plain('<f8')],
  [DataType.FLOAT16, plain('<f2')],
  [DataType.COMPLEX64, plain('<c8')],
  [DataType.COMPLEX128, plain('<c16')],
  [DataType.INT8, plain('|i1')],
  [DataType.UINT8, plain('|u1')],
  [DataType.INT16, plain('<i2')],
  [DataType.UINT16, plain('<u2')],
  [DataType.INT32, plain('<i4')],
  [DataType.UINT32, plain('<u4')],
  [DataType.INT64, plain('<i8')],
  [DataType.UINT64, plain('<u8')],
  // NumPy takes any other byte than 0 and 1 for a broken boolean.
  [
    DataType.BOOL,
    { ...plain('|b1'), encode: (_, values) => (values as Uint8Array).map((value) => (value === 0 ? 0 : 1)) },
  ],
  [DataType.INT4, unpacked('|i1')],
  [DataType.INT2, unpacked('|i1')],
  [DataType.UINT4, unpacked('|u1')],
  [DataType.UINT2, unpacked('|u1')],
  [DataType.BFLOAT16, asFloats],
  [DataType.FLOAT8E4M3FN, asFloats],
  [DataType.FLOAT8E4M3FNUZ, asFloats],
  [DataType.FLOAT8E5M2, asFloats],
  [DataType.FLOAT8E5M2FNUZ, asFloats],
  [DataType.FLOAT8E8M0, asFloats],
  [DataType.FLOAT6E2M3, asFloats],
  [DataType.FLOAT6E3M2, asFloats],
  [DataType.FLOAT4E2M1, asFloats],
]);

const pieceElements = 1 << 18;
/** NumPy's own limit. */
const mostDims = 64;
/** NumPy stores texts at the length of the longest: one long text among many short ones takes room for all. */
const mostTextBytes = 2 ** 30;

/**
 * Writes a tensor as an array file, whole or not at all. Throws `unsupported` for what NumPy cannot hold, a `conflict`
 * where the file exists (without `overwrite`), and what reading throws (missing values, a changed file).
 */
export async function writeNpy(
  tensor: Tensor,
  file: string,
  options: WriteOptions,
  task: Task,
): Promise<NpyWritten> {
  const { name, dims, dataType } = tensor;
  if (dims.length > mostDims)
    throw unsupported(
      `The tensor "${name.slice(0, 200)}" has ${dims.length} dimensions; NumPy's arrays have at most ${mostDims}.`,
    );
  if (dataType === DataType.STRING) return writeTexts(tensor, file, options, task);
  const format = formats.get(dataType);
  if (!format)
    throw unsupported(
      `Values of type ${dataTypeName(dataType)} cannot be written as a NumPy array, as in the tensor "${name.slice(0, 200)}".`,
    );
  const total = elementCount(dims);
  const header = headerOf(format.dtype, dims);
  let bytes = 0;
  const write = async (out: OutputFile) => {
    await out.append(header);
    // Values kept in fields of the format are decoded as a whole anyway.
    const step = tensor.storage.kind === 'fields' ? Math.max(1, total) : pieceElements;
    for (let start = 0; start < total; start += step) {
      const range = { start, count: Math.min(step, total - start) };
      await out.append(format.encode(dataType, await readTensorValues(tensor, range, task)));
      task.report({ stage: 'Writing values', done: start + range.count, total });
      await breathe(task);
    }
    bytes = out.position;
  };
  await writeAtomically(file, options, write, task);
  return { file, bytes, dtype: format.dtype, ...(format.isWider ? { widened: dataTypeName(dataType) } : {}) };
}

async function writeTexts(
  tensor: Tensor,
  file: string,
  options: WriteOptions,
  task: Task,
): Promise<NpyWritten> {
  const texts = (await readStrings(tensor, task)).map((text) => Array.from(text, (c) => c.codePointAt(0)!));
  const ended = texts.findIndex((text) => text.at(-1) === 0);
  if (ended >= 0)
    throw unsupported(
      `Text ${ended} of the tensor "${tensor.name.slice(0, 200)}" ends in a zero character, which NumPy's arrays lose.`,
    );
  const longest = texts.reduce((most, text) => Math.max(most, text.length), 1);
  if (longest * texts.length * 4 > mostTextBytes)
    throw unsupported(
      `As a NumPy array the texts of the tensor "${tensor.name.slice(0, 200)}" would take ${longest * texts.length * 4} bytes, as each takes the room of the longest (${longest} characters).`,
    );
  const dtype = `<U${longest}`;
  let bytes = 0;
  const write = async (out: OutputFile) => {
    await out.append(headerOf(dtype, tensor.dims));
    for (const text of texts) {
      const codes = new Uint32Array(longest);
      codes.set(text);
      await out.append(bytesOf(codes));
    }
    bytes = out.position;
  };
  await writeAtomically(file, options, write, task);
  return { file, bytes, dtype };
}

/** Magic, version 1.0, length, and the header as a Python literal, padded so that the values begin at a multiple of 64. */
function headerOf(dtype: string, dims: readonly number[]): Uint8Array {
  const shape = dims.length === 1 ? `${dims[0]!},` : dims.join(', ');
  const text = `{'descr': '${dtype}', 'fortran_order': False, 'shape': (${shape}), }`;
  const whole = Math.ceil((10 + text.length + 1) / 64) * 64;
  const header = new Uint8Array(whole).fill(0x20);
  header.set([0x93, ...Buffer.from('NUMPY'), 1, 0]);
  new DataView(header.buffer).setUint16(8, whole - 10, true);
  header.set(Buffer.from(text, 'latin1'), 10);
  header[whole - 1] = 0x0a;
  return header;
}
