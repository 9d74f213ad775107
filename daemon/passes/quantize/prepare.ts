// Rewrites that only static quantization wants: they give a float model the forms that have integer kernels.

import type { Pass } from '../pass';
import type { TensorReader } from '../tensorReader';
import { expandHardSwish } from './expandHardSwish';
import { globalPools } from './globalPools';

/** Run after simplifying and before choosing what to calibrate; outputs stay the same up to rounding. */
export const preparePasses = (read: TensorReader): Pass[] => [expandHardSwish, globalPools(read)];
