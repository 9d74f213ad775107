// The tables of slipway inspect --by node, op or scope, for people and as CSV.

import { costReport, type CostReport, type CostRow } from '../analysis/cost/costReport';
import type { Model } from '../ir/model';
import type { InferOptions } from '../analysis/shapes';
import { byteText, count, scaled, significant } from './format';
import { renderTable } from './table';

export const groupings = ['node', 'op', 'scope'] as const;
export type Grouping = (typeof groupings)[number];

export function rowsBy(
  model: Model,
  by: Grouping,
  options: InferOptions,
): { report: CostReport; rows: readonly CostRow[] } {
  const report = costReport(model, options);
  return { report, rows: by === 'node' ? report.nodes : by === 'op' ? report.ops : report.scopes };
}

export function tableOf(rows: readonly CostRow[], by: Grouping): string {
  const total = rows.reduce(
    (most, row) => (by === 'scope' ? Math.max(most, row.macs ?? 0) : most + (row.macs ?? 0)),
    0,
  );
  const right = (title: string) => ({ title, align: 'right' as const });
  // A column that is mostly nothing is read by what stands in it.
  const figure = (value: number | null, text: (value: number) => string) =>
    value === null ? 'unknown' : value === 0 ? '' : text(value);
  const name = (row: CostRow) => {
    if (by !== 'scope') return row.name;
    return row.name === ''
      ? 'model'
      : `${'  '.repeat(row.name.split('/').length)}${row.name.split('/').at(-1)!}`;
  };
  return renderTable(
    [
      { title: by },
      ...(by === 'node' ? [{ title: 'operator' }] : [right('nodes')]),
      right('MACs'),
      right('share'),
      right('FLOPs'),
      right('parameters'),
      right('weights'),
      right('written'),
      right('live'),
      right('op/B'),
    ],
    rows.map((row) => [
      name(row),
      by === 'node' ? row.op : count(row.nodes),
      figure(row.macs, scaled),
      row.macs === null || row.macs === 0 || total === 0 ? '' : `${((100 * row.macs) / total).toFixed(1)} %`,
      figure(row.flops, scaled),
      figure(row.parameters, count),
      figure(row.weightBytes, byteText),
      figure(row.outputBytes, byteText),
      figure(row.liveBytes, byteText),
      figure(row.intensity ?? 0, significant),
    ]),
  );
}
