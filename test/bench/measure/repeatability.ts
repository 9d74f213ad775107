// Repeatability: how far apart separate runs of the same comparison lie while somebody else uses the machine.

import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { silentTask } from '../../../daemon/base/task';
import { benchmark } from '../../../daemon/runtime/benchmark/benchmark';
import { median } from '../../../daemon/runtime/statistics';
import type { BenchRow } from '../row';
import { nameOf, type Models } from './models';

/** Keeps one processor busy until it is told to stop. */
function loadOneCore(): { stop(): Promise<void> } {
  const child = spawn(process.execPath, ['-e', 'for (;;) Math.sqrt(Math.random());'], { stdio: 'ignore' });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    async stop() {
      child.kill('SIGKILL');
      await gone;
    },
  };
}

/** Five separate runs of the same comparison, a second process loading one core in two of them. */
export async function repeatability({ small, medium }: Models): Promise<BenchRow[]> {
  const ratios: number[] = [];
  for (let run = 0; run < 5; run++) {
    const loaded = run === 1 || run === 3 ? loadOneCore() : undefined;
    try {
      const { ratios: found } = await benchmark(
        [{ path: medium }, { path: small }],
        { maxSeconds: 8 },
        silentTask,
      );
      ratios.push(found[0]!.p50Ratio);
    } finally {
      await loaded?.stop();
    }
  }
  const halfRange = (Math.max(...ratios) - Math.min(...ratios)) / 2 / median(ratios);
  return [
    {
      name: 'repeatability of a p50 ratio, half range',
      value: halfRange * 100,
      unit: '%',
      goal: '≤ 3 %',
      holds: halfRange <= 0.03,
      detail: `${nameOf(medium)} over ${nameOf(small)}, five runs, one core loaded in the second and fourth of ${availableParallelism()}: ${ratios.map((ratio) => ratio.toFixed(3)).join(', ')}`,
    },
  ];
}
