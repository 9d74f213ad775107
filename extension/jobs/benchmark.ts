// Benchmark: models side by side, in one setting or in several, alone or under load.

import { Benchmark } from '../../daemon/protocol/benchmark';
import type { Job, Method, Situation } from './job';

const labels = {
  uris: 'Compare with',
  devices: 'Devices',
  threads: 'Threads',
  batch: 'Batch size',
  threadSweep: 'Numbers of threads',
  batchSweep: 'Batch sizes',
  concurrency: 'Requests at once',
  data: 'Inputs from',
  bind: 'Free dimensions',
  minSamples: 'Runs at the least',
  maxSeconds: 'Seconds for each model',
  'load.pattern': 'Arrivals',
  'load.rate': 'Arrivals per second',
  'load.boundMs': 'Bound on p99, ms',
  'load.workers': 'Processes that serve',
  'load.seed': 'Seed',
};
const helps = {
  devices:
    'Where it runs: each one that is chosen is measured, none means the cpu. One that is not ready says what to install.',
};
const absent = {
  threads: '1',
  batch: '1',
  minSamples: '50',
  maxSeconds: '10',
  data: 'Generated inputs',
  'load.rate': 'The highest that holds',
  'load.boundMs': 'No bound',
  'load.workers': '1',
  'load.seed': '1',
};

const command = {
  name: 'benchmark',
  options: {
    devices: 'device',
    threadSweep: 'threads',
    batchSweep: 'batch',
    'load.pattern': 'load',
    'load.boundMs': 'p99',
  },
} as const;

const common = {
  verb: 'Measure',
  request: Benchmark,
  labels,
  absent,
  helps,
  result: 'benchmark',
  command,
} as const;

/** 1, 2, 4, … up to the cores, and these themselves. */
const powers = (cores: number): number[] => {
  const list: number[] = [];
  for (let n = 1; n < cores; n *= 2) list.push(n);
  return [...list, cores];
};

export const benchmarkJob: Job = {
  id: 'benchmark',
  title: 'Benchmark',
  doing: 'Benchmarking',
  methods: [
    {
      ...common,
      id: 'latency',
      title: 'One run after another',
      sentence:
        'Times single runs, models in turn in short blocks, so that what else the machine does hits all of them alike.',
      front: ['uris', 'devices', 'threads', 'batch'],
      hidden: ['device', 'threadSweep', 'sweepThreads', 'batchSweep', 'concurrency', 'load'],
    },
    {
      ...common,
      id: 'sweep',
      title: 'Batch sizes and threads',
      sentence:
        'Times every batch size with every number of threads and plots them: where more at once stops to pay, and what another core brings.',
      front: ['uris', 'batchSweep', 'threadSweep', 'devices'],
      hidden: ['device', 'threads', 'sweepThreads', 'batch', 'concurrency', 'load'],
      absent: { ...absent, maxSeconds: '3' },
      start: ({ cores }: Situation) => ({ batchSweep: [1, 2, 4, 8], threadSweep: powers(cores) }),
    },
    {
      ...common,
      id: 'throughput',
      title: 'Requests at once',
      sentence:
        'Runs several processes with one session each and counts what they answer together: what this machine can serve at the most.',
      front: ['uris', 'concurrency', 'threads', 'batch'],
      hidden: ['device', 'threadSweep', 'sweepThreads', 'batchSweep', 'load'],
      needs: ['concurrency'],
      start: ({ cores }: Situation) => ({ concurrency: powers(Math.max(2, cores)) }),
    },
    {
      ...common,
      id: 'load',
      title: 'Under load',
      sentence:
        'Lets requests arrive as they do at a server and looks for the highest rate at which 99 of 100 answers still come in time.',
      front: ['load.pattern', 'load.boundMs', 'load.rate', 'uris', 'threads'],
      hidden: ['device', 'threadSweep', 'sweepThreads', 'batchSweep', 'concurrency'],
      needs: ['load.pattern'],
      start: () => ({ 'load.pattern': 'server', 'load.boundMs': 20 }),
    },
  ] satisfies Method[],
};
