// Split Layers: two thin layers in place of a thick one, by what each keeps or by what it may lose.

import { LowRank } from '../../daemon/protocol/lowRank';
import type { Job, Method } from './job';

const common = {
  verb: 'Split Layers',
  request: LowRank,
  labels: {
    energy: 'Share of the energy to keep',
    maxError: 'Largest error of a layer',
    calibration: 'Calibration data',
    calibrationSamples: 'Calibration samples',
    output: 'Write to',
    overwrite: 'Replace the file if it exists',
  },
  absent: { calibrationSamples: 'All' },
  helps: {
    energy:
      'How much of what its weights say, or with data of what it gives, every layer keeps: 0.99 loses one percent.',
    maxError: 'How much of its output any layer may lose on the data: 0.1 is a tenth.',
  },
  ending: () => 'low-rank',
  result: 'lowRank',
  command: { name: 'low-rank' },
} as const satisfies Partial<Method>;

export const lowRankJob: Job = {
  id: 'lowRank',
  title: 'Split Layers',
  doing: 'Splitting layers',
  methods: [
    {
      ...common,
      id: 'low-rank',
      title: 'Low rank',
      sentence:
        'A matrix product that says little with many weights becomes two thin ones, where that takes fewer multiplications: for transformers and large classifiers.',
      front: ['energy', 'calibration', 'output'],
      hidden: ['maxError'],
      needs: ['energy'],
      start: () => ({ energy: 0.99 }),
      estimate: ({ energy }) => ({
        method: 'low-rank',
        ...(typeof energy === 'number' && energy > 0 && energy <= 1 ? { energy } : {}),
      }),
    },
    {
      ...common,
      id: 'low-rank-error',
      title: 'Low rank, by measured error',
      sentence:
        'The same with a limit to what the output of any layer may lose, measured on your data: how thin a layer becomes follows from what it reads.',
      front: ['maxError', 'calibration', 'output'],
      hidden: ['energy'],
      needs: ['maxError', 'calibration'],
      start: () => ({ maxError: 0.1 }),
    },
  ],
};
