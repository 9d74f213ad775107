// Every job that has a panel, by id.

import { benchmarkJob } from './benchmark';
import { clusterJob } from './cluster';
import { evaluateJob } from './evaluate';
import type { Job } from './job';
import { optimizeJob } from './optimize';
import { profileJob } from './profile';
import { pruneJob } from './prune';
import { precisionJob, quantizeJob } from './quantize';
import { sensitivityJob } from './sensitivity';

export const jobs: readonly Job[] = [
  quantizeJob,
  precisionJob,
  pruneJob,
  clusterJob,
  optimizeJob,
  sensitivityJob,
  benchmarkJob,
  profileJob,
  evaluateJob,
];
