// The history of jobs: one JSON file each in the user's state folder, shared by all daemons and command lines
// of this user. A run is on disk from its beginning, so that what was measured outlives the process; the oldest
// go when there are too many.

import { randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, notFound, SlipwayError } from '../base/errors';
import { omit } from '../base/omit';
import { breathe, silentTask } from '../base/task';
import { version } from '../host/version';
import type { RunModel, RunRecord, RunSummary } from '../protocol/runs';
import { watchFolder } from './folderWatch';
import { readRun, readSummary, writeRun, type StoredSummary } from './runFile';
import { runFigures } from './runFigures';

export interface RunsOptions {
  /** Where the records lie; made when the first is written. */
  readonly folder: string;
  readonly client: RunSummary['client'];
  /** Told when a record cannot be written: the job itself goes on. */
  readonly warn: (sentence: string) => void;
  /** Records kept at the most; 1,000 when absent. */
  readonly most?: number;
  /** Bytes of all records at the most; 256 MiB when absent. */
  readonly mostBytes?: number;
}

export interface RunFilter {
  readonly path?: string | undefined;
  readonly digest?: string | undefined;
  readonly methods?: readonly string[] | undefined;
  readonly limit?: number | undefined;
}

/** A run that is going on. */
export interface LiveRun {
  readonly id: string;
  /** The work begins now, after waiting for other jobs. */
  began(): void;
  /** A progress row; a later row of the same subject replaces the earlier. */
  row(row: unknown): void;
  /** Resolves when the record is written; never rejects. */
  done(result: unknown): Promise<void>;
  failed(error: unknown): Promise<void>;
}

/** While a run goes on, its rows are written this often, milliseconds. */
const flushMs = 3000;
/** While another process works on a run, it is looked whether it still lives this often, milliseconds. */
const aliveMs = 2000;
/** Rows kept of one run. */
const mostRows = 500;

export class RunStore {
  private readonly live = new Map<string, RunRecord>();
  /** Summaries by file name, with what the file looked like. */
  private readonly read = new Map<string, { look: string; summary: StoredSummary | undefined }>();
  private readonly listeners = new Set<(id: string, run: RunSummary | null) => void>();
  /** Ids of runs that this process began: their news does not come from the disk. */
  private readonly own = new Set<string>();
  /** File names of runs that other processes are working on. */
  private readonly foreign = new Set<string>();
  private stopWatching: (() => void) | undefined;

  constructor(private readonly options: RunsOptions) {}

  get folder(): string {
    return this.options.folder;
  }

  /** Begins a record; it is in the list from now on. */
  begin(job: { method: string; title: string; models: readonly RunModel[]; params: unknown }): LiveRun {
    const asked = new Date();
    const id = `${asked.toISOString().replace(/[:.]/g, '-')}-${randomBytes(3).toString('hex')}`;
    const record: RunRecord = {
      id,
      ...job,
      models: [...job.models],
      state: 'running',
      startedAt: asked.toISOString(),
      durationMs: null,
      figures: [],
      error: null,
      client: this.options.client,
      version,
      result: null,
      rows: [],
    };
    this.live.set(id, record);
    this.own.add(id);
    const rows = new Map<string, unknown>();
    let startedMs = performance.now();
    let timer: NodeJS.Timeout | undefined;
    let writing: Promise<void> = Promise.resolve();
    const write = () => (writing = writing.then(() => this.write(record)));
    const end = async (change: Partial<RunRecord>) => {
      clearTimeout(timer);
      Object.assign(record, change, { durationMs: performance.now() - startedMs });
      if (record.state === 'done') record.rows = [];
      record.figures = runFigures(record);
      this.tell(record);
      await write();
      this.live.delete(id);
      await this.makeRoom();
    };
    this.tell(record);
    void write();
    return {
      id,
      began: () => {
        startedMs = performance.now();
        record.startedAt = new Date().toISOString();
      },
      row: (row) => {
        rows.set(subjectOf(row, rows.size), row);
        if (rows.size > mostRows) rows.delete(rows.keys().next().value!);
        timer ??= setTimeout(() => {
          timer = undefined;
          record.rows = [...rows.values()];
          record.figures = runFigures(record);
          this.tell(record);
          void write();
        }, flushMs).unref();
      },
      done: (result) => end({ state: 'done', result }),
      failed: (error) => {
        const stopped = error instanceof SlipwayError && error.kind === 'cancelled';
        const state = stopped ? 'cancelled' : 'failed';
        return end({ state, error: stopped ? null : messageOf(error), rows: [...rows.values()] });
      },
    };
  }

  /** Newest first. */
  async list({ path, digest, methods, limit = 200 }: RunFilter = {}): Promise<RunSummary[]> {
    const names = await this.names();
    const found: RunSummary[] = [];
    for (const name of names) {
      if (found.length >= limit) break;
      const run = await this.summary(name);
      if (!run) continue;
      if (methods && !methods.includes(run.method)) continue;
      if (path !== undefined && !run.models.some((model) => model.path === path)) continue;
      if (digest !== undefined && !run.models.some((model) => model.digest === digest)) continue;
      found.push(run);
    }
    return found;
  }

  /** A whole record; throws `notFound`. */
  async get(id: string): Promise<RunRecord> {
    const own = this.live.get(id);
    if (own) return { ...own };
    const record = await readRun(this.pathOf(id), id);
    const stored = await this.summary(`${id}.json`);
    return { ...record, state: stored?.state ?? record.state };
  }

