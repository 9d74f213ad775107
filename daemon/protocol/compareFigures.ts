// Two runs held against each other, figure by figure: for the page of the history and for the command line. Pure.

import type { RunFigure, RunSummary } from './runs';

export interface ComparedFigure {
  name: string;
  unit: string;
  /** Path of the model that it is of, and how it was measured; empty where a figure does not say. */
  model: string;
  setting: string;
  before: RunFigure | undefined;
  after: RunFigure | undefined;
  /** The newer value over the older one. */
  ratio: number | undefined;
  /** `same` where the intervals meet or nothing says which way is better. */
  verdict: 'better' | 'worse' | 'same' | undefined;
}

/** A figure without a model is of the run's own. */
const modelOf = ({ models }: RunSummary, { model }: RunFigure) => model ?? models[0]?.path ?? '';
const keyOf = (run: RunSummary, figure: RunFigure) =>
  [figure.name, modelOf(run, figure), figure.setting ?? ''].join('\0');

/** Figures of both runs, those of both first; `after` is the newer run. */
export function compareFigures(before: RunSummary, after: RunSummary): ComparedFigure[] {
  const keys = [...new Set([after, before].flatMap((run) => run.figures.map((one) => keyOf(run, one))))];
  const rows = keys.map((key): ComparedFigure => {
    const of = (run: RunSummary) => run.figures.find((one) => keyOf(run, one) === key);
    const [a, b] = [of(before), of(after)];
    const { name, unit, setting = '' } = (b ?? a)!;
    const model = b ? modelOf(after, b) : modelOf(before, a!);
    return {
      name,
      unit,
      model,
      setting,
      before: a,
      after: b,
      ratio: a && b && a.value !== 0 ? b.value / a.value : undefined,
      verdict: a && b ? verdictOf(a, b) : undefined,
    };
  });
  return rows.sort((x, y) => Number(y.verdict !== undefined) - Number(x.verdict !== undefined));
}

/** Differences below this are no news where no interval is known, as a share. */
const noise = 0.03;

function verdictOf(a: RunFigure, b: RunFigure): ComparedFigure['verdict'] {
  const meet =
    a.low !== undefined && a.high !== undefined && b.low !== undefined && b.high !== undefined
      ? a.low <= b.high && b.low <= a.high
      : Math.abs(b.value - a.value) <= noise * Math.abs(a.value);
  const better = b.better ?? a.better;
  if (meet || better === undefined || a.value === b.value) return 'same';
  return b.value < a.value === (better === 'lower') ? 'better' : 'worse';
}
