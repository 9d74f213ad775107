// Runs of the command line in the history of jobs, beside those of the daemon, which lists them: the same folder, one file
// each, written whole and readable by its owner alone, whether a daemon runs or not. A history that cannot be written
// is told and costs nothing else.

import { basename, join, resolve } from 'node:path';
import { cancelled } from '../base/errors';
import { silentTask, type Task } from '../base/task';
import type { RunModel } from '../protocol/runs';
import { uriOfPath } from '../workspace/uris';
import type { ParsedArgs } from './args';
import type { CommandContext } from './command';

/** The option of commands whose runs are kept. */
export const historyOption = {
  'no-history': { type: 'boolean', help: 'Keep this run out of the history that the editor shows' },
} as const;

export interface KeptJob {
  /** The request that it answers in the daemon, `slipway/benchmark`. */
  readonly method: string;
  /** What it does, "Benchmark of". */
  readonly what: string;
  readonly models: readonly { readonly role: RunModel['role']; readonly path: string | undefined }[];
  /** The params that the request would have, so that the editor can open the run. */
  readonly params: Readonly<Record<string, unknown>>;
}

/** A path as requests name it. */
export const uriOf = (path: string): string => uriOfPath(resolve(path));

/** Paths in params are absolute, since whoever reads them is elsewhere. */
export const absolute = (path: string | undefined): string | undefined =>
  path === undefined ? undefined : resolve(path);

/** Options that name files; those of a request are absolute. */
const fileOptions: ReadonlySet<string> = new Set([
  'output',
  'calibration',
  'validation',
  'data',
  'calibrationCache',
  'overrides',
  'state',
  'recipe',
]);

/** A job on one model whose options are those of its request. */
export function jobOn(
  method: string,
  what: string,
  model: string,
  options: Readonly<Record<string, unknown>>,
): KeptJob {
  const named = Object.entries(options).map(([name, value]) => [
    name,
    fileOptions.has(name) && typeof value === 'string' ? resolve(value) : value,
  ]);
  return {
    method,
    what,
    models: [{ role: 'model', path: model }],
    params: { uri: uriOf(model), ...(Object.fromEntries(named) as Record<string, unknown>) },
  };
}

/** Does the work and keeps what came of it, as the daemon does with its jobs. */
export async function inHistory<T>(
  args: ParsedArgs,
  { task, note }: CommandContext,
  job: KeptJob,
  work: (task: Task) => Promise<T>,
): Promise<T> {
  if (args.flags.has('no-history')) return work(task);
  const { RunStore } = await import('../workspace/runs');
  const { stateFolder } = await import('../server/daemonFile');
  let warned = false;
  const warn = (sentence: string) => {
    if (!warned) note(sentence);
    warned = true;
  };
  const runs = new RunStore({ folder: join(stateFolder(), 'runs'), client: 'cli', warn });
  const models: RunModel[] = [];
  for (const { role, path } of job.models)
    if (path !== undefined) models.push(await describe(role, resolve(path), task));
  const title = `${job.what} ${models.map(({ path }) => basename(path)).join(', ')}`;
  const params = Object.fromEntries(Object.entries(job.params).filter(([, value]) => value !== undefined));
  const run = runs.begin({ method: job.method, title, models, params });
  const whole = new Map(
    job.models.flatMap(({ path }) => (path === undefined ? [] : [[path, resolve(path)] as const])),
  );
  const watched: Task = {
    signal: task.signal,
    report: (progress) => {
      if (progress.row !== undefined) run.row(withPaths(progress.row, whole));
      task.report(progress);
    },
  };
  try {
    const result = await work(watched);
    await run.done(withPaths(result, whole));
    return result;
  } catch (error) {
    await run.failed(task.signal.aborted ? cancelled() : error);
    throw error;
  }
}

/** The same with the paths of models and of what was written in full, which the command prints as they were given. */
const withPaths = (value: unknown, whole: ReadonlyMap<string, string>): unknown =>
  JSON.parse(JSON.stringify(value), (key, one: unknown) => {
    if (typeof one !== 'string') return one;
    return key === 'output' || key === 'recipe' ? resolve(one) : (whole.get(one) ?? one);
  });

/** A model that cannot be read has no digest; the job itself says what is wrong with it. */
async function describe(role: RunModel['role'], path: string, task: Task): Promise<RunModel> {
  const silent = { ...silentTask, signal: task.signal };
  try {
    const { readModel } = await import('../onnx/readModel');
    const { modelDigest } = await import('../workspace/modelDigest');
    return { role, path, ...(await modelDigest(path, await readModel(path, silent), silent)) };
  } catch {
    return { role, path, digest: null, fileBytes: null };
  }
}
