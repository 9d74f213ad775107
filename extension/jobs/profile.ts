// Profile: where the time of a model goes.

import { Profile } from '../../daemon/protocol/profile';
import type { Job } from './job';

export const profileJob: Job = {
  id: 'profile',
  title: 'Profile',
  doing: 'Profiling',
  methods: [
    {
      id: 'profile',
      title: 'Node by node',
      sentence:
        'Measures the time of every node while the model runs and paints it on the graph: what to speed up, and what is near the limit of the machine.',
      verb: 'Profile',
      request: Profile,
      front: ['against', 'device', 'threads', 'batch'],
      labels: {
        against: 'Compare with',
        batch: 'Batch size',
        data: 'Inputs from',
        bind: 'Free dimensions',
        maxSeconds: 'Seconds for each model',
      },
      absent: { device: 'cpu', threads: '1', batch: '1', maxSeconds: '5', data: 'Generated inputs' },
      result: 'profile',
      paints: true,
      command: { name: 'profile' },
    },
  ],
};
