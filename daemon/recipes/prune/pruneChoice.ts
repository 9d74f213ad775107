// What goes: scores by weights or by data, and the budget that the user gave in channels, work, bytes or time.

import type { Diagnostic } from '../../base/diagnostic';
import type { Task } from '../../base/task';
import { nameOf } from '../../passes/quantize/outcome';
import type { Component, Structure } from '../../passes/prune/channels/analyse';
import { chooseComponents, type Budget } from '../../passes/prune/channels/budget';
import { readersOfUnits, scoreComponents, type Scores } from '../../passes/prune/channels/importance';
import { macPrice, sizePrice } from '../../passes/prune/channels/price';
import { describeMachine } from '../../runtime/machine';
import { inputsFrom } from '../benchmarkData';
import { chooseByLatency } from './latencyBudget';
import { capsOf, type PruneOptions } from './pruneOptions';
import { gramsOf, type Rework } from '../reworkFile';

/** Components to remove; a target that cannot be reached is said in the diagnostics. */
export async function chooseChannels(
  structure: Structure,
  options: PruneOptions,
  work: Rework,
  task: Task,
): Promise<readonly Component[]> {
  const { data, before, diagnostics } = work;
  const { ratio, targetMacs, targetSize, threads = 1 } = options;
  const caps = capsOf(structure, options);
  const scores = await scoresOf(structure, options, work, task);
  task.report({ stage: 'Choosing what goes' });
  const common = {
    scope: options.scope ?? (data || ratio === undefined ? 'global' : 'layer'),
    align: options.align ?? (await hostAlignment(task)),
    most: options.most,
    caps,
  } as const satisfies Budget;
  if (ratio !== undefined)
    return (await chooseComponents(structure, scores, { ...common, ratio }, task)).removed;
  if (targetMacs !== undefined) {
    const price = macPrice(structure);
    const target = { price, amount: targetMacs * price.total };
    const choice = await chooseComponents(structure, scores, { ...common, target }, task);
    if (!choice.reached)
      diagnostics.push(missed(`${percent(choice.left / price.total)} of the multiply-accumulates stay`));
    return choice.removed;
  }
  if (targetSize !== undefined) {
    const price = sizePrice(structure, before.fileBytes + biasBytes(structure, options, work));
    const amount = targetSize < 1 ? targetSize * before.fileBytes : targetSize;
    if (amount >= before.fileBytes) {
      diagnostics.push(already(`The file has ${before.fileBytes} bytes`));
      return [];
    }
    const choice = await chooseComponents(structure, scores, { ...common, target: { price, amount } }, task);
    if (!choice.reached) diagnostics.push(missed(`about ${Math.ceil(choice.left)} bytes stay`));
    return choice.removed;
  }
  const { targetLatency, targetMs } = options;
  const input = {
    path: work.path,
    inputs: work.inputs,
    source: inputsFrom(options.calibration),
    read: work.read,
  };
  const goal = { share: targetLatency, ms: targetMs, threads };
  const choice = await chooseByLatency(structure, scores, common, goal, input, task);
  if (choice.removed.length === 0 && choice.within)
    diagnostics.push(already(`One run takes ${choice.denseMs.toFixed(3)} ms`));
  else if (!choice.within)
    diagnostics.push(missed(`it was measured at ${percent(choice.share)} of the time`));
  return choice.removed;
}

/** Importance of every channel, as the options want it. */
export async function scoresOf(
  structure: Structure,
  options: Pick<PruneOptions, 'importance'>,
  { data, read }: Pick<Rework, 'data' | 'read'>,
  task: Task,
): Promise<Scores> {
  const importance = options.importance ?? (data ? 'error' : 'l2');
  const measured = importance === 'error' || importance === 'energy';
  const names = readersOfUnits(structure).map(nameOf);
  const grams = measured ? await gramsOf(structure.model, names, data, task) : undefined;
  return scoreComponents(structure, importance, grams, read, task);
}

/** Repair gives a bias to layers that have none: bytes of it, with the name. */
function biasBytes(structure: Structure, { repair }: PruneOptions, { data }: Rework): number {
  if (!data || repair === false) return 0;
  return readersOfUnits(structure)
    .filter(({ opType, inputs }) => opType !== 'MatMul' && (inputs[2] ?? '') === '')
    .reduce((sum, { inputs }) => {
      const axes = structure.elements.of(inputs[1] ?? '');
      return sum + 4 * Math.max(...axes.map((axis) => axis?.length ?? 0)) + 100;
    }, 0);
}

const percent = (share: number) => `${(share * 100).toFixed(1)} %`;

const missed = (what: string): Diagnostic => ({
  id: 'prune/target-missed',
  severity: 'warning',
  message: `The target cannot be reached: ${what}, because the other channels are locked, capped, or their layers would become too narrow.`,
});

const already = (what: string): Diagnostic => ({
  id: 'prune/already-there',
  severity: 'info',
  message: `${what}, which is within the target; nothing was removed.`,
});

/** Floats in a vector register of this machine. */
async function hostAlignment(task: Task): Promise<number> {
  const { instructionSets } = await describeMachine(task);
  if (instructionSets.some((set) => set.startsWith('avx512'))) return 16;
  return instructionSets.some((set) => set.startsWith('avx')) ? 8 : 4;
}
