// The tables of slipway inspect --by node, op or scope, for people and as CSV.

import { costReport, type CostReport, type CostRow } from '../analysis/cost/costReport';
import type { Model } from '../ir/model';
import type { InferOptions } from '../analysis/shapes';
import { byteText, count, millions } from './format';
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
  const unknown = 'unknown';
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
      row.macs === null ? unknown : millions(row.macs),
      row.macs === null || total === 0 ? '' : `${((100 * row.macs) / total).toFixed(1)} %`,
      row.flops === null ? unknown : millions(row.flops),
      count(row.parameters),
      byteText(row.weightBytes),
      row.outputBytes === null ? unknown : byteText(row.outputBytes),
      row.liveBytes === null ? unknown : byteText(row.liveBytes),
      row.intensity === null ? '' : row.intensity.toFixed(1),
    ]),
  );
}
