// Opens NumPy arrays: an .npz archive, one .npy array, or a folder of them. Headers are read at once, values when
// asked for, and of them only as many rows as asked for. It does not know which array belongs to which input.

import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { FileRef } from '../base/fileRef';
import { badRequest } from '../base/errors';
import { throwIfCancelled, type Task } from '../base/task';
import { openSource, openUnchanged, type ByteSource } from '../host/files';
import type { ElementType } from '../runtime/runner/session';
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
  /** Bytes of one element. */
  readonly itemBytes: number;
  /** Reads the rows in order, in memory of about as many rows as are asked for at once. */
  cursor(task: Task): ArrayCursor;
}

export interface ArrayCursor {
  /** The next `rows` rows, row-major; throws `badRequest` when there are fewer. */
  next(rows: number): Promise<NpyData>;
  close(): Promise<void>;
}

export interface ArrayFile {
  readonly path: string;
  readonly arrays: readonly StoredArray[];
  close(): void;
  /** The same file once more; throws when it has changed since. */
  reopen(task: Task): Promise<ArrayFile>;
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
    itemBytes: header.itemBytes,
    read: (rows, task) => readValues(stored, header, rows, what, task),
    cursor: (task) =>
      header.fortranOrder ? wholeCursor(stored, header, what, task) : rowCursor(stored, header, what, task),
  };
}

/** Rows of a Fortran-order array do not lie together: all are read. */
function wholeCursor(stored: Stored, header: NpyHeader, what: string, task: Task): ArrayCursor {
  const all = readValues(stored, header, undefined, what, task);
  all.catch(() => undefined);
  const width = elements(header.dims.slice(1));
  let done = 0;
  return {
    async next(rows) {
      const part = (await all).slice(done * width, (done + rows) * width);
      done += rows;
      return part;
    },
    close: () => Promise.resolve(),
  };
}

function rowCursor(stored: Stored, header: NpyHeader, what: string, task: Task): ArrayCursor {
  const rowBytes = elements(header.dims.slice(1)) * header.itemBytes;
  const pieces = stored.pieces()[Symbol.asyncIterator]();
  let left: Uint8Array = new Uint8Array(0);
  let toSkip = header.dataOffset;
  return {
    async next(rows) {
      const whole = Buffer.from(new ArrayBuffer(rows * rowBytes));
      for (let filled = 0; filled < whole.length;) {
        throwIfCancelled(task);
        if (left.length === 0) {
          const piece = await pieces.next();
          if (piece.done) throw badRequest(`${what} is cut off. Write the file again.`);
          left = piece.value.subarray(Math.min(toSkip, piece.value.length));
          toSkip -= piece.value.length - left.length;
          continue;
        }
        const part = left.subarray(0, whole.length - filled);
        whole.set(part, filled);
        filled += part.length;
        left = left.subarray(part.length);
      }
      return decodeNpy(header, whole, rows);
    },
    async close() {
      await pieces.return?.();
    },
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
 * Opens an .npz or .npy file, told apart by its content, or a folder of .npy files, named like the arrays. Throws
 * `notFound` or `fileSystem` when it cannot be opened and `badRequest` when it is something else or damaged;
 * `close` it afterwards.
 */
export async function openArrays(path: string, task: Task): Promise<ArrayFile> {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    const names = readdirSync(path).filter((name) => name.endsWith('.npy'));
    const files = names.sort().map((name) => ({ path: join(path, name), name: name.slice(0, -4) }));
    return openFolder(path, files, task);
  }
  return openOne(path, openSource(path), task);
}

async function openFolder(
  path: string,
  files: readonly { readonly path: string; readonly name: string; readonly ref?: FileRef }[],
  task: Task,
): Promise<ArrayFile> {
  const opened: { name: string; ref: FileRef; file: ArrayFile }[] = [];
  const close = () => {
    for (const { file } of opened) file.close();
  };
  try {
    for (const { path: one, name, ref } of files) {
      const source = ref ? openUnchanged(ref) : openSource(one);
      opened.push({ name, ref: source.ref, file: await openOne(one, source, task) });
    }
  } catch (error) {
    close();
    throw error;
  }
  const arrays = opened.flatMap(({ name, file }) => file.arrays.map((array) => ({ ...array, name })));
  const again = opened.map(({ name, ref }) => ({ path: ref.path, name, ref }));
  return { path, arrays, close, reopen: (later) => openFolder(path, again, later) };
}

async function openOne(path: string, source: ByteSource, task: Task): Promise<ArrayFile> {
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
    return {
      path,
      arrays,
      close: () => source.close(),
      reopen: (later) => openOne(path, openUnchanged(source.ref), later),
    };
  } catch (error) {
    source.close();
    throw error;
  }
}
