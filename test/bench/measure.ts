// How far the measurements can be believed, in parts that can be run alone (`measure/profile`): repeatability of ratios
// while somebody else uses the machine, what the harness adds to a bare loop, whether a profile adds up, whether a
// real session under Poisson load waits as long as queueing theory says, and what an evaluation costs.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { evaluation } from './measure/evaluation';
import { pick, type Models } from './measure/models';
import { overhead } from './measure/overhead';
import { poissonLoad } from './measure/poissonLoad';
import { profileSums } from './measure/profileSums';
import { repeatability } from './measure/repeatability';
import type { BenchRow } from './row';

type Part = (models: Models, folder: string) => Promise<BenchRow[]>;

/** Each takes one to three minutes. */
const parts: Readonly<Record<string, Part>> = {
  repeatability,
  overhead,
  profile: profileSums,
  poisson: poissonLoad,
  evaluate: evaluation,
};

/** All figures, or those of one part; a part that cannot be measured says why in its row. */
export async function bench(): Promise<BenchRow[]> {
  const only = process.env['SLIPWAY_BENCH_PART'] ?? '';
  if (only !== '' && !(only in parts))
    throw new Error(`There is no part "${only}". There are: ${Object.keys(parts).join(', ')}.`);
  const folder = mkdtempSync(join(tmpdir(), 'slipway-measure-'));
  try {
    const models = await pick(folder);
    const rows: BenchRow[] = [];
    for (const [name, part] of Object.entries(parts)) {
      if (only !== '' && name !== only) continue;
      try {
        rows.push(...(await part(models, folder)));
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        rows.push({ name, value: null, unit: '', goal: '', holds: false, detail: `not measured: ${why}` });
      }
    }
    return rows;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
