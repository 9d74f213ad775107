// The main figures of a run, out of its result or of the rows it had come to: what a list shows and what a plot
// over the history draws. Pure.

import type { BenchmarkResult, Measurement } from '../protocol/benchmark';
import type { Variant } from '../protocol/compress';
import type { EvaluateResult } from '../protocol/evaluate';
import type { ProfileResult } from '../protocol/profile';
import type { RunFigure, RunRecord } from '../protocol/runs';

type Ratio = BenchmarkResult['ratios'][number];
type Source = Pick<RunRecord, 'method' | 'result' | 'rows'>;

/** Figures of one run at the most: a sweep of many settings does not belong in a list. */
const most = 24;

/** The figures of a run that is done, or of the rows of one that is not. Unknown methods have none. */
export function runFigures({ method, result, rows }: Source): RunFigure[] {
  return figuresOf(method, result, rows)
    .filter(({ value }) => Number.isFinite(value))
    .slice(0, most);
}

function figuresOf(method: string, result: unknown, rows: readonly unknown[]): RunFigure[] {
  switch (method) {
    case 'slipway/benchmark':
      return result === null
        ? (rows as Measurement[]).flatMap(ofMeasurement)
        : ofBenchmark(result as BenchmarkResult);
    case 'slipway/compress':
      return result === null
        ? ofVariants(rows as Variant[])
        : ofVariants((result as Compressed).variants, (result as Compressed).chosen);
    case 'slipway/profile':
      return result === null ? [] : ofProfile(result as ProfileResult);
    case 'slipway/evaluate':
      return result === null ? [] : ofEvaluation(result as EvaluateResult);
    default:
      return result === null ? [] : ofMadeModel(result as Made);
  }
}

const settingOf = ({ device, threads, batch }: { device: string; threads: number; batch: number }) =>
  `${device}, threads ${threads}, batch ${batch}`;

const ofBenchmark = ({ results, ratios }: BenchmarkResult): RunFigure[] => [
  ...results.flatMap(ofMeasurement),
  ...ratios.map(ofRatio),
];

function ofMeasurement(measured: Measurement): RunFigure[] {
  const { model, latencyMs } = measured;
  const setting = settingOf(measured);
  return [{ name: 'p50', value: latencyMs.p50, unit: 'ms', better: 'lower', model, setting }];
}

const ofRatio = ({ model, p50Ratio, low, high }: Ratio): RunFigure => ({
  name: 'speed-up',
  value: p50Ratio,
  unit: '×',
  low,
  high,
  better: 'higher',
  model,
});

interface Compressed {
  readonly variants: Variant[];
  /** File of the version to use. */
  readonly chosen?: string;
}

const ofVariants = (variants: readonly Variant[], chosen?: string): RunFigure[] =>
  variants.flatMap(({ file, measurement, ratio, top1, agreement }) =>
    [
      ...(measurement ? ofMeasurement({ ...measurement, model: file }) : []),
      ...(ratio ? [{ ...ofRatio(ratio), model: file }] : []),
      ...[top1, agreement].flatMap((score) => (score ? [ofScore(score, file)] : [])),
    ].map((figure) => (file === chosen ? { ...figure, chosen: true as const } : figure)),
  );

const ofProfile = (found: ProfileResult): RunFigure[] => [
  {
    name: 'run',
    value: found.runUs / 1000,
    unit: 'ms',
    better: 'lower',
    model: found.model,
    setting: settingOf(found),
  },
];

/** Metrics of which less is better. */
const errors = new Set(['mse', 'mae', 'kl']);

const ofScore = (
  { metric, value, low, high }: { metric: string; value: number; low: number; high: number },
  model?: string,
): RunFigure => ({
  name: metric,
  value,
  unit: '',
  low,
  high,
  better: errors.has(metric) ? 'lower' : 'higher',
  ...(model === undefined ? {} : { model }),
});

const ofEvaluation = (found: EvaluateResult): RunFigure[] => [ofScore(found)];

/** What the results of all jobs that write a model have in common. */
interface Made {
  readonly output?: string;
  readonly before?: { readonly fileBytes?: number };
  readonly after?: { readonly fileBytes?: number };
  readonly error?: { readonly cosine?: number } | null;
}

function ofMadeModel({ output, before, after, error }: Made): RunFigure[] {
  const model = output === undefined ? {} : { model: output };
  const found: RunFigure[] = [];
  if (after?.fileBytes !== undefined)
    found.push({ name: 'size', value: after.fileBytes / 1e6, unit: 'MB', better: 'lower', ...model });
  if (after?.fileBytes !== undefined && before?.fileBytes !== undefined)
    found.push({
      name: 'smaller',
      value: before.fileBytes / after.fileBytes,
      unit: '×',
      better: 'higher',
      ...model,
    });
  if (error?.cosine !== undefined)
    found.push({ name: 'cosine', value: error.cosine, unit: '', better: 'higher', ...model });
  return found;
}
