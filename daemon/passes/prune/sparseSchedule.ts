// How a share of zeros is spread: over layers, so that each loses about the same part of its output (Lee et al. 2021,
// LAMP), and over rounds, most of it early (Zhu & Gupta 2017).

import { breathe, type Task } from '../../base/task';
import type { Model } from '../../ir/model';
import { floatsOf, type TensorReader } from '../tensorReader';
import type { InputGram } from './channels/importance';
import { matrixOf, sparseLayers, type SparseTarget } from './sparse';

/** Share of zeros after round `round` of `rounds`, when `last` of them are wanted in the end. */
export const shareAfter = (last: number, round: number, rounds: number): number =>
  last * (1 - (1 - round / rounds) ** 3);

/** Counting bins for one octave of scores. */
const perOctave = 8;
const octaves = 96;

/**
 * Shares of zeros by layer so that `ratio` of all weights are zero. A weight's score is what it adds to its layer's
 * output, as a part of what all weights add that matter no less; the lowest scores of all layers go.
 */
export async function sharesByLayer(
  model: Model,
  ratio: number,
  grams: ReadonlyMap<string, InputGram> | undefined,
  read: TensorReader,
  task: Task,
): Promise<Map<string, number>> {
  const bins: { name: string; count: number; score: number; elements: number }[] = [];
  let all = 0;
  for (const target of sparseLayers(model)) {
    const elements = target.rows.k * target.rows.outputs;
    all += elements;
    for (const bin of await scoreBins(target, grams?.get(target.name), read, task))
      bins.push({ name: target.name, elements, ...bin });
  }
  bins.sort((a, b) => a.score - b.score);
  const shares = new Map<string, number>();
  let left = ratio * all;
  for (const { name, count, elements } of bins) {
    const taken = Math.min(count, left);
    shares.set(name, (shares.get(name) ?? 0) + taken / elements);
    left -= taken;
  }
  return shares;
}

/** Weights of a layer counted by what they add to its output; `score` divides that by what those no smaller add. */
async function scoreBins(
  { weight, rows }: SparseTarget,
  gram: InputGram | undefined,
  read: TensorReader,
  task: Task,
): Promise<{ count: number; score: number }[]> {
  const { k, outputs } = rows;
  const w = await matrixOf(rows, await floatsOf(read, weight), task);
  const power = new Float64Array(k).fill(1);
  if (gram?.k === k) for (let i = 0; i < k; i += 1) power[i] = gram.gram[i * k + i]!;
  let most = 0;
  for (let i = 0; i < w.length; i += 1) most = Math.max(most, w[i]! ** 2 * power[Math.floor(i / outputs)]!);
  const size = perOctave * octaves;
  const counts = new Float64Array(size + 1);
  const sums = new Float64Array(size + 1);
  for (let i = 0; i < k; i += 1) {
    for (let n = 0; n < outputs; n += 1) {
      const added = w[i * outputs + n]! ** 2 * power[i]!;
      const below = added > 0 ? Math.min(size, Math.floor(Math.log2(most / added) * perOctave)) : size;
      counts[size - below]! += 1;
      sums[size - below]! += added;
    }
    await breathe(task);
  }
  const found: { count: number; score: number }[] = [];
  let above = 0;
  for (let bin = size; bin >= 0; bin -= 1) {
    const [count, sum] = [counts[bin]!, sums[bin]!];
    if (count === 0) continue;
    // The mean weight of a bin meets half of its own bin and all of those above.
    const score = sum > 0 ? sum / count / (above + sum / 2 + sum / count / 2) : 0;
    found.push({ count, score });
    above += sum;
  }
  return found;
}
