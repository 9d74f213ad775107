// The deployments of this daemon: one list over the targets, which are loaded when first needed.

import { notFound } from '../base/errors';
import type { Disposable } from '../base/disposable';
import type { Task } from '../base/task';
import type { Deployment } from '../deploy/target';
import type { LocalTarget } from '../deploy/targets/local/localTarget';

export interface DeployRequest {
  readonly path: string;
  readonly port?: number | undefined;
  readonly name?: string | undefined;
}

const over: readonly Deployment['state'][] = ['stopped', 'failed'];

export class DeploymentList implements Disposable {
  private target: Promise<LocalTarget> | undefined;
  private loaded: LocalTarget | undefined;
  private readonly listeners = new Set<(deployment: Deployment) => void>();

  /** Deployments that run. */
  get live(): number {
    return this.list().filter(({ state }) => !over.includes(state)).length;
  }

  /** Newest first. */
  list(): readonly Deployment[] {
    return this.loaded?.list() ?? [];
  }

  /** Serves a model on this machine; resolves when it answers. */
  async deploy({ path, name, port }: DeployRequest, task: Task): Promise<Deployment> {
    const { makeBundle } = await import('../deploy/bundle');
    const target = await this.local();
    const bundle = await makeBundle([name === undefined ? { path } : { path, name }], {}, task);
    const plan = await target.plan(bundle, port === undefined ? {} : { port }, task);
    return target.apply(plan, task);
  }

  /** Drains and stops one; throws `notFound`. */
  async stop(id: string, task: Task): Promise<Deployment> {
    if (!this.loaded) throw notFound(`There is no deployment ${id}.`);
    return this.loaded.stop(id, task);
  }

  /** Calls `listener` at every change of state; returns how to stop. */
  onChanged(listener: (deployment: Deployment) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  async dispose(): Promise<void> {
    const target = await this.target;
    await target?.dispose();
    this.listeners.clear();
  }

  private local(): Promise<LocalTarget> {
    this.target ??= this.load();
    return this.target;
  }

  private async load(): Promise<LocalTarget> {
    const { LocalTarget } = await import('../deploy/targets/local/localTarget');
    this.loaded = new LocalTarget();
    this.loaded.onChange((deployment) => this.listeners.forEach((listener) => listener(deployment)));
    return this.loaded;
  }
}
