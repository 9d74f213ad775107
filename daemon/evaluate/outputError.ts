// How far the outputs of a changed model lie from those of the original, over the same feeds.

import { basename } from 'node:path';
import { SlipwayError } from '../base/errors';
import { throwIfCancelled, type Task } from '../base/task';
import { withRunner } from '../runtime/runner/runnerProcess';
import type { Feeds, TensorValue } from '../runtime/runner/session';
import { toNumbers } from './convert';

export interface OutputError {
  /** Cosine similarity of all outputs together. */
  readonly cosine: number;
  /** Power of the original's outputs over the power of the difference, dB; at the most ±200, which stands for equal. */
  readonly sqnrDb: number;
  readonly maxAbs: number;
  readonly samples: number;
}

/** Feeds with the number of samples in them that count. */
export interface ComparedBatch {
  readonly feeds: Feeds;
  readonly count: number;
}

const limitDb = 200;

/** Sums over outputs, from which the figures come; feed it pair by pair. */
export class OutputComparison {
  private dot = 0;
  private powerA = 0;
  private powerB = 0;
  private noise = 0;
  private maxAbs = 0;
  private samples = 0;
  /** Elements that the original gives as numbers and the changed model does not. */
  lost = 0;

  /** Adds the first `rows` rows of a pair of outputs (all elements when the first dimension is something else). */
  add(a: TensorValue, b: TensorValue, rows: number, batch: number): void {
    if (a.type === 'string' || b.type === 'string') return;
    const x = toNumbers(a.type, a.data);
    const y = toNumbers(b.type, b.data);
    const counted = a.dims[0] === batch ? (x.length / batch) * rows : x.length;
    if (x.length !== y.length) {
      this.lost += counted;
      return;
    }
    for (let i = 0; i < counted; i += 1) {
      const p = x[i]!;
      const q = y[i]!;
      // An infinity that stands for "never" in the original says nothing about rounding.
      if (!Number.isFinite(p)) continue;
      if (!Number.isFinite(q)) {
        this.lost += 1;
        continue;
      }
      const difference = Math.abs(p - q);
      this.dot += p * q;
      this.powerA += p * p;
      this.powerB += q * q;
      this.noise += difference * difference;
      if (difference > this.maxAbs) this.maxAbs = difference;
    }
  }

  addSamples(count: number): void {
    this.samples += count;
  }

  result(): OutputError {
    const lengths = Math.sqrt(this.powerA) * Math.sqrt(this.powerB);
    // Equal outputs are exactly alike, whatever the roots round to; so are outputs of nothing but zeros.
    const cosine = this.noise === 0 ? 1 : lengths > 0 ? this.dot / lengths : 0;
    const ratio = this.noise === 0 ? limitDb : 10 * Math.log10(this.powerA / this.noise);
    return {
      cosine: Math.min(1, Math.max(-1, cosine)),
      sqnrDb: Math.max(-limitDb, Math.min(limitDb, ratio)),
      maxAbs: this.maxAbs,
      samples: this.samples,
    };
  }
}

const sampleSize = (feeds: Feeds, count: number) =>
  Math.max(count, ...Object.values(feeds).map((value) => value.dims[0] ?? 0));

/** What gives outputs: a loaded model, or the outputs of an earlier run. */
export interface OutputSource {
  readonly outputs: readonly { readonly name: string }[];
  run(feeds: Feeds, task: Task): Promise<Feeds>;
}

/** Compares two loaded models; see `compareOutputs`. */
export async function compareSessions(
  original: OutputSource,
  changed: OutputSource,
  batches: AsyncIterable<ComparedBatch> | Iterable<ComparedBatch>,
  options: { readonly label: string; readonly total?: number | undefined },
  task: Task,
): Promise<OutputError> {
  const comparison = new OutputComparison();
  let done = 0;
  for await (const { feeds, count } of batches) {
    throwIfCancelled(task);
    const a = await original.run(feeds, task);
    const b = await changed.run(feeds, task);
    const batch = sampleSize(feeds, count);
    for (const [i, { name }] of original.outputs.entries()) {
      const x = a[name];
      // The changed model keeps the names; should it not, outputs go by position.
      const y = b[name] ?? b[changed.outputs[i]?.name ?? ''];
      if (!x || !y) throw new SlipwayError('runnerFailed', `${options.label} gives no output "${name}".`);
      comparison.add(x, y, count, batch);
    }
    comparison.addSamples(count);
    done += count;
    task.report({
      stage: `Comparing the outputs of ${options.label}`,
      done,
      ...(options.total === undefined ? {} : { total: options.total }),
    });
  }
  if (comparison.lost > 0)
    throw new SlipwayError(
      'runnerFailed',
      `${options.label} gives ${comparison.lost} output values that are not numbers, or of another shape, where the original gives numbers.`,
    );
  return comparison.result();
}

/**
 * Runs the model at `original` and the one at `changed` on the same feeds and compares all their outputs.
 * Throws `runnerFailed` when a model cannot be run or gives NaN where the original gives numbers.
 */
export async function compareOutputs(
  original: string,
  changed: string,
  batches: AsyncIterable<ComparedBatch> | Iterable<ComparedBatch>,
  task: Task,
): Promise<OutputError> {
  return withRunner(task, async (runner) => {
    const a = await runner.load(original, {}, task);
    const b = await runner.load(changed, {}, task);
    return compareSessions(a, b, batches, { label: basename(changed) }, task);
  });
}
