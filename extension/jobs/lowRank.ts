// Split Layers: two thin layers in place of a thick one.

import { LowRank } from '../../daemon/protocol/lowRank';
import type { Job } from './job';

export const lowRankJob: Job = {
  id: 'lowRank',
  title: 'Split Layers',
  doing: 'Splitting layers',
  methods: [
    {
      id: 'low-rank',
      title: 'Low rank',
      sentence:
        'A matrix product that says little with many weights becomes two thin ones, where that takes fewer multiplications: for transformers and large classifiers.',
      verb: 'Split Layers',
      request: LowRank,
      front: ['energy', 'calibration', 'output'],
      hidden: ['maxError'],
      needs: ['energy'],
      labels: {
        energy: 'Share of the energy to keep',
        calibration: 'Calibration data',
        calibrationSamples: 'Calibration samples',
        output: 'Write to',
        overwrite: 'Replace the file if it exists',
      },
      absent: { calibrationSamples: 'All' },
      start: () => ({ energy: 0.99 }),
      estimate: ({ energy }) => ({
        method: 'low-rank',
        ...(typeof energy === 'number' && energy > 0 && energy <= 1 ? { energy } : {}),
      }),
      ending: () => 'low-rank',
      result: 'lowRank',
      command: { name: 'low-rank' },
    },
  ],
};
