// Two lists of rewrites: what quantizing wants, and everything that makes a model smaller without changing what it
// computes; and the loop that runs the second until nothing changes any more.

import type { Diagnostic } from '../../base/diagnostic';
import type { Task } from '../../base/task';
import type { Model } from '../../ir/model';
import { runPass, type Pass, type PassesResult } from '../pass';
import type { TensorReader } from '../tensorReader';
import { addIntoBias } from './addIntoBias';
import { commonSubexpressions } from './commonSubexpressions';
import { constantsToInitializers } from './constantsToInitializers';
import { deadNodes } from './deadNodes';
import { foldBatchNorm } from './foldBatchNorm';
import { foldConstants, type Evaluator } from './foldConstants';
import { foldShapes } from './foldShapes';
import { foldWeightViews } from './foldWeightViews';
import { initializersOutOfInputs } from './initializersOutOfInputs';
import { inlineConditions } from './inlineConditions';
import { inlineFunctions } from './inlineFunctions';
import { matMulAddToGemm } from './matMulAddToGemm';
import { mergeCasts } from './mergeCasts';
import { mergeConcats } from './mergeConcats';
import { mergeSlices } from './mergeSlices';
import { mergeTransposes } from './mergeTransposes';
import { mergeViews } from './mergeViews';
import { padIntoConv } from './padIntoConv';
import { recognizeGelu } from './recognizeGelu';
import { recognizeLayerNorm } from './recognizeLayerNorm';
import { recognizeSwish } from './recognizeSwish';
import { removeIdentity } from './removeIdentity';
import { removeNoOps } from './removeNoOps';
import { scaleIntoWeights } from './scaleIntoWeights';
import { tieInitializers, type TensorDigest } from './tieInitializers';
import { unusedInitializers } from './unusedInitializers';
import { upgradeOpset, type UpgradeOptions } from './upgradeOpset';

/** Passes that make a float model ready for quantizing; outputs stay the same up to rounding. */
export const simplifyPasses = (read: TensorReader, opset: UpgradeOptions): Pass[] => [
  inlineFunctions,
  constantsToInitializers,
  initializersOutOfInputs,
  removeIdentity,
  deadNodes,
  upgradeOpset(read, opset),
  foldWeightViews(read),
  foldBatchNorm(read),
  addIntoBias(read),
  matMulAddToGemm(read),
  deadNodes,
  unusedInitializers,
];

/** What the rewrites need of the world outside: values, digests and results of weights. */
export interface OptimizeContext {
  readonly read: TensorReader;
  readonly digest: TensorDigest;
  readonly evaluate: Evaluator;
}

/** Every rewrite, in the order in which each finds what the ones before made. Outputs stay the same up to rounding. */
export const optimizePasses = ({ read, digest, evaluate }: OptimizeContext): Pass[] => [
  inlineFunctions,
  constantsToInitializers,
  initializersOutOfInputs,
  removeIdentity,
  removeNoOps(read),
  deadNodes,
  foldShapes(read),
  foldConstants(read, evaluate),
  inlineConditions(read),
  tieInitializers(read, digest),
  commonSubexpressions(read),
  mergeTransposes(read),
  mergeViews(read),
  mergeCasts(read),
  mergeSlices(read),
  mergeConcats(read),
  foldBatchNorm(read),
  padIntoConv(read),
  scaleIntoWeights(read),
  addIntoBias(read),
  matMulAddToGemm(read),
  recognizeLayerNorm(read),
  recognizeGelu(read),
  recognizeSwish(read),
  deadNodes,
  unusedInitializers,
];

/** More rounds than any real model needs; a bound all the same. */
const mostRounds = 20;

/**
 * Runs passes round after round until a whole round changes nothing, at most 20 rounds. `passes` of the result
 * names each pass once. See `runPass` for what is checked and thrown.
 */
export async function runToFixedPoint(
  model: Model,
  passes: readonly Pass[],
  task: Task,
): Promise<PassesResult & { readonly rounds: number }> {
  const notes: Diagnostic[] = [];
  const changed = new Map<string, boolean>(passes.map(({ name }) => [name, false]));
  /** The model on which a pass last found nothing to do: it would find nothing again. */
  const settledOn = new Map<Pass, Model>();
  let current = model;
  let rounds = 0;
  for (let again = true; again && rounds < mostRounds; rounds += 1) {
    again = false;
    for (const [i, pass] of passes.entries()) {
      if (settledOn.get(pass) === current) continue;
      task.report({ stage: 'Simplifying', done: i, total: passes.length });
      const result = await runPass(current, pass, task);
      notes.push(...(result.notes ?? []));
      if (result.modified) {
        changed.set(pass.name, true);
        again = true;
      } else settledOn.set(pass, current);
      current = result.model;
    }
  }
  return {
    model: current,
    modified: current !== model,
    notes,
    passes: [...changed].map(([name, did]) => ({ name, changed: did })),
    rounds,
  };
}
