// Deploying to this machine: a copy of the bundle, served by dist/server.js in a process of its own. A server
// that ends by itself is not restarted: its deployment fails and says what the server said last.

import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import type { Diagnostic } from '../../../base/diagnostic';
import type { Disposable } from '../../../base/disposable';
import { conflict, messageOf, notFound, SlipwayError } from '../../../base/errors';
import { throwIfCancelled, type Task } from '../../../base/task';
import type { Bundle } from '../../bundle';
import type { Deployment, Plan, Target } from '../../target';
import { BundleStore, modelPath } from './bundleStore';
import { exitText, startServer, type ServerProcess } from './serverProcess';

export interface LocalOptions {
  /** Port on 127.0.0.1; a free one when absent or 0. */
  readonly port?: number;
}

interface Entry {
  deployment: Deployment;
  server?: ServerProcess;
  /** How long the server itself waits for accepted requests. */
  readonly drainMs: number;
  stopping?: Promise<void>;
  /** The server has ended and its copy is given back. */
  released?: Promise<void>;
}

const host = '127.0.0.1';
const drainSeconds = 25;
/** Ended deployments that stay on the list. */
const remembered = 50;
/** Wait for accepted requests when the whole daemon ends. */
const disposeGraceMs = 5000;

export class LocalTarget implements Target<LocalOptions> {
  readonly name = 'local';
  private readonly entries = new Map<string, Entry>();
  private readonly listeners = new Set<(deployment: Deployment) => void>();
  private readonly store: BundleStore;

  /** `stateFolder` is where bundles are copied to; it must belong to this process alone. */
  constructor(options: { readonly stateFolder?: string } = {}) {
    this.store = new BundleStore(options.stateFolder);
  }

  async plan(bundle: Bundle, options: LocalOptions, task: Task): Promise<Plan<LocalOptions>> {
    throwIfCancelled(task);
    const port = options.port ?? 0;
    const checks: Diagnostic[] = [];
    if (port !== 0 && !(await portIsFree(port))) {
      const message = `Port ${port} on ${host} is in use. Stop the program that uses it, or choose another port.`;
      checks.push({ id: 'deploy/port-in-use', severity: 'error', message });
    }
    const names = bundle.models.map((model) => `'${model.name}'`).join(', ');
    return {
      bundle,
      options,
      steps: [
        `Copy ${fileCount(bundle)} (${bundle.digest.slice(0, 19)}…) so that later changes to the file are not served`,
        `Serve ${names} on ${host}, ${port === 0 ? 'a free port' : `port ${port}`}`,
        'Wait until the model has loaded and run once',
      ],
      checks,
    };
  }

  async apply(plan: Plan<LocalOptions>, task: Task): Promise<Deployment> {
    const refused = plan.checks.find((check) => check.severity === 'error');
    if (refused) throw conflict(refused.message);
    throwIfCancelled(task);
    const { bundle, options } = plan;
    const entry = this.record(plan);
    let kept = false;
    try {
      const folder = await this.store.keep(bundle, task);
      kept = true;
      task.report({ stage: 'Starting the server' });
      const server = await startServer(serverArguments(bundle, folder, options), task);
      entry.server = server;
      // However it ends, its copy is of no more use.
      entry.released = server.exited.then(() => this.store.release(bundle.digest));
      void server.exited.then((exit) => {
        if (entry.stopping) return;
        const said = server.lastLines();
        const message = `The server ${exitText(exit)}.${said === '' ? '' : ` It last said: ${said}`}`;
        this.change(entry, { state: 'failed', checks: [...entry.deployment.checks, ended(message)] });
      });
      this.change(entry, { state: 'ready', url: server.url });
      return entry.deployment;
    } catch (error) {
      if (kept) await this.store.release(bundle.digest);
      const wasCancelled = error instanceof SlipwayError && error.kind === 'cancelled';
      this.change(
        entry,
        wasCancelled
          ? { state: 'stopped' }
          : { state: 'failed', checks: [...entry.deployment.checks, ended(messageOf(error))] },
      );
      throw error;
    }
  }

  status(id: string): Deployment {
    return this.find(id).deployment;
  }

