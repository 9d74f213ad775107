// A file beside an output that holds what is made piece by piece until the output itself can be written: weights of
// a model that does not fit into memory. It goes when it is disposed; one that a killed process left behind goes
// when the same output is written again.

import { open, stat, unlink, type FileHandle } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileSystemError } from '../base/errors';
import type { FileRef } from '../base/fileRef';
import type { Disposable } from '../base/disposable';
import { temporaryPath } from './atomicFile';

/** A part of a scratch file; it can be read once the file is finished. */
export interface ScratchPart {
  readonly file: FileRef;
  readonly offset: number;
  readonly length: number;
}

export class ScratchFile implements Disposable {
  private handle: FileHandle | undefined;
  private position = 0;
  private readonly ref: { path: string; size: number; mtimeMs: number };

  /** `target` is the output that this file lies beside. Nothing is written before the first `append`. */
  constructor(target: string) {
    this.ref = { path: temporaryPath(resolve(target)), size: 0, mtimeMs: 0 };
  }

  /** Adds bytes; they must not change until the promise settles. */
  async append(bytes: Uint8Array): Promise<ScratchPart> {
    try {
      this.handle ??= await open(this.ref.path, 'wx', 0o600);
      const offset = this.position;
      for (let done = 0; done < bytes.length;) {
        const { bytesWritten } = await this.handle.write(bytes, done, bytes.length - done, offset + done);
        if (bytesWritten === 0) throw Object.assign(new Error('No space left.'), { code: 'ENOSPC' });
        done += bytesWritten;
      }
      this.position += bytes.length;
      return { file: this.ref, offset, length: bytes.length };
    } catch (error) {
      throw fileSystemError('write', this.ref.path, error);
    }
  }

  /** Closes the file; from now on its parts can be read, and nothing can be added. */
  async finish(): Promise<void> {
    await this.handle?.close();
    if (!this.handle) return;
    this.handle = undefined;
    const { size, mtimeMs } = await stat(this.ref.path);
    // The parts given out hold this very object.
    Object.assign(this.ref, { size, mtimeMs });
  }

  async dispose(): Promise<void> {
    await this.handle?.close().catch(() => undefined);
    this.handle = undefined;
    await unlink(this.ref.path).catch(() => undefined);
  }
}
