// The digest of a model's files as they are now, computed once for each state of them.

import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { dirname, relative, resolve, sep } from 'node:path';
import type { Task } from '../base/task';
import { hashFile } from '../deploy/bundle';
import { modelTensors } from '../onnx/modelTensors';
import type { ReadResult } from '../onnx/readModel';

export interface ModelDigest {
  /** `sha256:…` of the file; with external data, of one line "path digest" for each file. */
  readonly digest: string;
  /** Bytes of all files. */
  readonly fileBytes: number;
}

/** Digests by what their files looked like; models are few, states of them a bit more. */
const known = new Map<string, ModelDigest>();
const keep = 256;

/**
 * The digest of a model that was read. For a model in one file it is what `sha256sum` says. Throws
 * `fileSystem` when a file of it cannot be read.
 */
export async function modelDigest(path: string, read: ReadResult, task: Task): Promise<ModelDigest> {
  const files = filesOf(path, read);
  const key = files.map(lookOf).join('\n');
  const found = known.get(key);
  if (found) return found;
  const hashes: { name: string; hash: string; bytes: number }[] = [];
  for (const file of files) {
    const { bytes, hash } = await hashFile(file, task);
    hashes.push({ name: relative(dirname(files[0]!), file).split(sep).join('/'), hash, bytes });
  }
  const [first, ...rest] = hashes;
  const lines = rest.map(({ name, hash }) => `${name} ${hash}\n`);
  const hash =
    rest.length === 0
      ? first!.hash
      : createHash('sha256')
          .update([`${first!.hash}\n`, ...lines].join(''))
          .digest('hex');
  const made = {
    digest: `sha256:${hash}`,
    fileBytes: hashes.reduce((sum, { bytes }) => sum + bytes, 0),
  };
  known.set(key, made);
  for (const oldest of known.keys()) {
    if (known.size <= keep) break;
    known.delete(oldest);
  }
  return made;
}

/** The model file, then its external data in the order of their names. */
function filesOf(path: string, { model }: ReadResult): string[] {
  const found = new Set<string>();
  if (model) {
    for (const { tensor } of modelTensors(model)) {
      if (tensor.storage.kind === 'external' && tensor.storage.bytes?.in === 'file')
        found.add(tensor.storage.bytes.file.path);
    }
  }
  const file = resolve(path);
  return [file, ...[...found].filter((one) => one !== file).sort()];
}

function lookOf(path: string): string {
  try {
    const { size, mtimeNs, ino } = statSync(path, { bigint: true });
    return `${path} ${String(size)} ${String(mtimeNs)} ${String(ino)}`;
  } catch {
    // hashFile says why.
    return `${path} gone`;
  }
}
