// Opens a file of NumPy arrays: an .npz archive, or one .npy array. Headers are read at once, values when asked
// for, and of them only as many rows as asked for. It does not know which array belongs to which input.

import { crc32 } from 'node:zlib';
import { badRequest } from '../base/errors';
import { throwIfCancelled, type Task } from '../base/task';
import { openSource, type ByteSource } from '../host/files';
import type { ElementType } from '../runtime/session';
import {
  decodeNpy,
  npyHeaderBytes,
  npyPrefixBytes,
  parseNpyHeader,
  type NpyData,
  type NpyHeader,
} from './npy';
import { readZipEntries, readZipEntry, type ZipEntry } from './zip';

/** One array of the file. */
export interface StoredArray {
  /** Name in the archive; "" for the array of an .npy file. */
  readonly name: string;
  readonly type: ElementType;
  readonly dims: readonly number[];
  /** The values, row-major; with `rows`, only so many of the first dimension. */
  read(rows: number | undefined, task: Task): Promise<NpyData>;
}

export interface ArrayFile {
  readonly path: string;
  readonly arrays: readonly StoredArray[];
  close(): void;
}

/** Values of one array that are held in memory at the most. */
const maxArrayBytes = 4 * 2 ** 30;
const maxArrays = 10_000;

interface Stored {
  readonly name: string;
  /** Bytes of header and values. */
  readonly bytes: number;
  readonly crc32?: number;
  pieces(): AsyncIterable<Uint8Array>;
}

const elements = (dims: readonly number[]) => dims.reduce((product, dim) => product * dim, 1);

async function readHeader(stored: Stored, what: string): Promise<NpyHeader> {
  let seen = Buffer.alloc(0);
  let needed = npyPrefixBytes;
  for await (const piece of stored.pieces()) {
    seen = Buffer.concat([seen, piece]);
    if (seen.length >= npyPrefixBytes) needed = npyHeaderBytes(seen.subarray(0, npyPrefixBytes), what);
    if (seen.length >= needed) break;
  }
  if (seen.length < npyPrefixBytes) npyHeaderBytes(seen, what);
  if (seen.length < needed) throw badRequest(`${what} cannot be read: it is cut off in its header.`);
  return parseNpyHeader(seen.subarray(0, needed), what);
}

async function readValues(
  stored: Stored,
  header: NpyHeader,
  rows: number | undefined,
  what: string,
  task: Task,
): Promise<NpyData> {
  // Rows of a Fortran-order array do not lie together: read all and cut afterwards.
  const first = header.dims[0];
  const cut = rows !== undefined && first !== undefined && rows < first ? rows : undefined;
  const readRows = header.fortranOrder ? undefined : cut;
  const count =
    readRows === undefined ? elements(header.dims) : elements([readRows, ...header.dims.slice(1)]);
  const bytes = count * header.itemBytes;
  if (bytes > maxArrayBytes)
    throw badRequest(
      `${what} takes ${Math.round(bytes / 1e6)} MB, more than is read at once (${Math.round(maxArrayBytes / 1e6)} MB). Use fewer samples.`,
    );
  const whole = Buffer.from(new ArrayBuffer(bytes));
  let check = 0;
  let at = -header.dataOffset;
  for await (const piece of stored.pieces()) {
    throwIfCancelled(task);
    if (stored.crc32 !== undefined && readRows === undefined) check = crc32(piece, check);
    const from = Math.max(0, -at);
    const to = Math.min(piece.byteLength, bytes - at);
    if (to > from) whole.set(piece.subarray(from, to), at + from);
    at += piece.byteLength;
    if (readRows !== undefined && at >= bytes) break;
  }
  if (at < bytes)
    throw badRequest(`${what} is cut off: ${Math.max(0, at)} of ${bytes} bytes of values are there.`);
  if (stored.crc32 !== undefined && readRows === undefined && check !== stored.crc32)
    throw badRequest(`${what} is damaged: its checksum is wrong. Write the file again.`);
  const values = decodeNpy(header, whole, readRows);
  if (cut === undefined || !header.fortranOrder) return values;
  return values.slice(0, elements([cut, ...header.dims.slice(1)]));
}

async function describe(stored: Stored, path: string): Promise<StoredArray> {
  const what = stored.name === '' ? path : `The array "${stored.name}" in ${path}`;
  const header = await readHeader(stored, what);
  const bytes = header.dataOffset + elements(header.dims) * header.itemBytes;
  if (bytes > stored.bytes)
    throw badRequest(
      `${what} is cut off: its shape (${header.dims.join(' × ')}) takes ${bytes - header.dataOffset} bytes of values, and ${Math.max(0, stored.bytes - header.dataOffset)} are there.`,
    );
  return {
    name: stored.name,
    type: header.type,
    dims: header.dims,
    read: (rows, task) => readValues(stored, header, rows, what, task),
  };
}

async function* fileFrom(source: ByteSource): AsyncGenerator<Uint8Array> {
  for (let at = 0; ;) {
    const chunk = Buffer.allocUnsafe(1024 * 1024);
    const count = source.readSync(at, chunk);
    if (count <= 0) return;
    at += count;
    yield chunk.subarray(0, count);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

const ofEntry = (source: ByteSource, entry: ZipEntry): Stored => ({
  name: entry.name.replace(/\.npy$/, ''),
  bytes: entry.bytes,
  crc32: entry.crc32,
  pieces: () => readZipEntry(source, entry),
});

/**
 * Opens an .npz or .npy file, told apart by its content. Throws `notFound` or `fileSystem` when the file cannot
 * be opened and `badRequest` when it is something else or damaged; `close` it afterwards.
 */
export async function openArrays(path: string, task: Task): Promise<ArrayFile> {
  const source = openSource(path);
  try {
    const start = Buffer.alloc(6);
    const count = source.readSync(0, start);
    if (count === 0) throw badRequest(`${path} is empty. Name an .npz file with an array for each input.`);
    const arrays: StoredArray[] = [];
    if (start.toString('latin1', 0, 6) === '\x93NUMPY') {
      arrays.push(await describe({ name: '', bytes: source.ref.size, pieces: () => fileFrom(source) }, path));
    } else if (start.toString('latin1', 0, 2) === 'PK') {
      const entries = readZipEntries(source).filter((entry) => entry.name.endsWith('.npy'));
      if (entries.length > maxArrays)
        throw badRequest(`${path} holds ${entries.length} arrays, more than any data set needs.`);
      for (const entry of entries) {
        throwIfCancelled(task);
        arrays.push(await describe(ofEntry(source, entry), path));
      }
    } else
      throw badRequest(
        `${path} is neither an .npz nor an .npy file. Write the data with numpy.savez, with arrays named like the inputs of the model.`,
      );
    return { path, arrays, close: () => source.close() };
  } catch (error) {
    source.close();
    throw error;
  }
}
