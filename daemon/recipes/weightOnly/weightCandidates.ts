// Algorithms that lower the error of each layer and yet may raise that of the whole model: AWQ, and rounding whose
// errors are weighed by the inputs. The quantized models are run against the original on the samples, and the nearest is
// taken, so that none of them loses to plain round to nearest with a search.

import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { temporaryFolder } from '../../host/temporaryFolder';
import type { Diagnostic } from '../../base/diagnostic';
import { silentTask, type Task } from '../../base/task';
import { workThreads } from '../../evaluate/evaluate';
import { compareSessions, type ComparedBatch, type OutputSource } from '../../evaluate/outputError';
import { writeModel } from '../../onnx/writeModel';
import type { WeightAlgorithm } from '../../passes/weightOnly/quantizeMatrix';
import type { WeightOnlyOutcome } from '../../passes/weightOnly/weightOnly';
import { withRunner } from '../../runtime/runner/runnerProcess';
import { sleepingThreads, type Feeds, type RunnerSession } from '../../runtime/runner/session';
import { withLevel } from './accuracyLevel';

export interface Candidate {
  readonly algorithm: WeightAlgorithm;
  /** Errors of rounding are weighed by the inputs that they meet. */
  readonly weighed: boolean;
  /** How often GPTQ has gone through the model with this one. */
  readonly pass?: number;
}

export interface TriedCandidate extends Candidate {
  /** Of the outputs against the original's, with float32 activations, dB. */
  sqnrDb: number;
}

/** What an algorithm is measured against where there is data; itself alone when measuring has shown no need. */
export function candidatesOf(algorithm: WeightAlgorithm, passes = 1): Candidate[] {
  const alone: Candidate = { algorithm, weighed: true };
  if (algorithm === 'gptq' && passes > 1)
    return Array.from({ length: passes }, (_, at) => ({ ...alone, pass: at + 1 }));
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
  const folder = await temporaryFolder('weights');
  const quiet: Task = { ...silentTask, signal: task.signal };
  try {
    return await withRunner(task, async (runner) => {
      const options = { threads: workThreads(), config: sleepingThreads };
      const original = remembering(await runner.load(path, options, task));
      const tried: TriedCandidate[] = [];
      let best: { readonly outcome: WeightOnlyOutcome; readonly sqnrDb: number } | undefined;
      for (const [done, candidate] of candidates.entries()) {
        const outcome = await make(candidate);
        task.report({ stage: 'Comparing algorithms', done, total: candidates.length });
        const trial = join(folder, basename(path));
        await writeModel(withLevel(outcome.model, 1), trial, { overwrite: true }, quiet);
        const changed = await runner.load(trial, options, task);
        const label = { label: basename(trial) };
        const { sqnrDb } = await compareSessions(original(), changed, batches(), label, quiet);
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

const mostRemembered = 32 * 2 ** 20;

/** The outputs of a session over the same batches again and again, remembered where they are small. */
function remembering(session: RunnerSession): () => OutputSource {
  const known: Feeds[] = [];
  let bytes = 0;
  return () => {
    let next = 0;
    return {
      outputs: session.outputs,
      async run(feeds, task) {
        const at = next++;
        const found = known[at];
        if (found) return found;
        const outputs = await session.run(feeds, task);
        for (const { data } of Object.values(outputs)) bytes += 8 * data.length;
        if (at === known.length && bytes <= mostRemembered) known.push(outputs);
        return outputs;
      },
    };
  };
}

const nameOf = ({ algorithm, weighed, pass }: Candidate) =>
  pass !== undefined
    ? `${algorithm} after ${pass} ${pass === 1 ? 'pass' : 'passes'}`
    : algorithm === 'awq'
      ? algorithm
      : `${algorithm} ${weighed ? 'weighed by the inputs' : 'as without data'}`;

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
