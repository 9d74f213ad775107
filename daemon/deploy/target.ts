// What every place to deploy to offers, and how a deployment is described. Each target is a sibling folder
// under targets/ that implements this; no target imports another, and none knows the protocol.

import type { Diagnostic } from '../base/diagnostic';
import type { Disposable } from '../base/disposable';
import type { Task } from '../base/task';
import type { Bundle } from './bundle';

export type DeploymentState = 'starting' | 'ready' | 'draining' | 'stopped' | 'failed';

/** A deployment as it is at one moment. A value: a change makes a new one. */
export interface Deployment {
  readonly id: string;
  /** Name of the target, `local`. */
  readonly target: string;
  /** Name under which the model is served. */
  readonly model: string;
  /** Absolute path of the user's model file. */
  readonly file: string;
  /** Base URL of the service; empty until it listens. */
  readonly url: string;
  /** Digest of the bundle, `sha256:…`. */
  readonly digest: string;
  readonly state: DeploymentState;
  /** What was noticed while deploying and running. */
  readonly checks: readonly Diagnostic[];
}

/** What `apply` would do: nothing has changed yet, and checks with severity `error` say why it would fail. */
export interface Plan<Options> {
  readonly bundle: Bundle;
  readonly options: Options;
  /** The steps in the user's words. */
  readonly steps: readonly string[];
  readonly checks: readonly Diagnostic[];
}

/**
 * A place to deploy to. There is no separate rollback: a bundle is immutable, so going back is applying the
 * plan of an older one.
 */
export interface Target<Options> extends Disposable {
  readonly name: string;
  /** Looks, and changes nothing. */
  plan(bundle: Bundle, options: Options, task: Task): Promise<Plan<Options>>;
  /** Deploys; resolves once the service answers. A failure or a cancel leaves nothing behind and rejects. */
  apply(plan: Plan<Options>, task: Task): Promise<Deployment>;
  /** A deployment of this target by id; throws `notFound`. */
  status(id: string): Deployment;
  /** All deployments of this target, newest first. */
  list(): readonly Deployment[];
  /** Drains and ends a deployment; one that has ended stays as it is. */
  stop(id: string, task: Task): Promise<Deployment>;
  /** Tells of every change of state until disposed. */
  onChange(listener: (deployment: Deployment) => void): Disposable;
}
