// Whether a profile adds up: its nodes and the call, each measured apart, against a run without profiling.

import { silentTask } from '../../../daemon/base/task';
import { profile, type ProfileResult } from '../../../daemon/runtime/profile/profile';
import { median } from '../../../daemon/runtime/statistics';
import type { BenchRow } from '../row';
import { nameOf, type Models } from './models';

const bind = { seq: 64, sequence: 64, seq_len: 64 };

/** The sum over the nodes against the run without profiling. */
export async function profileSums({ small, medium, large }: Models): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const model of [small, medium, large]) {
    const found: ProfileResult[] = [];
    for (let run = 0; run < 5; run++) {
      const options = model === large ? { bind: await known(model) } : {};
      found.push(await profile(model, undefined, options, silentTask));
    }
    const ratios = found.map(({ sumUs, callUs, runUs }) => (sumUs + callUs) / runUs);
    const before = found.map(({ sumUs, callUs, runUs, slowdown }) => (sumUs * slowdown + callUs) / runUs);
    const value = Math.abs(median(ratios) - 1) * 100;
    const [first] = found;
    const of = (key: 'runUs' | 'callUs' | 'recordUs' | 'overhead') => median(found.map((one) => one[key]));
    rows.push({
      name: `nodes and call of a profile against the run, ${nameOf(model)}`,
      value,
      unit: '%',
      goal: 'within 5 %',
      holds: value <= 5,
      detail: `median of 5, from ${Math.min(...ratios).toFixed(3)} to ${Math.max(...ratios).toFixed(3)} (${median(before).toFixed(3)}, from ${Math.min(...before).toFixed(3)} to ${Math.max(...before).toFixed(3)}, before the slowing by records is taken off); run ${of('runUs').toFixed(0)} µs, call ${of('callUs').toFixed(1)} µs, ${first!.nodes.length} nodes; profiling adds ${(of('overhead') * 100).toFixed(0)} %, of which ${of('recordUs').toFixed(1)} µs a node are taken off`,
    });
  }
  return rows;
}

/** The free dimensions of a sequence model, by the names that it has. */
async function known(model: string): Promise<Record<string, number>> {
  const { assumed } = await profile(model, undefined, { maxSeconds: 0.3 }, silentTask);
  return Object.fromEntries(Object.entries(bind).filter(([name]) => name in assumed));
}
