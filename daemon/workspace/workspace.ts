// The daemon's only mutable state, in one place: open models, the job queue, deployments, the history.

import type { Disposable } from '../base/disposable';
import { DeploymentList } from './deployments';
import { JobQueue } from './jobs';
import { ModelStore } from './models';
import { RunStore } from './runs';
import { TextStore } from './texts';

export interface WorkspaceOptions {
  /** Folder of the history; none is kept when absent. */
  readonly runsFolder?: string;
  /** Told what went wrong beside the work of requests. */
  readonly warn?: (sentence: string) => void;
}

export class Workspace implements Disposable {
  readonly models = new ModelStore();
  readonly texts = new TextStore(this.models);
  readonly jobs = new JobQueue();
  readonly deployments = new DeploymentList();
  readonly startedAt = performance.now();
  readonly runs: RunStore | undefined;

  constructor({ runsFolder, warn = () => undefined }: WorkspaceOptions = {}) {
    if (runsFolder !== undefined) this.runs = new RunStore({ folder: runsFolder, client: 'daemon', warn });
  }

  async dispose(): Promise<void> {
    this.texts.clear();
    await Promise.all([this.models.dispose(), this.deployments.dispose()]);
  }
}
