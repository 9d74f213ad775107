// Serves models, lists what is served, stops it.

import type { Deployment } from '../deploy/target';
import { Deploy, ListDeployments, StopDeployment, type Deployment as Described } from '../protocol/deploy';
import { handler } from './handler';

export const deploy = handler(Deploy, async ({ uri, revision, name, port }, task, { workspace }) => {
  const { path } = await workspace.models.get(uri, revision, task);
  return describeDeployment(await workspace.deployments.deploy({ path, name, port }, task));
});

export const deployments = handler(ListDeployments, (_params, _task, { workspace }) =>
  workspace.deployments.list().map(describeDeployment),
);

export const stopDeployment = handler(StopDeployment, async ({ id }, task, { workspace }) =>
  describeDeployment(await workspace.deployments.stop(id, task)),
);

/** A deployment in the protocol's words. */
export const describeDeployment = (deployment: Deployment): Described => ({
  ...deployment,
  checks: [...deployment.checks],
});
