// Rows of cost as CSV.

import { eachInSteps, inOneGo, type Steps } from '../../base/task';
import type { CostRow } from './costReport';

const fields = [
  'name',
  'op',
  'nodes',
  'macs',
  'flops',
  'parameters',
  'weightBytes',
  'outputBytes',
  'liveBytes',
  'intensity',
] as const satisfies readonly (keyof CostRow)[];

/** RFC 4180, with a heading; a cell that a spreadsheet would take for a formula is made text. */
export const csvOf = (rows: readonly CostRow[]): string => inOneGo(writingCsv(rows));

/** The same in steps. */
export function* writingCsv(rows: readonly CostRow[]): Steps<string> {
  const cell = (value: string | number | null) => {
    if (typeof value !== 'string') return value === null ? '' : String(value);
    const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
    return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  const lines = [fields.join(',')];
  yield* eachInSteps(rows, (row) => lines.push(fields.map((field) => cell(row[field])).join(',')));
  return lines.join('\n');
}
