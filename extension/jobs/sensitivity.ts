// Measure Sensitivity: what the rounding of each layer costs.

import { Sensitivity } from '../../daemon/protocol/sensitivity';
import type { Job } from './job';

export const sensitivityJob: Job = {
  id: 'sensitivity',
  title: 'Measure Sensitivity',
  doing: 'Measuring sensitivity',
  methods: [
    {
      id: 'sensitivity',
      title: 'One layer at a time',
      sentence:
        'Rounds one layer at a time to 8 bits and measures how far the outputs move: the layers to keep in float stand first.',
      verb: 'Measure',
      request: Sensitivity,
      front: ['calibration', 'samples'],
      labels: {
        calibration: 'Calibration data',
        samples: 'Samples for each layer',
        perTensor: 'One scale for a whole weight',
        includeOps: 'Only operators',
        excludeOps: 'Operators in float',
        include: 'Only nodes',
        exclude: 'Nodes in float',
        calibrationCache: 'Keep ranges in',
      },
      result: 'sensitivity',
      paints: true,
      command: { name: 'sensitivity' },
    },
  ],
};
