// Share Weights: indices into codebooks.

import { Cluster } from '../../daemon/protocol/cluster';
import type { Job } from './job';

export const clusterJob: Job = {
  id: 'cluster',
  title: 'Share Weights',
  doing: 'Sharing weights',
  methods: [
    {
      id: 'cluster',
      title: 'Codebooks',
      sentence:
        'Every weight becomes an index into a small codebook: a file four to eight times smaller that runs exactly as fast as before.',
      verb: 'Share Weights',
      request: Cluster,
      front: ['clusters', 'calibration', 'output'],
      labels: {
        clusters: 'Values of a codebook',
        codebooks: 'Codebooks of a weight',
        calibration: 'Calibration data',
        output: 'Write to',
        overwrite: 'Replace the file if it exists',
      },
      absent: { codebooks: '1', calibrationSamples: 'All' },
      helps: {
        calibration:
          'An .npz file with arrays named like the inputs: the codebooks are then fitted to what the layers read, and less is lost.',
      },
      start: () => ({ clusters: 16 }),
      ending: () => 'shared',
      result: 'cluster',
      estimate: ({ clusters }) => ({
        method: 'cluster',
        ...(typeof clusters === 'number' ? { clusters } : {}),
      }),
      command: { name: 'cluster' },
    },
  ],
};
