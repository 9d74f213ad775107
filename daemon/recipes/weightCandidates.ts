// Algorithms that lower the error of each layer and yet may raise that of the whole model: AWQ, and rounding whose
// errors are weighed by the inputs. The quantized models are run against the original on the samples, and the nearest is
// taken, so that none of them loses to plain round to nearest with a search.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Diagnostic } from '../base/diagnostic';
import { silentTask, type Task } from '../base/task';
import { compareSessions, type ComparedBatch } from '../evaluate/outputError';
import { writeModel } from '../onnx/writeModel';
import type { WeightAlgorithm } from '../passes/weightOnly/quantizeMatrix';
import type { WeightOnlyOutcome } from '../passes/weightOnly/weightOnly';
import { withRunner } from '../runtime/runnerProcess';
import { withLevel } from './accuracyLevel';

export interface Candidate {
  readonly algorithm: WeightAlgorithm;
  /** Errors of rounding are weighed by the inputs that they meet. */
  readonly weighed: boolean;
}

export interface TriedCandidate extends Candidate {
  /** Of the outputs against the original's, with float32 activations, dB. */
  sqnrDb: number;
}

/** What an algorithm is measured against where there is data; itself alone when measuring has shown no need. */
export function candidatesOf(algorithm: WeightAlgorithm): Candidate[] {
  const alone: Candidate = { algorithm, weighed: true };
  if (algorithm === 'rtn' || algorithm === 'k-quant') return [alone, { algorithm, weighed: false }];
  return algorithm === 'awq' ? [{ algorithm, weighed: false }, ...candidatesOf('rtn')] : [alone];
}

/** Makes each candidate and keeps the one whose outputs are nearest to those of the model at `path`. */
export async function nearestCandidate(
  path: string,
  candidates: readonly Candidate[],
  make: (candidate: Candidate) => Promise<WeightOnlyOutcome>,
  batches: () => AsyncIterable<ComparedBatch>,
  task: Task,
): Promise<{ outcome: WeightOnlyOutcome; tried: TriedCandidate[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'slipway-weights-'));
  const quiet: Task = { ...silentTask, signal: task.signal };
  try {
    return await withRunner(task, async (runner) => {
      const original = await runner.load(path, {}, task);
      const tried: TriedCandidate[] = [];
      let best: { readonly outcome: WeightOnlyOutcome; readonly sqnrDb: number } | undefined;
      for (const [done, candidate] of candidates.entries()) {
        const outcome = await make(candidate);
        task.report({ stage: 'Comparing algorithms', done, total: candidates.length });
        const trial = join(folder, basename(path));
        await writeModel(withLevel(outcome.model, 1), trial, { overwrite: true }, quiet);
        const changed = await runner.load(trial, {}, task);
        const label = { label: basename(trial) };
        const { sqnrDb } = await compareSessions(original, changed, batches(), label, quiet);
        await changed.release();
        tried.push({ ...candidate, sqnrDb });
        if (!best || sqnrDb > best.sqnrDb) best = { outcome, sqnrDb };
      }
      return { outcome: best!.outcome, tried };
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const nameOf = ({ algorithm, weighed }: Candidate) =>
  algorithm === 'awq' ? algorithm : `${algorithm} ${weighed ? 'weighed by the inputs' : 'as without data'}`;

/** Says which was taken, when it is not what was asked for. */
export function candidateNote(asked: WeightAlgorithm, tried: readonly TriedCandidate[]): Diagnostic[] {
  const [first] = tried;
  const best = tried.reduce((a, b) => (b.sqnrDb > a.sqnrDb ? b : a), first!);
  if (!first || best === first) return [];
  return [
    {
      id: 'quantize/nearer',
      severity: 'info',
      message: `${nameOf(best)} was taken for ${asked}: its outputs are nearer to the original's (${tried.map((each) => `${nameOf(each)} ${each.sqnrDb.toFixed(1)} dB`).join(', ')}).`,
    },
  ];
}
