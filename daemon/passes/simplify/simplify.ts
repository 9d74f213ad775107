// The rewrites that quantizing wants, in the order in which each finds what the one before made.

import type { Pass } from '../pass';
import type { TensorReader } from '../tensorReader';
import { addIntoBias } from './addIntoBias';
import { constantsToInitializers } from './constantsToInitializers';
import { deadNodes } from './deadNodes';
import { foldBatchNorm } from './foldBatchNorm';
import { foldWeightViews } from './foldWeightViews';
import { initializersOutOfInputs } from './initializersOutOfInputs';
import { matMulAddToGemm } from './matMulAddToGemm';
import { removeIdentity } from './removeIdentity';
import { unusedInitializers } from './unusedInitializers';
import { upgradeOpset, type UpgradeOptions } from './upgradeOpset';

/** Passes that make a float model ready for quantizing; outputs stay the same up to rounding. */
export const simplifyPasses = (read: TensorReader, opset: UpgradeOptions): Pass[] => [
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