  list(): readonly Deployment[] {
    return [...this.entries.values()].map((entry) => entry.deployment).reverse();
  }

  /** Cancelling the task gives up waiting for accepted requests. */
  async stop(id: string, task: Task): Promise<Deployment> {
    const entry = this.find(id);
    const { server } = entry;
    if (entry.deployment.state === 'starting') {
      throw conflict(`Deployment ${id} is still starting. Cancel the deployment instead.`);
    }
    if (server && entry.deployment.state !== 'stopped' && entry.deployment.state !== 'failed') {
      const hurry = () => void server.end(0);
      task.signal.addEventListener('abort', hurry, { once: true });
      if (task.signal.aborted) hurry();
      await this.end(entry, server, entry.drainMs + 5000);
      task.signal.removeEventListener('abort', hurry);
    }
    return entry.deployment;
  }

  onChange(listener: (deployment: Deployment) => void): Disposable {
    this.listeners.add(listener);
    return { dispose: () => void this.listeners.delete(listener) };
  }

  async dispose(): Promise<void> {
    const running = [...this.entries.values()].flatMap((entry) =>
      entry.server && entry.deployment.state === 'ready'
        ? [this.end(entry, entry.server, disposeGraceMs)]
        : [],
    );
    await Promise.all(running);
    await this.store.dispose();
    this.listeners.clear();
  }

  private end(entry: Entry, server: ServerProcess, graceMs: number): Promise<void> {
    entry.stopping ??= (async () => {
      this.change(entry, { state: 'draining' });
      const exit = await server.end(graceMs);
      await entry.released;
      if (exit.code === 0) {
        this.change(entry, { state: 'stopped' });
        return;
      }
      const message = `The server ${exitText(exit)} while it was being stopped; requests may have been lost.`;
      const check: Diagnostic = { id: 'deploy/cut-off', severity: 'warning', message };
      this.change(entry, { state: 'stopped', checks: [...entry.deployment.checks, check] });
    })();
    return entry.stopping;
  }

  private record({ bundle, checks }: Plan<LocalOptions>): Entry {
    const [model] = bundle.models;
    const entry: Entry = {
      drainMs: (bundle.server.drainSeconds ?? drainSeconds) * 1000,
      deployment: {
        id: `${this.name}-${randomBytes(4).toString('hex')}`,
        target: this.name,
        model: model.name,
        file: model.files[0].source,
        url: '',
        digest: bundle.digest,
        state: 'starting',
        checks,
      },
    };
    this.entries.set(entry.deployment.id, entry);
    const over = [...this.entries.values()].filter(({ deployment: { state } }) =>
      ['stopped', 'failed'].includes(state),
    );
    for (const old of over.slice(0, Math.max(0, over.length - remembered))) {
      this.entries.delete(old.deployment.id);
    }
    this.change(entry, {});
    return entry;
  }

  private change(entry: Entry, part: Partial<Deployment>): void {
    entry.deployment = { ...entry.deployment, ...part };
    for (const listener of this.listeners) listener(entry.deployment);
  }

  private find(id: string): Entry {
    const entry = this.entries.get(id);
    if (!entry) throw notFound(`There is no deployment ${id}.`);
    return entry;
  }
}

/** The server's command line for a kept bundle. */
function serverArguments(bundle: Bundle, folder: string, options: LocalOptions): string[] {
  const { workers, threads, maxBodyBytes, drainSeconds: drain } = bundle.server;
  const flags = {
    host,
    port: options.port ?? 0,
    workers,
    threads,
    'max-body-bytes': maxBodyBytes,
    'drain-seconds': drain ?? drainSeconds,
  };
  return [
    ...bundle.models.map((model) => `--model=${model.name}=${modelPath(folder, model)}`),
    ...Object.entries(flags).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}=${value}`])),
  ];
}

const fileCount = (bundle: Bundle) => {
  const count = bundle.models.reduce((sum, model) => sum + model.files.length, 0);
  return count === 1 ? 'the model file' : `${count} files`;
};

const ended = (message: string): Diagnostic => ({ id: 'deploy/server-ended', severity: 'error', message });

function portIsFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, host, () => probe.close(() => resolve(true)));
  });
}
