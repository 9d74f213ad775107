// The open models: read lazily, kept while they are used (a bounded number), read again when the file
// changes. A model is named by its path; a revision names one state of the file. Who has it open, and how
// the news of a change travels, is the server's business (events go out through `onChanged`).

import { stat } from 'node:fs/promises';
import { fileSystemError, SlipwayError } from '../base/errors';
import type { Disposable } from '../base/disposable';
import { breathing, type Task } from '../base/task';
import type { Tensor } from '../ir/tensor';
import type { ShapeInfo } from '../analysis/shapes';
import type { ReadResult } from '../onnx/readModel';
import { giveBackMemory } from '../host/memory';
import { FileWatch } from './fileWatch';
import { Recent } from './recent';
import { shared, type Shared } from './shared';
import { pathOfUri } from './uris';

/** Values of free dimensions by name. */
export type Bindings = Readonly<Record<string, number>>;

/** One state of a model file, read. */
export interface OpenModel {
  readonly path: string;
  readonly revision: string;
  readonly read: ReadResult;
  /**
   * Shapes of the main graph, inferred when first asked for; undefined when there is no graph. Those for a few last
   * values of free dimensions are kept too.
   */
  shapes(task: Task, bind?: Bindings): Promise<ShapeInfo | undefined>;
  /** The same with every free dimension that is not bound taken for what costs are counted with. */
  countedShapes(task: Task, bind?: Bindings): Promise<ShapeInfo | undefined>;
  /** Numbers of small tensors that lie on disk, read when first asked for. */
  constants(task: Task): Promise<ReadonlyMap<Tensor, readonly number[]>>;
}

interface Entry {
  readonly revision: string;
  readonly loading: Shared<OpenModel>;
}

/** Parsed models kept in memory, without their weights. */
const keep = 8;
/** Of each model, shapes at so many different values of free dimensions. */
const keepBound = 2;

export class ModelStore implements Disposable {
  /** By path. */
  private readonly entries: Recent<Entry>;
  /** How many have a model open, by path. */
  private readonly holders = new Map<string, number>();
  private readonly watch = new FileWatch((path, exists) => this.changed(path, exists));
  private readonly listeners = new Set<(path: string, exists: boolean) => void>();

  /** `idleMs`: a model that nobody has open or asked for is forgotten after so long. */
  constructor(idleMs?: number) {
    this.entries = new Recent({
      most: keep,
      ...(idleMs === undefined ? {} : { idleMs }),
      isHeld: (path) => this.holders.has(path),
      onIdle: giveBackMemory,
    });
  }

  /** The model in its present state; throws `modelChanged` when `revision` names another. */
  async get(uri: string, revision: string | undefined, task: Task): Promise<OpenModel> {
    const path = pathOfUri(uri);
    const present = await revisionOf(path);
    if (revision !== undefined && revision !== present) {
      throw new SlipwayError(
        'modelChanged',
        `${path} changed on disk since it was opened. Open it again to work with the file as it is now.`,
      );
    }
    let entry = this.entries.get(path);
    if (entry?.revision !== present || entry.loading.failed()) {
      entry = { revision: present, loading: shared((loading) => load(path, present, loading)) };
      this.entries.set(path, entry);
    }
    return entry.loading.join(task);
  }

  /** Keeps a model, among the last few, until the returned function is called. */
  hold(path: string): () => void {
    this.holders.set(path, (this.holders.get(path) ?? 0) + 1);
    return () => {
      const left = (this.holders.get(path) ?? 1) - 1;
      if (left > 0) this.holders.set(path, left);
      else this.holders.delete(path);
    };
  }

  /** How many models are kept. */
  get kept(): number {
    return this.entries.size;
  }

  /** Watches a file until the returned function is called. */
  watchFile(path: string): () => void {
    return this.watch.add(path);
  }

  /** Calls `listener` when a watched file changed or went away; returns how to stop. */
  onChanged(listener: (path: string, exists: boolean) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  async dispose(): Promise<void> {
    this.entries.clear();
    this.listeners.clear();
    await this.watch.dispose();
  }

  private changed(path: string, exists: boolean): void {
    if (!exists) this.entries.delete(path);
    for (const listener of this.listeners) listener(path, exists);
  }
}

async function load(path: string, revision: string, task: Task): Promise<OpenModel> {
  const { readBinaryOrText } = await import('../onnx/text/readText');
  const read = await readBinaryOrText(path, task);
  let known: ReadonlyMap<Tensor, readonly number[]> | undefined;
  const constants = async (reader: Task) => {
    const { smallConstants } = await import('../recipes/smallConstants');
    return (known ??= read.model
      ? await smallConstants(read.model, reader)
      : new Map<Tensor, readonly number[]>());
  };
  const infer = (bind: Bindings) =>
    shared(async (reader: Task) => {
      const { inferring } = await import('../analysis/shapes');
      const numbers = await constants(reader);
      if (!read.model) return undefined;
      return breathing(inferring(read.model, { bind, constants: (tensor) => numbers.get(tensor) }), reader);
    });
  let free = infer({});
  const bound: { readonly key: string; readonly shapes: Shared<ShapeInfo | undefined> }[] = [];
  const shapes = (reader: Task, bind: Bindings = {}) => {
    if (Object.keys(bind).length === 0) {
      if (free.failed()) free = infer({});
      return free.join(reader);
    }
    const key = JSON.stringify(Object.entries(bind).sort(([a], [b]) => (a < b ? -1 : 1)));
    const at = bound.findIndex((each) => each.key === key);
    const [known] = at < 0 ? [] : bound.splice(at, 1);
    const entry = known && !known.shapes.failed() ? known : { key, shapes: infer(bind) };
    bound.push(entry);
    if (bound.length > keepBound) bound.shift();
    return entry.shapes.join(reader);
  };
  const countedShapes = async (reader: Task, bind: Bindings = {}) => {
    const { assumeDimensions } = await import('../analysis/cost/cost');
    return shapes(reader, read.model && { ...assumeDimensions(read.model, bind), ...bind });
  };
  return { path, revision, read, constants, shapes, countedShapes };
}

/** Text that changes whenever the file does: size, time and identity. Throws when there is no such file. */
async function revisionOf(path: string): Promise<string> {
  try {
    const { size, mtimeNs, ino } = await stat(path, { bigint: true });
    return [size, mtimeNs, ino].map((part) => part.toString(36)).join('-');
  } catch (error) {
    throw fileSystemError('open', path, error);
  }
}
