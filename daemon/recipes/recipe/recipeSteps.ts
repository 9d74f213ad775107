// The steps that a recipe file may name: what each can be told, after which others it may come, and what it runs.
// Whether a number makes sense is for the step's own recipe to say; here only words and kinds are checked.

import type { Task } from '../../base/task';
import type { ClusterFileOptions } from '../cluster';
import type { SparseFileOptions } from '../prune/pruneSparse';
import type { QuantizeOptions } from '../quantize/quantizeOptions';

/** A kind of value (`numbers` by name), or the words that are allowed. */
export type OptionKind = 'number' | 'numbers' | 'boolean' | 'text' | 'path' | 'words' | readonly string[];

export type StepName = 'optimize' | 'prune' | 'low-rank' | 'prune-weights' | 'cluster' | 'quantize';

/** Options as the file gives them, paths made absolute. */
export type StepOptions = Readonly<Record<string, unknown>>;

export interface StepKind {
  /** Place in the order: a step may only follow steps of a lower place, `optimize` any but the last place. */
  readonly place: number;
  readonly options: Readonly<Record<string, OptionKind>>;
  /** Runs it from one file to another and gives its result. */
  run(model: string, options: StepOptions & { readonly output: string }, task: Task): Promise<object>;
}

const data = { calibration: 'path', calibrationSamples: 'number' } as const;
const scope = ['global', 'layer'] as const;

export const stepKinds: Readonly<Record<StepName, StepKind>> = {
  optimize: {
    place: 0,
    options: { upgrade: 'boolean', unchecked: 'boolean', data: 'path' },
    run: async (model, options, task) => (await import('../optimize')).optimize(model, options, task),
  },
  prune: {
    place: 1,
    options: {
      ratio: 'number',
      targetMacs: 'number',
      targetSize: 'number',
      targetLatency: 'number',
      targetMs: 'number',
      most: 'number',
      caps: 'numbers',
      threads: 'number',
      scope,
      importance: ['l1', 'l2', 'bn-scale', 'energy', 'error'],
      repair: 'boolean',
      align: 'number',
      ...data,
    },
    run: async (model, options, task) => (await import('../prune/prune')).pruneChannels(model, options, task),
  },
  'low-rank': {
    place: 2,
    options: { energy: 'number', maxError: 'number', ...data },
    run: async (model, options, task) => (await import('../lowRank')).lowRankFile(model, options, task),
  },
  'prune-weights': {
    place: 3,
    options: {
      ratio: 'number',
      pattern: 'text',
      criterion: ['magnitude', 'wanda', 'sparsegpt'],
      scope,
      rounds: 'number',
      store: ['packed', 'dense'],
      ...data,
    },
    run: async (model, options, task) => {
      const { patternFrom, pruneSparse } = await import('../prune/pruneSparse');
      const { ratio, pattern } = options as { readonly ratio?: number; readonly pattern?: string };
      return pruneSparse(
        model,
        { ...(options as Omit<SparseFileOptions, 'pattern'>), pattern: patternFrom({ ratio, pattern }) },
        task,
      );
    },
  },
  cluster: {
    place: 4,
    options: { clusters: 'number', codebooks: 'number', ...data },
    run: async (model, options, task) =>
      (await import('../cluster')).cluster(
        model,
        { clusters: 16, ...(options as Partial<ClusterFileOptions> & { output: string }) },
        task,
      ),
  },
  quantize: {
    place: 4,
    options: {
      method: ['static', 'dynamic'],
      target: ['avx2', 'avx512', 'vnni', 'amx', 'neon', 'dotprod', 'i8mm'],
      activations: ['uint8', 'int8', 'uint16', 'int16'],
      weights: ['int8', 'uint8'],
      perTensor: 'boolean',
      reducedRange: 'boolean',
      symmetric: 'boolean',
      format: ['qdq', 'qoperator'],
      calibrator: ['minmax', 'moving-average', 'percentile', 'entropy', 'mse'],
      percentile: 'number',
      recover: 'words',
      smoothAlpha: 'words',
      tune: 'boolean',
      include: 'words',
      exclude: 'words',
      includeOps: 'words',
      excludeOps: 'words',
      ...data,
    },
    run: async (model, options, task) => {
      const method = options['calibration'] === undefined ? 'dynamic' : 'static';
      return (await import('../quantize/quantize')).quantize(
        model,
        { method, ...(options as Partial<QuantizeOptions> & { output: string }) },
        task,
      );
    },
  },
};

export const stepNames = Object.keys(stepKinds) as StepName[];

/** Why `next` may not come after `before`; undefined when it may. */
export function whyNotAfter(before: StepName, next: StepName): string | undefined {
  if (before === 'quantize' || before === 'cluster') {
    if (next === 'quantize' || next === 'cluster')
      return before === next
        ? `${next} comes only once`
        : 'a model is either clustered or quantized: both store the same weights';
    return `${before} comes last, because ${next} works on float weights`;
  }
  if (next === 'optimize' || before === 'optimize') return undefined;
  if (stepKinds[next].place < stepKinds[before].place)
    return `${next} comes before ${before}, because it decides which weights there are`;
  return before === next ? `${next} comes only once` : undefined;
}
