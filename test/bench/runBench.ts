// The frame of every benchmark: prints its table and writes bench-results/NAME.json.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setScriptFolder } from '../../daemon/host/scripts';
import { describeMachine } from '../../daemon/runtime/machine';
import type { BenchRow } from './row';

/** Runs one benchmark; the exit code is 1 when a figure with a goal does not hold. */
export async function runBench(name: string, bench: () => Promise<BenchRow[]>): Promise<void> {
  const dist = process.env['SLIPWAY_TEST_DIST'];
  if (dist) setScriptFolder(dist);
  const machine = await describeMachine();
  const rows = await bench();
  const cells = rows.map((row) => [
    row.name,
    row.value === null ? '–' : `${Number(row.value.toPrecision(3))} ${row.unit}`.trim(),
    row.goal,
    row.holds ? 'holds' : row.goal === '' ? '' : 'does not hold',
    row.detail,
  ]);
  const header = ['figure', 'measured', 'goal', '', 'detail'];
  const widths = header.map((title, i) => Math.max(title.length, ...cells.map((row) => row[i]!.length)));
  const line = (row: string[]) =>
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('  ')
      .trimEnd();
  process.stdout.write(`\n${name}  (${machine.cpu}, ${machine.cores} cores, Node ${machine.node})\n`);
  process.stdout.write(`${[header, ...cells].map(line).join('\n')}\n`);
  mkdirSync('bench-results', { recursive: true });
  const part = process.env['SLIPWAY_BENCH_PART'];
  const file = part ? `${name}-${part}.json` : `${name}.json`;
  writeFileSync(join('bench-results', file), `${JSON.stringify({ machine, rows }, null, 2)}\n`);
  if (rows.some((row) => row.goal !== '' && !row.holds)) process.exitCode = 1;
}
