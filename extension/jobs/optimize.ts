// Optimize: a smaller model that computes the same.

import { Optimize } from '../../daemon/protocol/optimize';
import type { Job } from './job';

export const optimizeJob: Job = {
  id: 'optimize',
  title: 'Optimize',
  doing: 'Optimizing',
  methods: [
    {
      id: 'optimize',
      title: 'Simplify',
      sentence:
        'Folds constants, merges layers and removes what does nothing: fewer nodes that compute the same, checked against the original before anything is written.',
      verb: 'Optimize',
      request: Optimize,
      front: ['bind', 'upgrade', 'output'],
      labels: {
        bind: 'Fix free dimensions',
        upgrade: 'Bring to operator set 20 first',
        checkSeconds: 'Seconds for the check',
        unchecked: 'Write even when it cannot be checked',
        output: 'Write to',
        overwrite: 'Replace the file if it exists',
      },
      estimate: () => ({ method: 'optimize' }),
      ending: () => 'optimized',
      result: 'optimize',
      command: { name: 'optimize' },
    },
  ],
};
