// Measure Sensitivity: what the rounding of each layer, or the pruning of each group of channels, costs.

import { PruneSensitivity } from '../../daemon/protocol/pruneSensitivity';
import { Sensitivity } from '../../daemon/protocol/sensitivity';
import type { Job } from './job';

export const sensitivityJob: Job = {
  id: 'sensitivity',
  title: 'Measure Sensitivity',
  doing: 'Measuring sensitivity',
  methods: [
    {
      id: 'sensitivity',
      title: 'Rounding, one layer at a time',
      sentence:
        'Rounds one layer at a time to 8 bits and measures how far the outputs move: the layers to keep in float stand first.',
      verb: 'Measure',
      request: Sensitivity,
      front: ['calibration', 'samples'],
      labels: {
        calibration: 'Calibration data',
        calibrationSamples: 'Samples for the ranges',
        samples: 'Samples for each layer',
        perTensor: 'One scale for a whole weight',
        includeOps: 'Only operators',
        excludeOps: 'Operators in float',
        include: 'Only nodes',
        exclude: 'Nodes in float',
        calibrationCache: 'Keep ranges in',
      },
      absent: {
        samples: '64',
        calibrationSamples: 'All',
        include: 'All',
        includeOps: 'All',
        exclude: 'None; separated by commas, * for any',
        excludeOps: 'None; Conv, Gemm, …',
      },
      result: 'sensitivity',
      paints: true,
      command: { name: 'sensitivity' },
    },
    {
      id: 'prune',
      title: 'Pruning, one group at a time',
      sentence:
        'Cuts one group of channels at a time and measures how far the outputs move: the groups to leave alone stand first.',
      verb: 'Measure',
      request: PruneSensitivity,
      front: ['ratio', 'calibration', 'validation', 'samples'],
      hidden: ['calibrationSamples'],
      needs: ['ratio'],
      labels: {
        ratio: 'Share of the channels to remove',
        calibration: 'Calibration data',
        validation: 'Labelled data',
        samples: 'Samples for each group',
      },
      absent: { samples: '64' },
      start: () => ({ ratio: 0.5 }),
      result: 'pruneSensitivity',
      paints: true,
      command: { name: 'sensitivity', options: { ratio: 'prune' } },
    },
  ],
};
