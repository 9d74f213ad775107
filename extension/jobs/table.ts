// Every job that has a panel, by id.

import { benchmarkJob } from './benchmark';
import { clusterJob } from './cluster';
import { compressByHandJob } from './compressByHand';
import { evaluateJob } from './evaluate';
import type { Job } from './job';
import { lowRankJob } from './lowRank';
import { optimizeJob } from './optimize';
import { profileJob } from './profile';
import { pruneJob } from './prune';
import { precisionJob, quantizeJob } from './quantize';
import { recipeJob } from './recipe';
import { sensitivityJob } from './sensitivity';

export const jobs: readonly Job[] = [
  quantizeJob,
  precisionJob,
  pruneJob,
  clusterJob,
  lowRankJob,
  optimizeJob,
  compressByHandJob,
  recipeJob,
  sensitivityJob,
  benchmarkJob,
  profileJob,
  evaluateJob,
];