  /** Removes those that do not run; returns the ids that are gone. */
  async remove(ids: readonly string[]): Promise<string[]> {
    const removed: string[] = [];
    for (const id of ids) {
      const run = await this.summary(`${id}.json`);
      if (!run || run.state === 'running') continue;
      await rm(this.pathOf(id), { force: true });
      this.read.delete(`${id}.json`);
      removed.push(id);
      for (const listener of this.listeners) listener(id, null);
    }
    return removed;
  }

  /**
   * Calls `listener` at every change of a run, also of those that other processes write (the command line, another daemon);
   * returns how to stop.
   */
  onChanged(listener: (id: string, run: RunSummary | null) => void): () => void {
    this.listeners.add(listener);
    this.stopWatching ??= this.watchOthers();
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size > 0) return;
      this.stopWatching?.();
      this.stopWatching = undefined;
    };
  }

  private watchOthers(): () => void {
    const look = async (name: string) => {
      const id = idOf(name);
      if (id === undefined) return;
      const run = await this.summary(name);
      // What we write ourselves was told when it happened.
      if (run && this.own.has(id)) return;
      for (const listener of this.listeners) listener(id, run ?? null);
    };
    const stop = watchFolder(this.folder, (name) => void look(name));
    // A process that was killed writes nothing.
    const timer = setInterval(() => {
      for (const name of [...this.foreign])
        void this.summary(name).then((run) => {
          if (run?.state !== 'running' && this.foreign.delete(name)) return look(name);
          return undefined;
        });
    }, aliveMs).unref();
    return () => {
      clearInterval(timer);
      stop();
    };
  }

  private tell(record: RunRecord): void {
    const run = summaryOf(record);
    for (const listener of this.listeners) listener(record.id, run);
  }

  private async write(record: RunRecord): Promise<void> {
    try {
      await mkdir(this.folder, { recursive: true, mode: 0o700 });
      await writeRun(this.pathOf(record.id), record, process.pid);
    } catch (error) {
      this.options.warn(`The history of jobs could not be written: ${messageOf(error)}`);
    }
  }

  /** Ids come from outside: none may lead out of the folder. */
  private pathOf(id: string): string {
    if (!/^[\w-]+$/.test(id)) throw notFound(`There is no run ${JSON.stringify(id)} in the history.`);
    return join(this.folder, `${id}.json`);
  }

  /** File names of all records, the newest first; one that has just begun may not be on disk yet. */
  private async names(): Promise<string[]> {
    const names = new Set([...this.live.keys()].map((id) => `${id}.json`));
    // There is no folder before the first run.
    for (const name of await readdir(this.folder).catch(() => [])) {
      if (idOf(name) !== undefined) names.add(name);
    }
    return [...names].sort().reverse();
  }

  private async summary(name: string): Promise<RunSummary | undefined> {
    const own = this.live.get(name.slice(0, -'.json'.length));
    if (own) return summaryOf(own);
    const path = this.pathOf(name.slice(0, -'.json'.length));
    const look = await stat(path).then(
      ({ size, mtimeMs }) => `${size} ${mtimeMs}`,
      () => '',
    );
    let known = this.read.get(name);
    if (known?.look !== look) {
      known = { look, summary: look === '' ? undefined : await readSummary(path) };
      this.read.set(name, known);
    }
    if (!known.summary) return undefined;
    const { processId, ...run } = known.summary;
    // A process that is gone ends no run; one of ours would be among the live.
    const lost = run.state === 'running' && (processId === process.pid || !isAlive(processId));
    if (lost) return { ...run, state: 'interrupted' };
    if (run.state === 'running') this.foreign.add(name);
    return run;
  }

  /** Removes the oldest while there are too many or they take too much. */
  private async makeRoom(): Promise<void> {
    const { most = 1000, mostBytes = 256 * 2 ** 20 } = this.options;
    const names = await this.names();
    let bytes = 0;
    for (const [index, name] of names.entries()) {
      const path = join(this.folder, name);
      // A thousand of them: asking the system in turn takes a tenth of what it takes through Node's threads.
      if (index < most) bytes += sizeOf(path);
      await breathe(silentTask);
      // The newest stays, however large it is.
      if (index === 0 || (index < most && bytes <= mostBytes)) continue;
      if (this.live.has(name.slice(0, -'.json'.length))) continue;
      await rm(path, { force: true }).catch(() => undefined);
      this.read.delete(name);
      for (const listener of this.listeners) listener(name.slice(0, -'.json'.length), null);
    }
  }
}

function sizeOf(path: string): number {
  try {
    return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  } catch {
    return 0;
  }
}

/** Undefined for a file that is no record. */
const idOf = (name: string): string | undefined => /^([\w-]+)\.json$/.exec(name)?.[1];

const summaryOf = (record: RunRecord): RunSummary => omit(record, 'params', 'result', 'rows');

/** What a progress row is about: rows of one subject replace each other. */
function subjectOf(row: unknown, count: number): string {
  if (typeof row !== 'object' || row === null) return String(count);
  const { file, model, node, name, device, threads, batch } = row as Record<string, unknown>;
  const subject = [file, model, node, name].find((one) => typeof one === 'string');
  return subject === undefined ? String(count) : JSON.stringify([subject, device, threads, batch]);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
