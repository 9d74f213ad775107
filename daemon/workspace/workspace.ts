// The daemon's only mutable state, in one place: open models, the job queue, deployments.

import type { Disposable } from '../base/disposable';
import { DeploymentList } from './deployments';
import { JobQueue } from './jobs';
import { ModelStore } from './models';

export class Workspace implements Disposable {
  readonly models = new ModelStore();
  readonly jobs = new JobQueue();
  readonly deployments = new DeploymentList();
  readonly startedAt = performance.now();

  async dispose(): Promise<void> {
    await Promise.all([this.models.dispose(), this.deployments.dispose()]);
  }
}
