// Writing a file so that a crash at any instant leaves the old file or the new one: a hidden sibling is
// streamed, synced and renamed. What goes into the file is the caller's.

import { existsSync, readdirSync, realpathSync, statSync, unlinkSync } from 'node:fs';
import { link, open, rename, unlink } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { SlipwayError, conflict, fileSystemError } from '../base/errors';
import { breathe, throwIfCancelled } from '../base/task';
import type { Task } from '../base/task';
import { randomName, shortDigest } from './names';

export interface WriteOptions {
  /** Replace an existing file; without it an existing target is a conflict. */
  readonly overwrite?: boolean;
  /** For a folder that goes with the process: nothing waits until the disk has it. */
  readonly fleeting?: boolean | undefined;
}

/** The file being written. */
export interface OutputFile {
  /** Bytes appended so far. */
  readonly position: number;
  append(bytes: Uint8Array): Promise<void>;
}

/** Largest single write, so that cancelling never waits long. */
const pieceBytes = 1 << 20;

class TemporaryFile implements OutputFile {
  position = 0;
  constructor(
    private readonly handle: FileHandle,
    private readonly task: Task,
  ) {}

  async append(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      await breathe(this.task);
      const length = Math.min(pieceBytes, bytes.length - done);
      const { bytesWritten } = await this.handle.write(bytes, done, length, this.position);
      if (bytesWritten === 0) throw Object.assign(new Error('No space left.'), { code: 'ENOSPC' });
      done += bytesWritten;
      this.position += bytesWritten;
    }
  }
}

/**
 * Writes `path` through `write`: to a hidden sibling first, synced, then renamed over the target.
 * On an error or a cancel the sibling is removed and an old file stays whole. Refuses an existing target
 * with a `conflict` unless `overwrite`. A target that is a symbolic link is followed.
 */
export async function writeAtomically(
  path: string,
  options: WriteOptions,
  write: (out: OutputFile) => Promise<void>,
  task: Task,
): Promise<void> {
  throwIfCancelled(task);
  const asked = resolve(path);
  if (!options.overwrite && existsSync(asked)) throw alreadyThere(asked);
  const target = options.overwrite && existsSync(asked) ? realpathSync.native(asked) : asked;
  if (existsSync(target) && !statSync(target).isFile()) {
    throw fileSystemError('write', asked, { code: 'EISDIR' });
  }
  removeAbandoned(target);
  const temporary = temporaryPath(target);
  let handle: FileHandle | undefined;
  try {
    handle = await open(temporary, 'wx', 0o666);
    await write(new TemporaryFile(handle, task));
    throwIfCancelled(task);
    if (options.fleeting !== true) await handle.sync();
    await handle.close();
    handle = undefined;
    if (options.overwrite) await rename(temporary, target);
    else await moveIfFree(temporary, target);
    if (options.fleeting !== true) await syncFolder(dirname(target));
  } catch (error) {
    await handle?.close().catch(() => undefined);
    await unlink(temporary).catch(() => undefined);
    throw error instanceof SlipwayError ? error : fileSystemError('write', asked, error);
  }
}

const alreadyThere = (path: string) =>
  conflict(`${path} already exists. Choose another name, or allow overwriting.`);

/** Moves without replacing, also when somebody else made the target in the meantime. */
async function moveIfFree(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw alreadyThere(to);
    // Some file systems know no hard links; there, look first and rename.
    if (existsSync(to)) throw alreadyThere(to);
    await rename(from, to);
    return;
  }
  await unlink(from);
}

/** Makes the rename itself durable, where a folder can be synced. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close().catch(() => undefined);
}

const machine = shortDigest(hostname()).slice(0, 6);
const prefixOf = (target: string) => `.${basename(target).slice(0, 180)}.${machine}-`;

/** A hidden sibling of `target`, of a name that is cleared away when its process is gone. */
export const temporaryPath = (target: string) =>
  join(dirname(target), `${prefixOf(target)}${process.pid}-${randomName()}.part`);

/**
 * Removes what a killed process of this machine left when it was writing the same target: its process is
 * gone and nothing has been written for a minute.
 */
function removeAbandoned(target: string): void {
  const prefix = prefixOf(target);
  let names: string[];
  try {
    names = readdirSync(dirname(target));
  } catch {
    return;
  }
  for (const name of names) {
    const match = name.startsWith(prefix) && /^(\d+)-[0-9a-f]{8}\.part$/.exec(name.slice(prefix.length));
    if (!match || isAlive(Number(match[1]))) continue;
    const path = join(dirname(target), name);
    try {
      if (Date.now() - statSync(path).mtimeMs > 60_000) unlinkSync(path);
    } catch {
      // Somebody else was quicker.
    }
  }
}

/** Whether there is such a process. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Removes what a process that is gone left when it was writing `target`. */
export function removeLeftBy(processId: number, target: string): void {
  const asked = resolve(target);
  const prefix = `${prefixOf(asked)}${processId}-`;
  try {
    for (const name of readdirSync(dirname(asked)))
      if (name.startsWith(prefix) && name.endsWith('.part')) unlinkSync(join(dirname(asked), name));
  } catch {
    // The folder is gone, or somebody else was quicker.
  }
}
