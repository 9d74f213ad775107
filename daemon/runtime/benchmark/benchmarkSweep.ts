// A benchmark over several settings: devices, threads and batches; throughput over concurrency; load patterns.
// Within a setting the models take turns (benchmark.ts). A setting that fails is told, and the others go on.

import { SlipwayError } from '../../base/errors';
import { throwIfCancelled, type Task } from '../../base/task';
import { benchmark, type BenchmarkOptions, type BenchmarkResult } from './benchmark';
import { benchmarkConcurrency, type ConcurrencyMeasurement } from './benchmarkConcurrency';
import { describeEnvironment } from './benchmarkEnvironment';
import type { Failure, Measurement } from './benchmarkMeasurement';
import { runLoad, type LoadOptions, type LoadResult } from '../load/load';
import { describeMachine } from '../machine';
import type { DeviceName } from '../runner/session';

export interface SweepOptions extends BenchmarkOptions {
  /** Each a setting; `device`, `threads` and `batch` when absent. */
  readonly devices?: readonly DeviceName[] | undefined;
  readonly threadSweep?: readonly number[] | undefined;
  /** Without `threadSweep`: as many threads as the machine has processors for us, and powers of two below. */
  readonly sweepThreads?: boolean | undefined;
  readonly batchSweep?: readonly number[] | undefined;
  /** Requests at once, each number a level; measured in the first setting. */
  readonly concurrency?: readonly number[] | undefined;
  /** A load pattern; run in the first setting. */
  readonly load?: Pick<LoadOptions, 'pattern' | 'rate' | 'boundMs' | 'workers' | 'seed'> | undefined;
}

export interface SweepResult extends BenchmarkResult {
  concurrency: ConcurrencyMeasurement[];
  load: LoadResult[];
}

interface Setting {
  readonly device: DeviceName;
  readonly threads: number;
  readonly batch: number | undefined;
}

/** Time for each model in each setting of a sweep, seconds, when nothing is said. */
const sweepSeconds = 3;

/**
 * Measures all models in every setting. What a setting could not give is in `failures`; when nothing at all
 * could be measured, the first error is thrown, as for a single setting.
 */
export async function benchmarkSweep(
  models: readonly { readonly path: string }[],
  options: SweepOptions,
  task: Task<Measurement>,
): Promise<SweepResult> {
  const threadSweep =
    options.threadSweep ??
    (options.sweepThreads ? threadsWithin((await describeMachine(task)).cores) : undefined);
  const settings = settingsOf({ ...options, threadSweep });
  const environment = describeEnvironment();
  const found: Omit<SweepResult, 'machine' | 'environment' | 'warnings'> = {
    results: [],
    ratios: [],
    failures: [],
    concurrency: [],
    load: [],
  };
  /** By their words without the numbers: a busy machine is told once, not for every setting. */
  const warnings = new Map<string, string>();
  const errors: unknown[] = [];
  const seconds = settings.length > 1 ? sweepSeconds : undefined;
  const maxSeconds = options.maxSeconds ?? seconds;
  /** Keeps the error of one part as a failure, so that the other parts count. */
  const part = async (setting: Setting, model: string, work: () => Promise<void>) => {
    throwIfCancelled(task);
    try {
      await work();
    } catch (error) {
      if (!(error instanceof SlipwayError) || error.kind === 'cancelled') throw error;
      errors.push(error);
      found.failures.push(failure(setting, model, error));
    }
  };
  for (const setting of settings) {
    await part(setting, models[0]?.path ?? '', async () => {
      const measured = await benchmark(models, { ...options, ...setting, maxSeconds }, task);
      found.results.push(...measured.results);
      found.ratios.push(...measured.ratios);
      found.failures.push(...measured.failures);
      for (const warning of measured.warnings) {
        const words = warning.replace(/\d+(?:\.\d+)?/g, '#');
        if (!warnings.has(words)) warnings.set(words, warning);
      }
    });
  }
  if (found.results.length === 0) throw errors[0];
  const [first] = settings;
  for (const { path } of models) {
    const { concurrency: levels, load } = options;
    if (levels && levels.length > 0)
      await part(first!, path, async () => {
        const { measured, failures } = await benchmarkConcurrency(
          path,
          { ...options, ...first, levels, maxSeconds },
          task,
        );
        found.concurrency.push(...measured);
        for (const { level, error } of failures) {
          const said = new SlipwayError(error.kind, `${level} requests at once: ${error.message}`);
          found.failures.push(failure(first!, path, said));
        }
      });
    if (load)
      await part(first!, path, async () => {
        const ran = await runLoad(path, { ...options, ...first, ...load }, task);
        found.load.push(ran);
        if (ran.failure) {
          const kept = `${ran.failure.message} The load ended there; what was measured before is kept.`;
          found.failures.push(failure(first!, path, new SlipwayError(ran.failure.kind, kept)));
        }
      });
  }
  return { machine: await describeMachine(task), ...found, warnings: [...warnings.values()], environment };
}

/** 1, 2, 4, … up to the processors that the affinity and the container's quota leave us, and that number itself. */
export function threadsWithin(cores: number): number[] {
  const counts: number[] = [];
  for (let count = 1; count < cores; count *= 2) counts.push(count);
  return [...counts, Math.max(1, cores)];
}

/** Every combination, the first of each list first. */
function settingsOf({ device, devices, threads, threadSweep, batch, batchSweep }: SweepOptions): Setting[] {
  const or = <T>(list: readonly T[] | undefined, one: T): readonly T[] =>
    list && list.length > 0 ? [...new Set(list)] : [one];
  return or<DeviceName>(devices, device ?? 'cpu').flatMap((where) =>
    or(threadSweep, threads ?? 1).flatMap((count) =>
      or<number | undefined>(batchSweep, batch).map((size) => ({
        device: where,
        threads: count,
        batch: size,
      })),
    ),
  );
}

const failure = ({ device, threads, batch }: Setting, model: string, error: SlipwayError): Failure => ({
  model,
  device,
  threads,
  batch: batch ?? null,
  kind: error.kind,
  message: error.message,
});
