// Prune: fewer channels, heads and hidden widths, which runs faster; or zeros in weights, for a smaller file.

import { Prune } from '../../daemon/protocol/prune';
import { PruneWeights } from '../../daemon/protocol/pruneWeights';
import type { FormValues } from '../../daemon/protocol/jobPage';
import type { Job, Method } from './job';

const numbers = (values: FormValues, ...names: string[]) =>
  Object.fromEntries(
    names.flatMap((name) => (typeof values[name] === 'number' ? [[name, values[name]]] : [])),
  );

/** What both ways of making weights zero have in common. */
const zeros = {
  verb: 'Prune',
  request: PruneWeights,
  labels: {
    ratio: 'Share of the weights to make zero',
    pattern: 'Keep, of every so many',
    criterion: 'What goes',
    calibration: 'Calibration data',
    calibrationSamples: 'Calibration samples',
    scope: 'The share holds for',
    store: 'Zeros are stored',
    output: 'Write to',
    overwrite: 'Replace the file if it exists',
  },
  absent: { rounds: '1', calibrationSamples: 'All', store: 'packed' },
  result: 'zeros',
} as const satisfies Partial<Method>;

const zerosEstimate = (values: FormValues) => ({
  method: 'zeros' as const,
  ...numbers(values, 'ratio'),
  ...(typeof values['pattern'] === 'string' ? { pattern: values['pattern'] } : {}),
  ...(values['store'] === 'dense' ? { store: 'dense' as const } : {}),
});

export const pruneJob: Job = {
  id: 'prune',
  title: 'Prune',
  doing: 'Pruning',
  methods: [
    {
      id: 'macs',
      title: 'Channels, to a share of the work',
      sentence:
        'Removes the channels, heads and hidden widths that matter least until the wanted share of the multiplications is left: a smaller model that is really faster.',
      verb: 'Prune',
      request: Prune,
      front: ['targetMacs', 'calibration', 'importance', 'output'],
      hidden: ['ratio'],
      needs: ['targetMacs'],
      labels: {
        targetMacs: 'Share of the MACs to keep',
        calibration: 'Calibration data',
        output: 'Write to',
        overwrite: 'Replace the file if it exists',
        align: 'Widths are multiples of',
        repair: 'Refit the layers',
      },
      automatic: ['repair'],
      start: () => ({ targetMacs: 0.5 }),
      ending: () => 'pruned',
      result: 'prune',
      estimate: (values) => ({ method: 'channels', ...numbers(values, 'targetMacs') }),
      command: { name: 'prune', options: { repair: (value) => (value === false ? ['--no-repair'] : []) } },
    },
    {
      id: 'channels',
      title: 'Channels, by their number',
      sentence:
        'Removes a share of the channels, heads and hidden widths, those that matter least: half of them leaves about a quarter of the work.',
      verb: 'Prune',
      request: Prune,
      front: ['ratio', 'calibration', 'importance', 'output'],
      hidden: ['targetMacs'],
      needs: ['ratio'],
      labels: {
        ratio: 'Share of the channels to remove',
        calibration: 'Calibration data',
        output: 'Write to',
        overwrite: 'Replace the file if it exists',
        align: 'Widths are multiples of',
        repair: 'Refit the layers',
      },
      automatic: ['repair'],
      start: () => ({ ratio: 0.3 }),
      ending: () => 'pruned',
      result: 'prune',
      estimate: (values) => ({ method: 'channels', ...numbers(values, 'ratio') }),
      command: { name: 'prune', options: { repair: (value) => (value === false ? ['--no-repair'] : []) } },
    },
    {
      ...zeros,
      id: 'zeros',
      title: 'Single weights, to zero',
      sentence:
        'Makes the weights that matter least zero and stores them in a bit each: a smaller file of the same shapes, which runs no faster.',
      front: ['ratio', 'criterion', 'calibration', 'output'],
      hidden: ['pattern'],
      needs: ['ratio'],
      start: () => ({ ratio: 0.5 }),
      ending: () => 'sparse',
      estimate: zerosEstimate,
      command: { name: 'prune', words: ['--method', 'magnitude'] },
    },
    {
      ...zeros,
      id: 'pattern',
      title: 'Single weights, N of every M',
      sentence:
        'Keeps N of every M neighbouring weights, as sparse tensor cores want them: two of four run faster on such GPUs, on processors only the file is smaller.',
      front: ['pattern', 'criterion', 'calibration', 'output'],
      hidden: ['ratio', 'scope', 'rounds'],
      needs: ['pattern'],
      choices: { pattern: ['1:2', '2:4', '1:4', '4:8', '2:8'] },
      start: () => ({ pattern: '2:4' }),
      ending: ({ pattern }) =>
        typeof pattern === 'string' ? `sparse-${pattern.replace(':', 'of')}` : 'sparse',
      estimate: zerosEstimate,
      command: { name: 'prune', words: ['--method', 'n:m'] },
    },
  ],
};
