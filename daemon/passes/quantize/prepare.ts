// Rewrites that only static quantization wants: they give a float model the forms that have integer kernels.

import type { Pass } from '../pass';
import type { TensorReader } from '../tensorReader';
import { evenChannels } from './evenChannels';
import { expandHardSwish } from './expandHardSwish';
import { globalPools } from './globalPools';
import { singlePixels } from './singlePixels';

/**
 * Run after simplifying and before choosing what to calibrate; outputs stay the same up to rounding. `multiple`: what
 * the processor wants depthwise channels to be a multiple of, where it wants anything.
 */
export const preparePasses = (read: TensorReader, multiple?: number): Pass[] => [
  expandHardSwish,
  globalPools(read),
  singlePixels(read),
  ...(multiple === undefined ? [] : [evenChannels(read, multiple)]),
];
