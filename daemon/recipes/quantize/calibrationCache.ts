// Ranges kept in a file, so that calibrating again with the same model, data and settings takes no time. The
// key is a digest of all three: a file for another key is not used but replaced.

import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { throwIfCancelled, type Task } from '../../base/task';
import { writeAtomically } from '../../host/atomicFile';
import type { ValueRange } from '../../runtime/calibrate/calibrate';

const format = 'slipway calibration 1';

interface CacheFile {
  readonly format: string;
  readonly key: string;
  readonly ranges: Readonly<Record<string, readonly [number, number]>>;
}

/** A digest of files' contents and of settings that JSON can hold. */
export async function digestOf(files: readonly string[], settings: unknown, task: Task): Promise<string> {
  const { createHash } = await import('node:crypto');
  const hash = createHash('sha256').update(JSON.stringify(settings));
  for (const file of files) {
    hash.update('\0');
    for await (const piece of createReadStream(file, { highWaterMark: 1 << 20 })) {
      throwIfCancelled(task);
      hash.update(piece as Buffer);
    }
  }
  return hash.digest('hex');
}

/** The ranges for `key`; undefined when the file is not there, is no cache, or belongs to another key. */
export async function readCache(path: string, key: string): Promise<Map<string, ValueRange> | undefined> {
  try {
    const file = JSON.parse(await readFile(path, 'utf8')) as Partial<CacheFile> | null;
    if (file?.format !== format || file.key !== key || !file.ranges) return undefined;
    return new Map(Object.entries(file.ranges).map(([name, [min, max]]) => [name, { min, max }]));
  } catch {
    return undefined;
  }
}

/** Whether the file at `path` may be replaced: it is a cache of ours, or not there. */
export async function isCache(path: string): Promise<boolean> {
  try {
    return (JSON.parse(await readFile(path, 'utf8')) as Partial<CacheFile> | null)?.format === format;
  } catch (error) {
    return (error as { code?: string }).code === 'ENOENT';
  }
}

/** Writes the ranges whole or not at all. */
export async function writeCache(
  path: string,
  key: string,
  ranges: ReadonlyMap<string, ValueRange>,
  task: Task,
): Promise<void> {
  const rows = [...ranges].map(([name, { min, max }]): [string, readonly [number, number]] => [
    name,
    [min, max],
  ]);
  const file: CacheFile = { format, key, ranges: Object.fromEntries(rows) };
  await writeJson(path, file, task);
}

/** Writes a JSON document whole or not at all, over an older one. */
export async function writeJson(path: string, value: unknown, task: Task): Promise<void> {
  const bytes = new TextEncoder().encode(`${JSON.stringify(value, null, 1)}\n`);
  await writeAtomically(path, { overwrite: true }, (file) => file.append(bytes), task);
}
