// Compress by Hand: every way of making a model smaller or faster in one panel, to be compared before one is chosen.
// Compress and Benchmark chooses by itself; this is for those who want to.

import { clusterJob } from './cluster';
import type { Job } from './job';
import { lowRankJob } from './lowRank';
import { optimizeJob } from './optimize';
import { pruneJob } from './prune';
import { quantizeJob } from './quantize';

export const compressByHandJob: Job = {
  id: 'compressByHand',
  title: 'Compress by Hand',
  doing: 'Compressing',
  methods: [
    ...quantizeJob.methods,
    ...pruneJob.methods,
    ...clusterJob.methods,
    ...lowRankJob.methods,
    ...optimizeJob.methods,
  ],
};
