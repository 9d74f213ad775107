// Rows of cost as CSV.

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
export function csvOf(rows: readonly CostRow[]): string {
  const cell = (value: string | number | null) => {
    if (typeof value !== 'string') return value === null ? '' : String(value);
    const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
    return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return [fields.join(','), ...rows.map((row) => fields.map((field) => cell(row[field])).join(','))].join(
    '\n',
  );
}
