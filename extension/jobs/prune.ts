// Prune: fewer channels, heads and hidden widths.

import { Prune } from '../../daemon/protocol/prune';
import type { FormValues } from '../../daemon/protocol/jobPage';
import type { Job } from './job';

const numbers = (values: FormValues, ...names: string[]) =>
  Object.fromEntries(
    names.flatMap((name) => (typeof values[name] === 'number' ? [[name, values[name]]] : [])),
  );

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
  ],
};
