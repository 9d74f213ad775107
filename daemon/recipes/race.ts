// Sessions timed in turns on the same inputs: which is fastest, and how many times as fast as the first. What else the
// machine does only ever makes a run longer, so that runs are compared that nothing disturbed. Short on purpose; figures
// for a report are benchmark.ts's.

import type { Task } from '../base/task';
import type { Feeds, RunnerSession } from '../runtime/runner/session';

export interface RaceLimits {
  /** Length of a turn, at least one run. */
  readonly turnMs: number;
  /** Rounds of turns at the most, and before anything is decided. */
  readonly rounds: number;
  readonly fewest: number;
}

export interface Racer {
  /** Time of the first over its own. */
  readonly ratio: number;
  /** A run that nothing disturbed, milliseconds. */
  readonly ms: number;
  readonly rounds: number;
}

/** Share of the runs that count as undisturbed, on a machine that is busy most of the time. */
const undisturbed = 0.1;
/** One that takes so many times as long as the fastest leaves; nearer ones may still turn out the fastest. */
const lost = 1.06;

/**
 * The sessions in their order. Those that fall behind leave after `fewest` rounds; the race ends early only when all but
 * the first have.
 */
export async function race(
  sessions: readonly RunnerSession[],
  feeds: Feeds,
  { turnMs, rounds, fewest }: RaceLimits,
  task: Task,
): Promise<Racer[]> {
  const times = sessions.map((): number[] => []);
  const ran = sessions.map(() => 0);
  const turn = async (at: number) => sessions[at]!.timeRuns(feeds, { runs: 1000, maxMs: turnMs }, task);
  for (const at of sessions.keys()) await turn(at);
  const racing = new Set(sessions.keys());
  for (let round = 0; round < rounds; round += 1) {
    for (const at of racing) {
      for (const ms of await turn(at)) times[at]!.push(ms);
      ran[at]! += 1;
    }
    if (round + 1 < fewest) continue;
    const ms = times.map(undisturbedTime);
    const best = Math.min(...[...racing].map((at) => ms[at]!));
    for (const at of racing) if (at !== 0 && ms[at]! > best * lost) racing.delete(at);
    const others = [...racing].filter((at) => at !== 0);
    // Only what stays as it is may be decided early.
    if (others.every((at) => ms[at]! > ms[0]! * lost)) break;
  }
  const first = undisturbedTime(times[0]!);
  return times.map((own, at) => {
    const ms = undisturbedTime(own);
    return { ratio: first / ms, ms, rounds: ran[at]! };
  });
}

/** The time that a tenth of the runs do not exceed. */
function undisturbedTime(times: readonly number[]): number {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted[Math.floor(undisturbed * (sorted.length - 1))] ?? NaN;
}
