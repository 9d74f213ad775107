// A benchmark: the numbers in a table, the spread of run times, and a plot for everything that was varied. While it is
// measured the same parts fill.

import { html, nothing, type TemplateResult } from 'lit';
import type { BenchmarkResult, Measurement, Ratio } from '../../../daemon/protocol/benchmark';
import { barGroups } from '../../charts/bars';
import { distribution } from '../../charts/distribution';
import { colourOf } from '../../charts/frame';
import { lineChart, type LineSeries } from '../../charts/lines';
import { speedVerdict } from '../../compare/comparison';
import { bytes, exactBytes, milliseconds, percent, plural, three, whole } from '../../ui/format';
import { icon } from '../../ui/icon';
import { elide, fullText, visible } from '../../ui/text';
import { environmentParts } from './environment';
import { table } from './facts';
import { loadParts } from './load';

/** What is known of a benchmark, whole or so far. */
export type Benchmarked = Pick<BenchmarkResult, 'results' | 'ratios'> & Partial<BenchmarkResult>;

export const nameOf = (path: string): string => path.split(/[\\/]/).pop() ?? path;

/** Models in the order they were asked, each with its colour. */
export function modelsOf({ results, failures = [] }: Benchmarked): string[] {
  return [...new Set([...results, ...failures].map(({ model }) => model))];
}

const unique = <T>(values: readonly T[]): T[] => [...new Set(values)];
const sorted = (values: readonly number[]) => unique(values).sort((a, b) => a - b);
const isSetting = (one: Measurement, other: Measurement) =>
  one.device === other.device && one.threads === other.threads && one.batch === other.batch;

export function benchmarkParts(result: Benchmarked, width: number, running: boolean): TemplateResult {
  const { results, failures = [], warnings = [] } = result;
  const models = modelsOf(result);
  const two = width >= 700;
  const chart = Math.max(280, Math.min(two ? (width - 24) / 2 : width, 520));
  // Of a sweep the plots say more than the table.
  const many = results.length > 2 * models.length;
  const [first] = results;
  const compared = first === undefined ? [] : results.filter((one) => isSetting(one, first));
  return html`
    ${many ? nothing : html`${numbers(result, models)} ${warningList(warnings)}`}
    <div class="charts ${two ? 'two' : ''}">
      ${distribution(
        compared.map((measurement) => ({
          name: nameOf(measurement.model),
          colour: colourOf(models.indexOf(measurement.model)),
          measurement,
        })),
        chart,
        running,
        first === undefined || results.length === models.length
          ? 'Distribution of run times'
          : `Run times at ${settingText(first)}`,
      )}
      ${sweeps(results, models, chart)} ${concurrency(result, models, chart)}
    </div>
    <div class="charts ${two ? 'two' : ''}">${loadParts(result, models, chart)}</div>
    ${devices(results, models, width)}
    ${
      many
        ? html`${warningList(warnings)}
            <h3>All settings</h3>
            ${numbers({ ...result, results: bySetting(results, models) }, models)}`
        : nothing
    }
    ${
      failures.length === 0
        ? nothing
        : html`<h3>Could not be measured</h3>
            <ul class="warnings">
              ${failures.map(
                ({ model, device, threads, batch, message }) =>
                  html`<li>
                    ${icon('error', 'severity-error')}
                    <span class="wrap"
                      ><strong>${elide(nameOf(model), 40)}</strong> on ${visible(device)},
                      ${plural(threads, 'thread')}${batch === null ? '' : `, batch ${batch}`}:
                      ${visible(message)}</span
                    >
                  </li>`,
              )}
            </ul>`
    }
    ${environmentParts(result)}
  `;
}

/** What was measured in one setting stands together: models are compared in it. */
const bySetting = (results: readonly Measurement[], models: readonly string[]): Measurement[] =>
  [...results].sort(
    (a, b) =>
      a.device.localeCompare(b.device) ||
      a.threads - b.threads ||
      a.batch - b.batch ||
      models.indexOf(a.model) - models.indexOf(b.model),
  );

export const settingText = ({
  device,
  threads,
  batch,
}: Pick<Measurement, 'device' | 'threads' | 'batch'>): string =>
  `${device}, ${plural(threads, 'thread')}, batch ${batch}`;

export const warningList = (warnings: readonly string[]): TemplateResult | typeof nothing =>
  warnings.length === 0
    ? nothing
    : html`<ul class="warnings" aria-label="Warnings">
        ${warnings.map(
          (text) =>
            html`<li>${icon('warning', 'severity-warning')}<span class="wrap">${visible(text)}</span></li>`,
        )}
      </ul>`;

