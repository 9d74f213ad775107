// Every job that has a panel, by id.

import { clusterJob } from './cluster';
import type { Job } from './job';
import { optimizeJob } from './optimize';
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
];
