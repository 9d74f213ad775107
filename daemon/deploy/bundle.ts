// What is deployed: models and the server's configuration as one immutable value with a digest. Says which
// files belong to it and what they hold; copying and starting are the targets' business.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, dirname, join, posix, resolve } from 'node:path';
import { hasErrors } from '../base/diagnostic';
import { badRequest, fileSystemError, SlipwayError } from '../base/errors';
import { breathe, type Task } from '../base/task';
import type { Model } from '../ir/model';
import { modelTensors } from '../onnx/modelTensors';
import { readModel } from '../onnx/readModel';
import { checkModelName, defaultModelName } from '../serve/modelNames';

/** A file of a bundle. */
export interface BundleFile {
  /** Where it lay when the bundle was made. */
  readonly source: string;
  /** Where it lies below the model's folder in the bundle, with forward slashes. */
  readonly path: string;
  readonly bytes: number;
  /** Hex SHA-256 of the content. */
  readonly sha256: string;
}

export interface BundleModel {
  /** Name to serve it under. */
  readonly name: string;
  /** The model file first, then its external data. */
  readonly files: readonly [BundleFile, ...BundleFile[]];
}

/** Settings of the model server that belong to what is deployed; the port belongs to where. */
export interface ServerConfig {
  /** Runner processes for each model. */
  readonly workers?: number;
  /** Threads of each runner. */
  readonly threads?: number;
  readonly maxBodyBytes?: number;
  readonly drainSeconds?: number;
}

export interface Bundle {
  readonly models: readonly [BundleModel, ...BundleModel[]];
  readonly server: ServerConfig;
  /** `sha256:…` over names, contents and configuration: the same input gives the same digest anywhere. */
  readonly digest: string;
}

export interface ModelChoice {
  readonly path: string;
  /** The file's name without `.onnx` when absent. */
  readonly name?: string;
}

/**
 * Reads and hashes the models with their external data. Throws `invalidModel` for a model that cannot be
 * read, `badRequest` for two models of one name.
 */
export async function makeBundle(
  choices: readonly [ModelChoice, ...ModelChoice[]],
  server: ServerConfig,
  task: Task,
): Promise<Bundle> {
  const [first, ...rest] = choices;
  const models: [BundleModel, ...BundleModel[]] = [await bundleModel(first, task)];
  for (const choice of rest) models.push(await bundleModel(choice, task));
  const twice = models.find((model, index) => models.some((m, i) => i < index && m.name === model.name));
  if (twice)
    throw badRequest(`Two models would be served as '${twice.name}'. Give one of them another name.`);
  return { models, server, digest: `sha256:${sha256(manifestText(models, server))}` };
}

/** The manifest that the digest is made of: no paths of this machine, keys in a fixed order. */
export function manifestText(models: Bundle['models'], server: ServerConfig): string {
  const config = Object.entries(server)
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify({
    version: 1,
    models: models.map(({ name, files }) => ({
      name,
      files: files.map(({ path, bytes, sha256: hash }) => ({ path, bytes, sha256: hash })),
    })),
    server: Object.fromEntries(config),
  });
}

async function bundleModel(choice: ModelChoice, task: Task): Promise<BundleModel> {
  const source = resolve(choice.path);
  const name = choice.name ?? defaultModelName(source);
  checkModelName(name);
  const { model, diagnostics } = await readModel(source, task);
  if (!model || hasErrors(diagnostics)) {
    const why = diagnostics.find((diagnostic) => diagnostic.severity === 'error')?.message ?? 'It is empty.';
    throw new SlipwayError('invalidModel', `${source} cannot be deployed: ${why}`, { data: diagnostics });
  }
  const folder = dirname(source);
  const files: [BundleFile, ...BundleFile[]] = [await bundleFile(source, basename(source), task)];
  for (const location of externalFiles(model)) {
    // The reader has refused what leaves the folder; ONNX Runtime looks for the same place below the copy.
    const path = posix.normalize(location.split('\\').join('/'));
    if (path.startsWith('../') || posix.isAbsolute(path)) {
      throw badRequest(`${source} keeps weights outside its folder (${location}) and cannot be bundled.`);
    }
    files.push(await bundleFile(join(folder, path), path, task));
  }
  return { name, files };
}

/** External data locations as the model states them, relative to its folder, each once, in order. */
function externalFiles(model: Model): Set<string> {
  const found = new Set<string>();
  for (const { tensor } of modelTensors(model)) {
    if (tensor.storage.kind !== 'external') continue;
    const location = tensor.storage.entries.find((entry) => entry.key === 'location')?.value;
    if (location !== undefined && location !== '') found.add(location);
  }
  return found;
}

async function bundleFile(source: string, path: string, task: Task): Promise<BundleFile> {
  task.report({ stage: `Hashing ${basename(source)}` });
  const { bytes, hash } = await hashFile(source, task);
  return { source, path, bytes, sha256: hash };
}

/** Hex SHA-256 and size of a file, streamed. */
export async function hashFile(path: string, task: Task): Promise<{ bytes: number; hash: string }> {
  const sum = createHash('sha256');
  let bytes = 0;
  try {
    await stat(path);
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
      const piece = chunk as Buffer;
      sum.update(piece);
      bytes += piece.length;
      await breathe(task);
    }
  } catch (error) {
    if (error instanceof SlipwayError) throw error;
    throw fileSystemError('read', path, error);
  }
  return { bytes, hash: sum.digest('hex') };
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
