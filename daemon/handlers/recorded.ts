// Puts a job into the history: what was asked, of which models, and what came out. The handler itself knows
// nothing of it.

import { basename } from 'node:path';
import { cancelled } from '../base/errors';
import { omit } from '../base/omit';
import { silentTask, type Task } from '../base/task';
import type { RunModel } from '../protocol/runs';
import { pathOfUri } from '../workspace/uris';
import type { Workspace } from '../workspace/workspace';
import type { AnyHandler } from './handler';

/** What the params of all jobs have in common. */
interface JobParams {
  readonly uri?: string;
  readonly uris?: readonly string[];
  readonly against?: string;
  readonly reference?: string;
  readonly progressToken?: unknown;
}

/** The same handler, recorded. `what` says what it does in words, "Benchmark of". */
export const recorded = (job: AnyHandler, what: string): AnyHandler => ({
  type: job.type,
  handle: async (given, task, context) => {
    const { workspace } = context;
    const { runs } = workspace;
    if (!runs) return job.handle(given, task, context);
    const params = omit(given as JobParams, 'progressToken');
    const models = await modelsOf(params, workspace, task);
    const run = runs.begin({
      method: job.type.method,
      title: `${what} ${models.map(({ path }) => basename(path)).join(', ')}`,
      models,
      params,
    });
    const watched: Task = {
      signal: task.signal,
      report: (progress) => {
        if (progress.row !== undefined) run.row(progress.row);
        task.report(progress);
      },
    };
    const stopWaiting = workspace.jobs.whenBegun(watched, () => run.began());
    try {
      const result = await job.handle(given, watched, context);
      await (task.signal.aborted ? run.failed(cancelled()) : run.done(result));
      return result;
    } catch (error) {
      await run.failed(task.signal.aborted ? cancelled() : error);
      throw error;
    } finally {
      stopWaiting();
    }
  },
});

async function modelsOf(params: JobParams, workspace: Workspace, task: Task): Promise<RunModel[]> {
  const { uri, uris = [], against, reference } = params;
  const named: [RunModel['role'], string | undefined][] = [
    ...[uri, ...uris].map((one): [RunModel['role'], string | undefined] => ['model', one]),
    ['against', against],
    ['reference', reference],
  ];
  const models: RunModel[] = [];
  for (const [role, one] of named) {
    if (one !== undefined) models.push(await describe(role, one, workspace, task));
  }
  return models;
}

/** A model that cannot be read has no digest; the job itself says what is wrong with it. */
async function describe(
  role: RunModel['role'],
  uri: string,
  workspace: Workspace,
  task: Task,
): Promise<RunModel> {
  let path = uri;
  try {
    path = pathOfUri(uri);
    const { read } = await workspace.models.get(uri, undefined, task);
    const { modelDigest } = await import('../workspace/modelDigest');
    return { role, path, ...(await modelDigest(path, read, { ...silentTask, signal: task.signal })) };
  } catch {
    return { role, path, digest: null, fileBytes: null };
  }
}