function numbers({ results, ratios }: Benchmarked, models: readonly string[]): TemplateResult {
  const ms = (value: number) => three(value);
  const ratioOf = (one: Measurement): Ratio | undefined =>
    ratios.find(
      (ratio) =>
        ratio.model === one.model &&
        (ratio.device ?? one.device) === one.device &&
        (ratio.threads ?? one.threads) === one.threads &&
        (ratio.batch ?? one.batch) === one.batch,
    );
  const started = results.some(({ start }) => start !== undefined);
  const energy = results.some((one) => one.energy);
  return table<Measurement>(
    [
      {
        name: 'Model',
        cell: ({ model }) =>
          html`<span class="named nowrap" title=${fullText(model)}
            ><span class="mark ${colourOf(models.indexOf(model))}" aria-hidden="true"></span
            >${elide(nameOf(model), 36)}</span
          >`,
      },
      ...(unique(results.map(({ device }) => device)).length > 1
        ? [{ name: 'Device', cell: ({ device }: Measurement) => visible(device) }]
        : []),
      ...(unique(results.map(({ threads }) => threads)).length > 1
        ? [{ name: 'Threads', number: true, cell: ({ threads }: Measurement) => whole(threads) }]
        : []),
      ...(unique(results.map(({ batch }) => batch)).length > 1
        ? [{ name: 'Batch', number: true, cell: ({ batch }: Measurement) => whole(batch) }]
        : []),
      {
        name: 'p50 (ms)',
        number: true,
        title: 'Median time of one run',
        cell: ({ latencyMs }) => ms(latencyMs.p50),
      },
      ...(results.some(isDisturbed)
        ? [
            {
              name: 'Undisturbed (ms)',
              number: true,
              title:
                'Median of the runs that nothing disturbed, by which models are compared; their part of all runs',
              cell: ({ undisturbed }: Measurement) =>
                undisturbed === undefined
                  ? '–'
                  : html`${ms(undisturbed.p50Ms)}
                      <span class="interval">${percent(undisturbed.share)}</span>`,
            },
          ]
        : []),
      { name: 'p90 (ms)', number: true, cell: ({ latencyMs }) => ms(latencyMs.p90) },
      { name: 'p99 (ms)', number: true, cell: ({ latencyMs }) => ms(latencyMs.p99) },
      {
        name: 'Per second',
        number: true,
        title: 'Samples per second',
        cell: ({ throughput }) => (throughput >= 100 ? whole(throughput) : three(throughput)),
      },
      ...(models.length > 1
        ? [
            {
              name: 'Speed',
              number: true,
              title: `Median of ${nameOf(models[0]!)} over the median of this, of the runs that nothing disturbed, with its 95 % interval`,
              cell: (one: Measurement) => ratioCell(one, ratioOf(one), models[0]),
            },
          ]
        : []),
      ...(started
        ? [
            {
              name: 'First result (ms)',
              number: true,
              title:
                'From the start of the process to its first result: cold, and the median of later starts',
              cell: ({ start }: Measurement) =>
                start === undefined
                  ? '–'
                  : `${three(start.coldMs)}${start.warmMs === null ? '' : ` / ${three(start.warmMs)}`}`,
            },
          ]
        : []),
      ...(energy
        ? [
            {
              name: 'Energy (mJ)',
              number: true,
              title: "Energy of the processor packages per run, from the processor's own counters",
              cell: (one: Measurement) => (one.energy ? three(1000 * one.energy.joulesPerRun) : '–'),
            },
          ]
        : []),
      {
        name: 'Memory',
        number: true,
        title: 'Peak resident memory of the process that ran it',
        cell: ({ peakRssBytes }) =>
          html`<span title=${exactBytes(peakRssBytes)}>${bytes(peakRssBytes)}</span>`,
      },
      {
        name: 'Runs',
        number: true,
        cell: ({ samples }) => whole(samples),
      },
    ],
    results,
    'Measurements',
  );
}

/** Where p50 is not that of the undisturbed runs, both are shown. */
const isDisturbed = ({ latencyMs, undisturbed }: Measurement): boolean =>
  undisturbed !== undefined && latencyMs.p50 > 1.1 * undisturbed.p50Ms;

function ratioCell(
  one: Measurement,
  ratio: Ratio | undefined,
  first: string | undefined,
): TemplateResult | string {
  if (one.model === first) return '1×';
  if (ratio === undefined) return '–';
  return html`<span class="verdict-${speedVerdict(ratio)}">${three(ratio.p50Ratio)}×</span>
    <span class="interval">${three(ratio.low)}–${three(ratio.high)}</span>`;
}

