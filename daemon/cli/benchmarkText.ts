// A benchmark's result for people: tables of latency, concurrency and load, and what disturbed them.

import { basename } from 'node:path';
import type { Environment } from '../runtime/benchmark/benchmarkEnvironment';
import type { SweepResult } from '../runtime/benchmark/benchmarkSweep';
import { megabytes, milliseconds, plural, ratio, significant } from './format';
import { renderTable } from './table';

const right = 'right' as const;
const numbers = (titles: readonly string[]) => titles.map((title) => ({ title, align: right }));

/** All of it, as lines. */
export function describeBenchmark(result: SweepResult): string {
  const { machine, concurrency, load, warnings, failures } = result;
  const sets = machine.instructionSets.length > 0 ? ` (${machine.instructionSets.join(', ')})` : '';
  return [
    `${machine.cpu}${sets}, ONNX Runtime ${machine.onnxruntime}`,
    settingText(result),
    environmentText(result.environment),
    result.environment.energy,
    '',
    latencyTable(result),
    ...(concurrency.length > 0 ? ['', concurrencyTable(result)] : []),
    ...(load.length > 0 ? ['', loadTable(result)] : []),
    ...(failures.length > 0 ? ['', 'Not measured:'] : []),
    ...failures.map((failure) => `  ${basename(failure.model)}, ${setting(failure)}: ${failure.message}`),
    ...(warnings.length > 0 ? ['', ...warnings.map((warning) => `! ${warning}`)] : []),
  ].join('\n');
}

const setting = (row: { device: string; threads: number; batch: number | null }) =>
  `${row.device}, ${plural(row.threads, 'thread')}${row.batch === null ? '' : `, batch ${row.batch}`}`;

const varies = ({ results }: SweepResult) => new Set(results.map(setting)).size > 1;

/** What the numbers depend on beside machine and model. */
function environmentText({
  kernel,
  cpuQuota,
  affinity,
  governor,
  loadAverage,
  variables,
}: Environment): string {
  return [
    `kernel ${kernel}`,
    cpuQuota === null ? 'no processor quota' : `a quota of ${significant(cpuQuota)} processors`,
    ...(affinity === null ? [] : [`processors ${affinity}`]),
    ...(governor === null ? [] : [`governor ${governor}`]),
    ...(loadAverage === null ? [] : [`load average ${loadAverage.toFixed(1)}`]),
    ...Object.entries(variables).map(([name, value]) => `${name}=${value}`),
  ].join(', ');
}

const settingText = (result: SweepResult) => {
  const [first] = result.results;
  return varies(result) || !first ? '' : setting(first);
};

/** Where p50 is not that of the undisturbed runs, both are shown: ratios are of these. */
const isDisturbed = ({ latencyMs, undisturbed }: SweepResult['results'][number]) =>
  latencyMs.p50 > 1.1 * undisturbed.p50Ms;

function latencyTable(result: SweepResult): string {
  const { results, ratios } = result;
  const swept = varies(result);
  const energy = results.some((row) => row.energy !== null);
  const disturbed = results.some(isDisturbed);
  const rows = results.map((row) => {
    const faster = ratios.find(
      (one) =>
        one.model === row.model &&
        one.device === row.device &&
        one.threads === row.threads &&
        one.batch === row.batch &&
        row.model !== result.results[0]?.model,
    );
    return [
      basename(row.model),
      ...(swept ? [setting(row)] : []),
      milliseconds(row.latencyMs.p50),
      milliseconds(row.latencyMs.p90),
      milliseconds(row.latencyMs.p99),
      ...(disturbed ? [milliseconds(row.undisturbed.p50Ms)] : []),
      `${significant(row.throughput)}/s`,
      milliseconds(row.loadMs),
      milliseconds(row.start.coldMs),
      row.start.warmMs === null ? '–' : milliseconds(row.start.warmMs),
      megabytes(row.peakRssBytes),
      ...(energy ? [row.energy === null ? '–' : `${significant(row.energy.joulesPerRun * 1000)} mJ`] : []),
      String(row.samples),
      faster ? ratio(faster) : '',
    ];
  });
  return renderTable(
    [
      { title: 'Model' },
      ...(swept ? [{ title: 'Setting' }] : []),
      ...numbers(['p50', 'p90', 'p99']),
      ...(disturbed ? numbers(['Undisturbed p50']) : []),
      ...numbers(['Throughput', 'Load', 'Cold start', 'Warm start', 'Peak memory']),
      ...(energy ? numbers(['Energy']) : []),
      ...numbers(['Runs']),
      ...(ratios.length > 0 ? numbers(['Speed against first']) : []),
    ],
    rows,
  );
}

const concurrencyTable = ({ concurrency }: SweepResult) =>
  renderTable(
    [{ title: 'Model' }, ...numbers(['At once', 'Throughput', 'p50', 'p99', 'Peak memory'])],
    concurrency.map((row) => [
      basename(row.model),
      String(row.concurrency),
      `${significant(row.throughput)}/s`,
      milliseconds(row.latencyMs.p50),
      milliseconds(row.latencyMs.p99),
      megabytes(row.peakRssBytes),
    ]),
  );

const verdict = (holds: boolean | null) =>
  holds === null ? 'not decided' : holds ? 'holds' : 'does not hold';

const loadTable = ({ load }: SweepResult) =>
  renderTable(
    [
      { title: 'Model' },
      { title: 'Load' },
      ...numbers(['Rate', 'Throughput', 'p50', 'p90', 'p99', 'Mean wait', 'Expected', 'Busy', 'Queries']),
      { title: 'Bound' },
    ],
    load.map((row) => [
      basename(row.model),
      row.pattern,
      row.rate === null ? '' : `${significant(row.rate)}/s`,
      `${significant(row.throughput)}/s`,
      milliseconds(row.latencyMs.p50),
      milliseconds(row.latencyMs.p90),
      milliseconds(row.latencyMs.p99),
      milliseconds(row.waitMs.mean),
      row.expectedWaitMs === null ? '' : milliseconds(row.expectedWaitMs),
      `${(row.utilisation * 100).toFixed(0)} %`,
      String(row.queries),
      row.boundMs === null ? '' : `p99 ≤ ${milliseconds(row.boundMs)} ${verdict(row.holds)}`,
    ]),
  );
