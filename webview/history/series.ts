// The runs of a model as lines over time: one chart for each figure, one line for each model, like with like. Pure.

import type { RunFigure, RunSummary } from '../../daemon/protocol/runs';
import { colourOf, colours, type Colour } from '../charts/frame';
import type { LineChart, LineSeries } from '../charts/lines';
import { shares } from './figures';

/** One of the figures that the history can plot. */
export interface HistoryChart {
  /** Name of the figure: `p50`. */
  figure: string;
  title: string;
  unit: string;
  /** Ways that it was measured in, the most frequent first: `cpu, threads 1, batch 1`. Empty for what has none. */
  settings: string[];
  /** Runs that have it. */
  runs: number;
}

const titles: Readonly<Record<string, string>> = {
  p50: 'Median time of a run',
  run: 'Profiled time of a run',
  size: 'Size',
  'speed-up': 'Speed against the original',
  top1: 'Top-1',
  agreement: 'Agreement',
};

/** Plotted first, in this order; scores come between time and size. */
const early = ['p50', 'speed-up', 'run'];
const late = ['size', 'cosine'];
/** Says what `size` says already. */
const left = new Set(['smaller']);
const place = (name: string): number =>
  early.includes(name) ? early.indexOf(name) : late.includes(name) ? 100 + late.indexOf(name) : 50;

/** Shares are shown in percent. */
const scaleOf = (name: string) => (shares.has(name) ? 100 : 1);
const unitOf = ({ name, unit }: RunFigure) => (shares.has(name) ? '%' : unit);

/** The charts that these runs give, the most telling first. */
export function historyCharts(runs: readonly RunSummary[]): HistoryChart[] {
  const found = new Map<string, { figure: RunFigure; settings: Map<string, number>; runs: Set<string> }>();
  for (const { id, figures } of runs) {
    for (const figure of figures) {
      if (left.has(figure.name)) continue;
      const known = found.get(figure.name) ?? {
        figure,
        settings: new Map<string, number>(),
        runs: new Set<string>(),
      };
      found.set(figure.name, known);
      known.runs.add(id);
      if (figure.setting !== undefined)
        known.settings.set(figure.setting, (known.settings.get(figure.setting) ?? 0) + 1);
    }
  }
  return [...found]
    .map(([name, { figure, settings, runs: having }]) => ({
      figure: name,
      title: titles[name] ?? `${name[0]!.toUpperCase()}${name.slice(1)}`,
      unit: unitOf(figure),
      settings: [...settings].sort((a, b) => b[1] - a[1]).map(([setting]) => setting),
      runs: having.size,
    }))
    .sort((a, b) => place(a.figure) - place(b.figure));
}

const fileName = (path: string) => path.split(/[\\/]/).pop() ?? path;

const modelOf = (run: RunSummary, { model }: RunFigure) => model ?? run.models[0]?.path ?? '';

/** Models in the order of their colours: the page's own, then those with the most figures. */
export function modelOrder(runs: readonly RunSummary[], own: string): string[] {
  const counts = new Map<string, number>([[own, Infinity]]);
  for (const run of runs)
    for (const figure of run.figures) {
      const model = modelOf(run, figure);
      counts.set(model, (counts.get(model) ?? 0) + 1);
    }
  return [...counts].sort((a, b) => b[1] - a[1]).map(([model]) => model);
}

/** Each model's own colour, the one of its place, unless another of the chart has it: then one that is free. */
function distinctColours(models: readonly string[], order: readonly string[]): Map<string, Colour> {
  const found = new Map<string, Colour>();
  for (const model of models) {
    const own = colourOf(order.indexOf(model));
    const taken = new Set(found.values());
    found.set(model, taken.has(own) ? (colours.find((each) => !taken.has(each)) ?? own) : own);
  }
  return found;
}

/** The lines of one chart, oldest run first; `setting` picks among ways of measuring. */
export function historyLines(
  { figure, title, unit, settings }: HistoryChart,
  runs: readonly RunSummary[],
  order: readonly string[],
  setting: string | undefined,
  labels: (run: RunSummary) => string,
): LineChart {
  const wanted = setting ?? settings[0];
  const fits = (one: RunFigure) =>
    one.name === figure && (settings.length === 0 || (one.setting ?? '') === (wanted ?? ''));
  const own = (run: RunSummary) => run.figures.filter(fits);
  const shown = runs.filter((run) => own(run).length > 0).reverse();
  const having = new Set(shown.flatMap((run) => own(run).map((one) => modelOf(run, one))));
  const models = order.filter((model) => having.has(model)).slice(0, colours.length);
  const drawn = shown.filter((run) => own(run).some((one) => models.includes(modelOf(run, one))));
  const colourFor = distinctColours(models, order);
  const scale = scaleOf(figure);
  const series = models.map((model): LineSeries => {
    const figures = drawn.map((run) => own(run).findLast((one) => modelOf(run, one) === model));
    return {
      name: fileName(model),
      colour: colourFor.get(model)!,
      values: figures.map((one) => (one === undefined ? undefined : scale * one.value)),
      ranges: figures.map((one) =>
        one?.low === undefined || one.high === undefined
          ? undefined
          : { low: scale * one.low, high: scale * one.high },
      ),
    };
  });
  return {
    title: having.size > models.length ? `${title}, ${models.length} of ${having.size} models` : title,
    settings: drawn.map(labels),
    xName: 'run',
    yName: unit === '' ? '' : unit,
    series,
    // Scores lie close to each other: from zero they would all be one line.
    fit: scale === 100 || figure === 'cosine',
  };
}
