// Files by range: open, read at an offset, compare, find a free name. Writing whole files is
// atomicFile.ts, given on from here so that callers have one import.

import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  openSync,
  readSync,
  realpathSync,
  statSync,
} from 'node:fs';
import type { Stats } from 'node:fs';
import { dirname, extname, join, resolve } from 'node:path';
import { SlipwayError, fileSystemError } from '../base/errors';
import type { FileRef } from '../base/fileRef';

export { writeAtomically } from './atomicFile';
export type { OutputFile, WriteOptions } from './atomicFile';

/** A file open for positional reads. */
export interface ByteSource {
  readonly ref: FileRef;
  /** Fills as much of `target` as the file has from `offset` on; returns the number of bytes, 0 at the end. */
  readSync(offset: number, target: Uint8Array): number;
  close(): void;
}

class FileSource implements ByteSource {
  constructor(
    private readonly descriptor: number,
    readonly ref: FileRef,
  ) {}

  readSync(offset: number, target: Uint8Array): number {
    let done = 0;
    try {
      while (done < target.length) {
        const count = readSync(this.descriptor, target, done, target.length - done, offset + done);
        if (count === 0) break;
        done += count;
      }
    } catch (error) {
      throw fileSystemError('read', this.ref.path, error);
    }
    return done;
  }

  close(): void {
    closeSync(this.descriptor);
  }
}

/**
 * Opens a regular file for reading by range; the path is made absolute.
 * Throws a SlipwayError when it is missing, a folder, a device or a pipe, or may not be read.
 */
export function openSource(path: string): ByteSource {
  const absolute = resolve(path);
  let descriptor: number;
  try {
    // Without O_NONBLOCK, opening a named pipe would wait for a writer for ever.
    descriptor = openSync(absolute, constants.O_RDONLY | nonBlocking);
  } catch (error) {
    throw fileSystemError('read', absolute, error);
  }
  const stats = fstatSync(descriptor);
  if (!stats.isFile()) {
    closeSync(descriptor);
    if (stats.isDirectory()) throw fileSystemError('read', absolute, { code: 'EISDIR' });
    throw new SlipwayError('fileSystem', `Cannot read ${absolute}: it is not a regular file. Name a file.`);
  }
  return new FileSource(descriptor, refOf(absolute, stats));
}

// Absent on Windows, where pipes do not live in folders.
const nonBlocking = (constants as { O_NONBLOCK?: number }).O_NONBLOCK ?? 0;

const refOf = (path: string, stats: Stats): FileRef => ({ path, size: stats.size, mtimeMs: stats.mtimeMs });

/** The file as it is now; throws a SlipwayError when it is missing. */
export function fileRef(path: string): FileRef {
  const absolute = resolve(path);
  try {
    return refOf(absolute, statSync(absolute));
  } catch (error) {
    throw fileSystemError('read', absolute, error);
  }
}

/** Opens the file that `ref` names, and refuses when it is no longer the file that `ref` describes. */
export function openUnchanged(ref: FileRef): ByteSource {
  const source = openSource(ref.path);
  if (source.ref.size !== ref.size || source.ref.mtimeMs !== ref.mtimeMs) {
    source.close();
    throw new SlipwayError('fileSystem', `${ref.path} changed on disk; open it again.`);
  }
  return source;
}

/** Whether two paths name one existing file, through links or not. */
export function sameFile(a: string, b: string): boolean {
  try {
    const [first, second] = [statSync(a, { bigint: true }), statSync(b, { bigint: true })];
    if (first.ino !== 0n || second.ino !== 0n) return first.dev === second.dev && first.ino === second.ino;
    return realpathSync.native(a) === realpathSync.native(b);
  } catch {
    return false;
  }
}

/** The path itself when nothing is there, else the first free of name-2, name-3, … before the extension. */
export function freePath(path: string): string {
  if (!existsSync(path)) return path;
  const extension = extname(path);
  const stem = join(dirname(path), path.slice(dirname(path).length).replace(/^[\\/]+/, ''));
  const base = extension ? stem.slice(0, -extension.length) : stem;
  for (let number = 2; ; number += 1) {
    const candidate = `${base}-${number}${extension}`;
    if (!existsSync(candidate)) return candidate;
  }
}
