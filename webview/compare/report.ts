// The comparison as text to take away: Markdown, CSV, JSON, and the command line that makes a variant.

import type { JobView } from '../../daemon/protocol/page';
import type { Variant } from '../../daemon/protocol/compress';
import type { Evaluation } from '../../daemon/protocol/evaluate';
import { bytes, percent, three } from '../ui/format';
import { visible } from '../ui/text';
import { comparedOf, rowsOf } from './comparison';
import { headline, plainText } from './sentence';
import { machineText } from './machine';

const variantsOf = (job: JobView): Variant[] =>
  rowsOf(job).flatMap(({ variant }) => (variant === undefined ? [] : [variant]));

const interval = (value: Evaluation | null): string =>
  value === null
    ? '–'
    : `${percent(value.value)} (${(100 * value.low).toFixed(1)}–${(100 * value.high).toFixed(1)})`;

const columns: readonly { name: string; text: (variant: Variant) => string }[] = [
  { name: 'Variant', text: ({ recipe }) => visible(recipe) },
  { name: 'Size', text: ({ fileBytes }) => bytes(fileBytes) },
  ...(['p50', 'p90', 'p99'] as const).map((key) => ({
    name: `${key} (ms)`,
    text: ({ measurement }: Variant) => (measurement === null ? '–' : three(measurement.latencyMs[key])),
  })),
  {
    name: 'Throughput (samples/s)',
    text: ({ measurement }) => (measurement === null ? '–' : three(measurement.throughput)),
  },
  {
    name: 'Speed-up',
    text: ({ ratio }) =>
      ratio === null ? '–' : `${three(ratio.p50Ratio)}× (${three(ratio.low)}–${three(ratio.high)})`,
  },
  { name: 'Top-1', text: ({ top1 }) => interval(top1) },
  { name: 'Agreement', text: ({ agreement }) => interval(agreement) },
  {
    name: 'Integer / float nodes',
    text: ({ fusion }) => (fusion === null ? '–' : `${fusion.integer} / ${fusion.float}`),
  },
];

/** A table with the sentence above and the machine below. */
export function markdownReport(job: JobView): string {
  const cell = (text: string) => text.replaceAll('|', '\\|');
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |`;
  const rows = rowsOf(job);
  return [
    `## ${visible(job.title)}`,
    '',
    `${plainText(headline(job, comparedOf(job, rows, undefined)))}.`,
    '',
    line(columns.map(({ name }) => name)),
    `| --- |${' ---: |'.repeat(columns.length - 1)}`,
    ...variantsOf(job).map((variant) => line(columns.map(({ text }) => text(variant)))),
    '',
    machineText(job),
    '',
  ].join('\n');
}

/** One line for each variant, plain numbers. */
export function csvReport(job: JobView): string {
  const quote = (value: string | number | undefined) => {
    const text = value === undefined ? '' : String(value);
    // A cell that a spreadsheet would take for a formula starts with an apostrophe instead.
    const safe = typeof value === 'string' && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  const header = [
    'recipe',
    'file',
    'file_bytes',
    'p50_ms',
    'p90_ms',
    'p99_ms',
    'throughput_per_s',
    'samples',
    'speedup',
    'speedup_low',
    'speedup_high',
    'top1',
    'top1_low',
    'top1_high',
    'agreement',
    'integer_nodes',
    'float_nodes',
  ];
  const lines = variantsOf(job).map(
    ({ recipe, file, fileBytes, measurement, ratio, top1, agreement, fusion }) => [
      recipe,
      file,
      fileBytes,
      measurement?.latencyMs.p50,
      measurement?.latencyMs.p90,
      measurement?.latencyMs.p99,
      measurement?.throughput,
      measurement?.samples,
      ratio?.p50Ratio,
      ratio?.low,
      ratio?.high,
      top1?.value,
      top1?.low,
      top1?.high,
      agreement?.value,
      fusion?.integer,
      fusion?.float,
    ],
  );
  return [header, ...lines].map((cells) => cells.map(quote).join(',')).join('\n') + '\n';
}

/** Everything that is known, as the daemon said it. */
export function jsonReport(job: JobView): string {
  return JSON.stringify(
    { model: job.model.file, ...(job.result ?? {}), variants: variantsOf(job) },
    undefined,
    2,
  );
}

/** The command line that makes a variant, or undefined for the original. */
export function recipeCommand(job: JobView, variant: Variant): string | undefined {
  const method = /^int8 (static|dynamic)$/.exec(variant.recipe)?.[1];
  if (method === undefined) return undefined;
  const calibration = method === 'static' ? job.result?.calibration : null;
  const words = ['slipway', 'quantize', job.model.file, '-o', variant.file, '--method', method];
  if (typeof calibration === 'string') words.push('--calibration', calibration);
  return words.map(shellWord).join(' ');
}

const shellWord = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
