// The history of jobs: lists, shows, removes.

import { unsupported } from '../base/errors';
import { GetDigest, GetRun, ListRuns, RemoveRuns } from '../protocol/runs';
import { pathOfUri } from '../workspace/uris';
import type { Workspace } from '../workspace/workspace';
import { handler } from './handler';

const runsOf = ({ runs }: Workspace) => {
  if (runs) return runs;
  throw unsupported('This daemon keeps no history: it was started without a state folder.');
};

export const listRuns = handler(ListRuns, async ({ uri, ...filter }, _task, { workspace }) => {
  const runs = runsOf(workspace);
  const path = uri === undefined ? undefined : pathOfUri(uri);
  return { runs: await runs.list({ ...filter, path }), folder: runs.folder };
});

export const getRun = handler(GetRun, ({ id }, _task, { workspace }) => runsOf(workspace).get(id));

export const removeRuns = handler(RemoveRuns, async ({ ids }, _task, { workspace }) => ({
  removed: await runsOf(workspace).remove(ids),
}));

export const digest = handler(GetDigest, async ({ uri, revision }, task, { workspace }) => {
  const { path, read } = await workspace.models.get(uri, revision, task);
  const { modelDigest } = await import('../workspace/modelDigest');
  return modelDigest(path, read, task);
});
