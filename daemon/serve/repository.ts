// The models this server has, by name and version: loaded once at the start, each with its pool of workers.
// The front ends find models here and call `infer`; they know neither pools nor files.

import type { Disposable } from '../base/disposable';
import { hasErrors } from '../base/diagnostic';
import { SlipwayError } from '../base/errors';
import type { FileRef } from '../base/fileRef';
import type { Task } from '../base/task';
import { fileRef } from '../host/files';
import type { Log } from '../host/log';
import { readModel } from '../onnx/readModel';
import type { Feeds, SessionValue } from '../runtime/runner/session';
import type { ModelArgument } from './modelNames';
import { Pool, type PoolAnswer } from './pool';
import { RequestError } from './requestError';
import { startWorker } from './worker';

/** One version of a model. */
export interface ServedModel {
  readonly name: string;
  readonly version: string;
  readonly inputs: readonly SessionValue[];
  readonly outputs: readonly SessionValue[];
  /** From the start of the first worker to the end of its warm-up run. */
  readonly loadSeconds: number;
  /** Whether a worker is there to serve. */
  readonly ready: boolean;
  readonly queued: number;
  infer(feeds: Feeds, outputs: readonly string[], signal: AbortSignal): Promise<PoolAnswer>;
}

export interface RepositoryOptions {
  readonly workers: number;
  readonly threads: number;
  readonly maxQueue: number;
  readonly runSeconds: number;
}

/** Told what happens to models; the metrics listen. */
export interface RepositoryEvents {
  workerReplaced(model: { readonly name: string; readonly version: string }): void;
}

interface Entry {
  readonly model: ServedModel;
  readonly pool: Pool;
}

/** Versions come with a model repository; a single file is version 1. */
const onlyVersion = '1';

export class Repository implements Disposable {
  private readonly entries = new Map<string, Entry>();
  private readonly pools: Pool[] = [];
  private complete = false;

  constructor(
    private readonly options: RepositoryOptions,
    private readonly events: RepositoryEvents,
    private readonly log: Log,
  ) {}

  /** Loads all models; throws at the first that cannot be served. Call `dispose` also then. */
  async load(models: readonly ModelArgument[], task: Task): Promise<void> {
    for (const argument of models) {
      const entry = await this.open(argument, task);
      this.entries.set(argument.name, entry);
      const seconds = entry.model.loadSeconds.toFixed(3);
      this.log.info(`Model ${argument.name} is loaded from ${argument.path} and warmed up (${seconds} s).`);
    }
    this.complete = true;
  }

  /** Every model loaded, warmed up, and with a worker to serve it. */
  get ready(): boolean {
    return this.complete && this.list().every((model) => model.ready);
  }

  list(): ServedModel[] {
    return [...this.entries.values()].map((entry) => entry.model);
  }

  /** The model by name, and by version when one is given; throws a 404. */
  find(name: string, version?: string): ServedModel {
    const model = this.entries.get(name)?.model;
    if (!model) throw new RequestError(404, `Request for unknown model: '${shown(name)}' is not found`);
    if (version !== undefined && version !== model.version) {
      throw new RequestError(
        404,
        `Request for unknown model: '${name}' version ${shown(version)} is not found; it has version ${model.version}`,
      );
    }
    return model;
  }

  /** Resolves when no model runs and nothing waits. */
  async idle(): Promise<void> {
    await Promise.all(this.pools.map((pool) => pool.idle()));
  }

  async dispose(): Promise<void> {
    await Promise.all(this.pools.map((pool) => pool.dispose()));
  }

  private async open({ name, path }: ModelArgument, task: Task): Promise<Entry> {
    await refuseBroken(path, task);
    const file = fileRef(path);
    const { workers, threads, maxQueue, runSeconds } = this.options;
    const identity = { name, version: onlyVersion };
    const pool = new Pool({
      model: name,
      workers,
      maxQueue,
      log: this.log,
      onReplace: () => this.events.workerReplaced(identity),
      start: (signal) => {
        refuseChanged(file);
        const either = AbortSignal.any([signal, task.signal]);
        return startWorker({ path, threads, runMs: runSeconds * 1000 }, this.log, {
          signal: either,
          report: () => undefined,
        });
      },
    });
    this.pools.push(pool);
    const { inputs, outputs, startSeconds } = await pool.start();
    return {
      pool,
      model: {
        ...identity,
        inputs,
        outputs,
        loadSeconds: startSeconds,
        get ready() {
          return pool.ready;
        },
        get queued() {
          return pool.queued;
        },
        infer: (feeds, names, signal) => pool.run(feeds, names, signal),
      },
    };
  }
}

/** A broken file, or one that reaches for weights outside its folder, is never given to ONNX Runtime. */
async function refuseBroken(path: string, task: Task): Promise<void> {
  const { diagnostics } = await readModel(path, task);
  if (!hasErrors(diagnostics)) return;
  const why = diagnostics.find((diagnostic) => diagnostic.severity === 'error')?.message ?? '';
  throw new SlipwayError('invalidModel', `${path} cannot be served: ${why}`, { data: diagnostics });
}

/** A replaced worker must not bring another model than its neighbours serve. */
function refuseChanged(file: FileRef): void {
  const now = fileRef(file.path);
  if (now.size === file.size && now.mtimeMs === file.mtimeMs) return;
  throw new SlipwayError(
    'conflict',
    `${file.path} has changed since it was loaded; restart the server to serve the new file.`,
  );
}

const shown = (text: string) => (text.length > 128 ? `${text.slice(0, 128)}…` : text);
