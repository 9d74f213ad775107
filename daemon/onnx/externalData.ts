// Where external tensors lie: entries → a file inside the model's folder, or a diagnostic. Nothing that
// leaves the folder, by its path or through a link, is opened; what is no regular file neither.

import { realpathSync, statSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { dirname, join, relative, sep, isAbsolute } from 'node:path';
import type { Place, Severity } from '../base/diagnostic';
import { SlipwayError } from '../base/errors';
import type { FileRef } from '../base/fileRef';
import { breathe } from '../base/task';
import { openUnchanged } from '../host/files';
import type { ByteSource } from '../host/files';
import { rawByteLength } from '../ir/dataType';
import type { StringEntry } from '../ir/model';
import { elementCount } from '../ir/tensor';
import type { Bytes, Tensor } from '../ir/tensor';
import { smallPayload } from './reading';
import type { Reading } from './reading';

interface Refusal {
  readonly id: string;
  readonly message: string;
}

/** What is known of one location. */
type Located = { readonly file: FileRef } | Refusal;

/** What resolving needs of the reading around it. */
export interface ExternalReading extends Pick<Reading, 'file' | 'task'> {
  readonly tensors: Iterable<{
    readonly tensor: Tensor;
    readonly scope: string;
    readonly byteOffset: number | undefined;
  }>;
  report(severity: Severity, id: string, message: string, where?: Place): void;
}

/** Value of an external_data entry; the last one of a key counts. */
export const entryOf = (entries: readonly StringEntry[], key: string): string | undefined =>
  entries.findLast((entry) => entry.key === key)?.value;

/**
 * Gives every external tensor its bytes, or a diagnostic. Each location is looked up once, and what is wrong with it is
 * said once, at the first tensor that needs it. Returns the total size of the data files.
 */
export async function resolveExternalData(reading: ExternalReading): Promise<number> {
  const located = new Map<string, Located>();
  const refused = new Map<Refusal, { count: number; readonly where: Place }>();
  const open = new OpenFiles();
  let folder: string | undefined;
  try {
    for (const { tensor, scope, byteOffset } of reading.tensors) {
      const { storage } = tensor;
      if (storage.kind !== 'external') continue;
      await breathe(reading.task);
      folder ??= realpathSync.native(dirname(reading.file.path));
      const location = entryOf(storage.entries, 'location');
      let found = located.get(location ?? '');
      if (!found) located.set(location ?? '', (found = locate(folder, location)));
      const count = elementCount(tensor.dims);
      const bytes =
        'file' in found
          ? span(found.file, storage.entries, rawByteLength(tensor.dataType, count), open)
          : found;
      if ('in' in bytes) tensor.storage = { kind: 'external', entries: storage.entries, bytes };
      else {
        const earlier = refused.get(bytes);
        if (earlier) earlier.count += 1;
        else
          refused.set(bytes, {
            count: 1,
            where: { scope, value: tensor.name, ...(byteOffset === undefined ? {} : { byteOffset }) },
          });
      }
    }
    for (const [{ id, message }, { count, where }] of refused)
      reading.report('error', id, count === 1 ? message : `${message}; ${count} tensors need it`, where);
  } finally {
    open.close();
  }
  let total = 0;
  const paths = new Set<string>();
  for (const found of located.values()) {
    if (!('file' in found) || paths.has(found.file.path)) continue;
    paths.add(found.file.path);
    total += found.file.size;
  }
  return total;
}

/** One data file open at a time, for small payloads. */
class OpenFiles {
  private source: ByteSource | undefined;

  read(file: FileRef, offset: number, length: number): Uint8Array | undefined {
    if (this.source?.ref.path !== file.path) {
      this.close();
      try {
        this.source = openExternal(file);
      } catch {
        return undefined;
      }
    }
    const data = new Uint8Array(length);
    return this.source.readSync(offset, data) === length ? data : undefined;
  }

  close(): void {
    this.source?.close();
    this.source = undefined;
  }
}

/** The file at `location` inside `folder` (a real path), or why it is refused. */
function locate(folder: string, location: string | undefined): Located {
  if (location === undefined || location === '') {
    return { id: 'onnx/external-location', message: 'The external data names no file' };
  }
  const shown = JSON.stringify(location.length > 200 ? `${location.slice(0, 200)}…` : location);
  const outside: Refusal = {
    id: 'onnx/external-outside',
    message: `The external data ${shown} lies outside the model's folder and is not read. Put the file beside the model`,
  };
  if (location.includes('\0')) {
    return { id: 'onnx/external-location', message: `The external data ${shown} is not a file name` };
  }
  // Refused on every system, so that a model does not work on one and leave its folder on another.
  if (isAbsolute(location) || /^([a-zA-Z]:|[\\/])/.test(location)) return outside;
  if (location.split(/[\\/]/).includes('..') && escapes(location)) return outside;
  const path = join(folder, location);
  let real: string;
  let stats: Stats;
  try {
    real = realpathSync.native(path);
    stats = statSync(real);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      return {
        id: 'onnx/external-missing',
        message: `The external data ${shown} is not there. Put the file beside the model`,
      };
    }
    return {
      id: 'onnx/external-unreadable',
      message: `The external data ${shown} cannot be read (${code ?? 'unknown error'})`,
    };
  }
  const inside = relative(folder, real);
  if (inside === '' || inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside)) return outside;
  if (!stats.isFile()) {
    return { id: 'onnx/external-not-a-file', message: `The external data ${shown} is not a regular file` };
  }
  return { file: { path: real, size: stats.size, mtimeMs: stats.mtimeMs } };
}

/** Whether following the path word by word ever steps above where it began. */
function escapes(location: string): boolean {
  let depth = 0;
  for (const word of location.split(/[\\/]/)) {
    if (word === '..') depth -= 1;
    else if (word !== '' && word !== '.') depth += 1;
    if (depth < 0) return true;
  }
  return false;
}

/** The tensor's part of the file. Small ones are read at once. */
function span(
  file: FileRef,
  entries: readonly StringEntry[],
  needed: number | undefined,
  open: OpenFiles,
): Bytes | Refusal {
  const offset = wholeNumber(entryOf(entries, 'offset') ?? '0');
  const stated = entryOf(entries, 'length');
  if (offset === undefined)
    return { id: 'onnx/external-range', message: 'The offset of the external data is not a number' };
  const length = stated === undefined ? (needed ?? file.size - offset) : wholeNumber(stated);
  if (length === undefined)
    return { id: 'onnx/external-range', message: 'The length of the external data is not a number' };
  if (offset + length > file.size || length < 0) {
    return {
      id: 'onnx/external-range',
      message: `The external data is said to lie at bytes ${offset} to ${offset + length}, but ${file.path} has only ${file.size}`,
    };
  }
  if (needed !== undefined && length !== needed) {
    return {
      id: 'onnx/external-length',
      message: `The shape needs ${needed} bytes, but the external data states ${length}`,
    };
  }
  if (length <= smallPayload) {
    const data = open.read(file, offset, length);
    if (data) return { in: 'memory', data };
  }
  return { in: 'file', file, offset, length };
}

function wholeNumber(text: string): number | undefined {
  const value = /^\s*\d+\s*$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(value) ? value : undefined;
}

/**
 * Opens a data file that `resolveExternalData` found, and makes sure that the path still leads to the very
 * file that was checked: no link may have been put in its way since.
 */
export function openExternal(file: FileRef): ByteSource {
  const source = openUnchanged(file);
  if (realpathSync.native(file.path) === file.path) return source;
  source.close();
  throw new SlipwayError('fileSystem', `${file.path} is now reached through a link; open the model again.`);
}
