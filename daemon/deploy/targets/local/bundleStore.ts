// Copies of deployed bundles, each in a folder named by its digest, so that what is served does not change
// when the user's file does. The folder belongs to one process and is removed with it.

import { createHash } from 'node:crypto';
import { constants, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { copyFile, mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { Disposable } from '../../../base/disposable';
import { conflict, fileSystemError, SlipwayError } from '../../../base/errors';
import { breathe, throwIfCancelled, type Task } from '../../../base/task';
import { hashFile, manifestText, type Bundle, type BundleFile, type BundleModel } from '../../bundle';

const prefix = 'slipway-deploy-';

export class BundleStore implements Disposable {
  private folder: string | undefined;
  private readonly users = new Map<string, number>();
  private last: Promise<unknown> = Promise.resolve();

  /** `folder` must be this process's own; a temporary one is made when it is absent. */
  constructor(private readonly given?: string) {}

  /** Copies the bundle unless it is there, and counts one more user. Resolves to its folder. */
  keep(bundle: Bundle, task: Task): Promise<string> {
    // One after the other: two deployments of one bundle share its copy.
    const kept = this.last.then(() => this.copyOnce(bundle, task));
    this.last = kept.catch(() => undefined);
    return kept;
  }

  /** One user less; the copy goes with the last one. */
  async release(digest: string): Promise<void> {
    const left = (this.users.get(digest) ?? 0) - 1;
    if (left > 0) {
      this.users.set(digest, left);
      return;
    }
    this.users.delete(digest);
    if (this.folder !== undefined) {
      await rm(join(this.folder, folderName(digest)), { recursive: true, force: true });
    }
  }

  async dispose(): Promise<void> {
    await this.last;
    if (this.folder !== undefined) await rm(this.folder, { recursive: true, force: true });
    this.folder = undefined;
  }

  private async copyOnce(bundle: Bundle, task: Task): Promise<string> {
    this.folder ??= this.given ?? ownFolder();
    const place = join(this.folder, folderName(bundle.digest));
    if (!existsSync(place)) {
      const draft = `${place}.part`;
      try {
        for (const model of bundle.models) {
          for (const file of model.files)
            await copy(file, join(draft, 'models', model.name, file.path), task);
        }
        await writeFile(join(draft, 'manifest.json'), manifestText(bundle.models, bundle.server));
        throwIfCancelled(task);
        await rename(draft, place);
      } catch (error) {
        await rm(draft, { recursive: true, force: true });
        throw error instanceof SlipwayError ? error : fileSystemError('write', draft, error);
      }
    }
    this.users.set(bundle.digest, (this.users.get(bundle.digest) ?? 0) + 1);
    return place;
  }
}

/** Where a model's file lies in a kept bundle. */
export const modelPath = (folder: string, model: BundleModel): string =>
  join(folder, 'models', model.name, model.files[0].path);

const folderName = (digest: string) => digest.replace(':', '-');

/**
 * Copies a file and makes sure that the copy is what was hashed. Not a hard link: many programs write over a
 * file in place, and that would change the copy as well. A clone shares the blocks until one side is written.
 */
async function copy(file: BundleFile, target: string, task: Task): Promise<void> {
  task.report({ stage: `Copying ${basename(file.source)}` });
  throwIfCancelled(task);
  await mkdir(dirname(target), { recursive: true, mode: 0o700 });
  const cloned = await copyFile(file.source, target, constants.COPYFILE_FICLONE_FORCE).then(
    () => true,
    () => false,
  );
  const found = cloned ? (await hashFile(target, task)).hash : await copyAndHash(file.source, target, task);
  if (found !== file.sha256) {
    throw conflict(`${file.source} changed while it was being deployed. Deploy it again.`);
  }
}

async function copyAndHash(source: string, target: string, task: Task): Promise<string> {
  const sum = createHash('sha256');
  const piece = Buffer.allocUnsafe(1 << 20);
  const from = await open(source).catch((error: unknown) => {
    throw fileSystemError('read', source, error);
  });
  try {
    const to = await open(target, 'w', 0o600);
    try {
      for (;;) {
        await breathe(task);
        const { bytesRead } = await from.read(piece, 0, piece.length);
        if (bytesRead === 0) break;
        sum.update(piece.subarray(0, bytesRead));
        await to.writeFile(piece.subarray(0, bytesRead));
      }
    } finally {
      await to.close();
    }
  } finally {
    await from.close();
  }
  return sum.digest('hex');
}

/** A folder for this process; those of processes that are gone are removed. */
function ownFolder(): string {
  mkdirSync(tmpdir(), { recursive: true });
  for (const name of readdirSync(tmpdir())) {
    const owner = name.startsWith(prefix) ? Number(name.slice(prefix.length).split('-')[0]) : 0;
    if (owner === 0 || Number.isNaN(owner) || isRunning(owner)) continue;
    try {
      rmSync(join(tmpdir(), name), { recursive: true, force: true });
    } catch {
      // Another account's; it will find it itself.
    }
  }
  return mkdtempSync(join(tmpdir(), `${prefix}${process.pid}-`));
}

function isRunning(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
