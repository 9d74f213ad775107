// A float model on its way to static int8: prepared once, calibrated once per setting, quantized as often as a
// search wants with other nodes left in float. Choosing among the results is the caller's (accuracyLoop.ts,
// sensitivity.ts, quantize.ts).

import type { Diagnostic } from '../../base/diagnostic';
import { badRequest } from '../../base/errors';
import type { Task } from '../../base/task';
import type { Dataset } from '../../evaluate/dataset';
import { workThreads } from '../../evaluate/evaluate';
import { suitableBatch } from '../../evaluate/predict';
import { refuseNaN } from '../../evaluate/refuseNaN';
import type { Model } from '../../ir/model';
import { runPass } from '../../passes/pass';
import { blockColumns } from '../../passes/quantize/blockColumns';
import type { QuantizeOutcome } from '../../passes/quantize/outcome';
import type { Range } from '../../passes/quantize/params';
import { is16Bit, type Scheme } from '../../passes/quantize/scheme';
import { quantizeStatic, valuesToCalibrate } from '../../passes/quantize/static';
import type { TensorReader } from '../../passes/tensorReader';
import { calibrateBy, type Calibrator, type CalibratorSettings } from '../../runtime/calibrate/calibrateBy';
import type { KeptOutputs } from '../../runtime/calibrate/keptOutputs';
import type { Feeds, Runner } from '../../runtime/runner/session';
import { digestOf, isCache, readCache, writeCache } from './calibrationCache';
import type { Overrides } from './overrides';

export interface StaticWorkOptions {
  readonly scheme: Scheme;
  readonly settings: CalibratorSettings;
  /** Nodes that stay in float whatever is tried. */
  readonly exclude: ReadonlySet<string>;
  readonly overrides: Overrides;
  /** Give first layers the form that the processor has a direct kernel for. */
  readonly blockColumns: boolean;
  /** Cache file, with the files whose contents the ranges depend on. */
  readonly cache?: { readonly path: string; readonly files: readonly string[] } | undefined;
  /** A runner to calibrate with; one of its own when absent. */
  readonly runner?: Runner | undefined;
  /** Keep the float model's outputs for this many samples, if calibrating gives them. */
  readonly keepOutputs?: number | undefined;
}

/** Nodes that go back to float, and the sentence why; undefined for none. */
export type Reverted = { readonly names: ReadonlySet<string>; readonly why: string } | undefined;

export class StaticWork {
  readonly notes: Diagnostic[] = [];
  /** The float model's outputs for the first samples, where calibration has just given them. */
  kept: KeptOutputs | undefined;
  private readonly known = new Map<Calibrator, ReadonlyMap<string, Range>>();

  constructor(
    /** Simplified and prepared. */
    readonly model: Model,
    readonly read: TensorReader,
    readonly dataset: Dataset,
    readonly options: StaticWorkOptions,
  ) {}

  /** The same ranges and settings for a model that differs in its weights alone. */
  withModel(model: Model): StaticWork {
    const other = new StaticWork(model, this.read, this.dataset, this.options);
    for (const [calibrator, ranges] of this.known) other.known.set(calibrator, ranges);
    return other;
  }

  /** Ranges by the calibrator, from memory or the cache file when they are there. */
  async ranges(calibrator: Calibrator, task: Task): Promise<ReadonlyMap<string, Range>> {
    const found = this.known.get(calibrator);
    if (found) return found;
    const { scheme, settings, cache, exclude } = this.options;
    const values = await valuesToCalibrate(this.model, this.read, scheme, exclude);
    this.checkOverrides(values);
    const levels = is16Bit(scheme) ? 65536 : 256;
    const by = { ...settings, calibrator, levels };
    const asked = { by, values, samples: this.dataset.samples };
    const key = cache && (await digestOf(cache.files, asked, task));
    let ranges = cache && key !== undefined ? await readCache(cache.path, key) : undefined;
    if (!ranges) {
      ranges = await this.calibrate(values, by, task);
      if (cache && key !== undefined) {
        if (!(await isCache(cache.path)))
          throw badRequest(
            `${cache.path} exists and is no calibration cache, so that it is not written over. Name another file.`,
          );
        await writeCache(cache.path, key, ranges, task);
      }
    }
    this.known.set(calibrator, ranges);
    return ranges;
  }

  private async calibrate(values: readonly string[], by: CalibratorSettings, task: Task) {
    const { dataset } = this;
    const largest = suitableBatch(dataset);
    // The newest batch's weight means something only for batches of a known size.
    const fixed = dataset.fixedBatch ?? (by.calibrator === 'moving-average' ? largest : undefined);
    const total = fixed === undefined ? dataset.samples : Math.ceil(dataset.samples / fixed);
    task.report({ stage: 'Calibrating', done: 0, total });
    const batches = { of: (size: number) => feedsOf(dataset, size), largest, fixed };
    const { runner, keepOutputs } = this.options;
    const options = { ...by, total, threads: workThreads(), runner, keepOutputs };
    const calibrated = await calibrateBy(this.model, values, batches, options, task);
    const { ranges, diagnostics } = calibrated;
    this.kept = calibrated.kept;
    const broken = new Set(diagnostics.map(({ where }) => where?.value));
    if (this.model.graph.inputs.some(({ name }) => broken.has(name))) await refuseNaN(dataset, task);
    this.notes.push(...diagnostics);
    return ranges;
  }

  /** The quantized model with these nodes, and those of the options, in float, in the form that is fastest. */
  async outcome(calibrator: Calibrator, reverted: Reverted, task: Task): Promise<QuantizeOutcome> {
    const outcome = await this.plainOutcome(calibrator, reverted, task);
    if (!this.options.blockColumns) return outcome;
    return { ...outcome, model: (await runPass(outcome.model, blockColumns(this.read), task)).model };
  }

  /** The same with all values in the shapes that they have in the float model, to be compared with it. */
  async plainOutcome(
    calibrator: Calibrator,
    reverted: Reverted,
    task: Task,
    /** Only these layers, when given, are quantized. */
    only?: ReadonlySet<string>,
  ): Promise<QuantizeOutcome> {
    const ranges = new Map(await this.ranges(calibrator, task));
    for (const [name, range] of this.options.overrides.ranges) ranges.set(name, range);
    task.report({ stage: 'Quantizing' });
    const { scheme, overrides, exclude } = this.options;
    const { types, float } = overrides;
    const options = { ranges, exclude, reverted, scheme, only, types, float };
    return runPass(this.model, quantizeStatic(this.read, options), task);
  }

  private checkOverrides(values: readonly string[]): void {
    const { path, ranges, float, types } = this.options.overrides;
    const known = new Set(values);
    const weights = new Set(
      this.model.graph.nodes
        .filter(({ opType }) => ['Conv', 'Gemm', 'MatMul'].includes(opType))
        .map(({ inputs }) => inputs[1] ?? ''),
    );
    for (const [name, type] of types)
      if (weights.has(name) && type.endsWith('16'))
        throw badRequest(`${path} gives the weight "${name}" ${type}; weights can be int8 or uint8.`);
    const typed = [...types.keys()].filter((name) => !weights.has(name));
    for (const name of [...ranges.keys(), ...float, ...typed])
      if (!known.has(name))
        throw badRequest(
          `${path} names the value "${name}", which is not one that can be quantized in this model. Its values are ${values.slice(0, 4).join(', ')}${values.length > 4 ? ', …' : ''}.`,
        );
  }
}

async function* feedsOf(dataset: Dataset, size: number): AsyncGenerator<Feeds> {
  for await (const { feeds } of dataset.batches(size)) yield feeds;
}