/** What was varied, as lines: batch sizes and threads. */
function sweeps(results: readonly Measurement[], models: readonly string[], width: number) {
  const batches = sorted(results.map(({ batch }) => batch));
  const threads = sorted(results.map((one) => one.threads));
  const device = results[0]?.device;
  const series = (
    pick: (one: Measurement) => number,
    at: (model: string) => (Measurement | undefined)[],
  ): LineSeries[] =>
    models.map((model, i) => ({
      name: nameOf(model),
      colour: colourOf(i),
      values: at(model).map((one) => (one === undefined ? undefined : pick(one))),
    }));
  const charts: TemplateResult[] = [];
  if (batches.length > 1) {
    const least = threads[0];
    const at = (model: string) =>
      batches.map((batch) =>
        results.find(
          (one) =>
            one.model === model && one.device === device && one.threads === least && one.batch === batch,
        ),
      );
    charts.push(
      lineChart(
        {
          title: 'Throughput over batch size',
          settings: batches.map(String),
          xName: 'batch',
          yName: 'samples per second',
          series: series(({ throughput }) => throughput, at),
        },
        width,
      ),
      lineChart(
        {
          title: 'Latency over batch size',
          settings: batches.map(String),
          xName: 'batch',
          yName: 'p50, ms',
          series: series(({ latencyMs }) => latencyMs.p50, at),
        },
        width,
      ),
    );
  }
  if (threads.length > 1) {
    const least = batches[0];
    const at = (model: string) =>
      threads.map((count) =>
        results.find(
          (one) =>
            one.model === model && one.device === device && one.batch === least && one.threads === count,
        ),
      );
    const own = series(({ throughput }) => throughput, at);
    const single = own[0]?.values[0];
    const ideal = single === undefined ? [] : threads.map((count) => (single * count) / threads[0]!);
    charts.push(
      lineChart(
        {
          title: 'Throughput over threads',
          settings: threads.map(String),
          xName: 'threads',
          yName: 'samples per second',
          series: [...own, { name: 'ideal', colour: 'series-a', values: ideal, guide: true }],
        },
        width,
      ),
    );
  }
  return charts;
}

/** Devices side by side, at the first setting that they share. */
function devices(results: readonly Measurement[], models: readonly string[], width: number) {
  const names = unique(results.map(({ device }) => device));
  if (names.length < 2) return nothing;
  const groups = names.map((device) => ({
    label: device,
    bars: models.flatMap((model, i) => {
      const one = results.find((each) => each.device === device && each.model === model);
      if (one === undefined) return [];
      const fallback = one.placement?.fallbackShare ?? 0;
      return [
        {
          colour: colourOf(i),
          value: one.latencyMs.p50,
          text: `${milliseconds(one.latencyMs.p50)}${fallback > 0 ? `, ${Math.round(100 * fallback)} % of the nodes on the CPU` : ''}`,
          title: nameOf(model),
        },
      ];
    }),
  }));
  return html`<h3>Devices</h3>
    <p class="muted small">Median time of one run; shorter is faster.</p>
    ${barGroups(groups, width)}`;
}

function concurrency({ concurrency: list = [] }: Benchmarked, models: readonly string[], width: number) {
  if (list.length === 0) return nothing;
  const levels = sorted(list.map((one) => one.concurrency));
  const series = (pick: (one: (typeof list)[number]) => number): LineSeries[] =>
    models.map((model, i) => ({
      name: nameOf(model),
      colour: colourOf(i),
      values: levels.map((level) => {
        const one = list.find((each) => each.model === model && each.concurrency === level);
        return one === undefined ? undefined : pick(one);
      }),
    }));
  const settings = levels.map(String);
  return [
    lineChart(
      {
        title: 'Throughput over requests at once',
        settings,
        xName: 'requests at once',
        yName: 'samples per second',
        series: series(({ throughput }) => throughput),
      },
      width,
    ),
    lineChart(
      {
        title: 'Latency over requests at once',
        settings,
        xName: 'requests at once',
        yName: 'p99, ms',
        series: series(({ latencyMs }) => latencyMs.p99),
      },
      width,
    ),
  ];
}

/** The numbers as CSV, for spreadsheets. */
export function benchmarkCsv({ results }: Benchmarked): string {
  const head =
    'model,device,threads,batch,samples,p50_ms,p90_ms,p99_ms,mean_ms,min_ms,stddev_ms,throughput_per_s,load_ms,peak_rss_bytes';
  const quote = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const lines = results.map((one) => {
    const { p50, p90, p99, mean, min, stddev } = one.latencyMs;
    const numbers = [one.threads, one.batch, one.samples, p50, p90, p99, mean, min, stddev, one.throughput, one.loadMs, one.peakRssBytes]; // prettier-ignore
    return [quote(one.model), one.device, ...numbers].join(',');
  });
  return `${[head, ...lines].join('\n')}\n`;
}
