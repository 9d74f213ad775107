// Prune: fewer channels, heads and hidden widths by the ways to say how many, which runs faster; or zeros in weights, for
// a smaller file.

import { Prune } from '../../daemon/protocol/prune';
import { PruneWeights } from '../../daemon/protocol/pruneWeights';
import type { FormValues } from '../../daemon/protocol/jobPage';
import { pruneHelps, zerosHelps } from './helps';
import type { Job, Method } from './job';
import { pruneRules, zerosRules } from './rules';

const numbers = (values: FormValues, ...names: string[]) =>
  Object.fromEntries(
    names.flatMap((name) => (typeof values[name] === 'number' ? [[name, values[name]]] : [])),
  );

/** Every way to say how much; a method has one of them. */
const goals = ['targetMacs', 'ratio', 'targetSize', 'targetLatency', 'targetMs'] as const;
type Goal = (typeof goals)[number];

/** A method that removes channels until `goal` is reached. */
const channels = (
  goal: Goal,
  says: Pick<Method, 'id' | 'title' | 'sentence'> & {
    readonly label: string;
    readonly start: number;
    readonly timed?: boolean;
  },
): Method => ({
  id: says.id,
  title: says.title,
  sentence: says.sentence,
  verb: 'Prune',
  request: Prune,
  front: [goal, 'calibration', 'importance', 'output'],
  hidden: [...goals.filter((each) => each !== goal), ...(says.timed === true ? [] : ['threads'])],
  needs: [goal],
  labels: {
    [goal]: says.label,
    calibration: 'Calibration data',
    output: 'Write to',
    overwrite: 'Replace the file if it exists',
    align: 'Widths are multiples of',
    scope: 'The share holds for',
    repair: 'Refit the layers',
    most: 'Most that a group may lose',
    caps: 'Most that single groups may lose',
    threads: 'Threads to measure with',
  },
  absent: { most: '0.8', threads: '1', align: 'The vector width of this machine' },
  automatic: ['repair'],
  rules: pruneRules,
  helps: pruneHelps,
  start: () => ({ [goal]: says.start }),
  ending: () => 'pruned',
  result: 'prune',
  ...(goal === 'ratio' || goal === 'targetMacs'
    ? { estimate: (values: FormValues) => ({ method: 'channels' as const, ...numbers(values, goal) }) }
    : {}),
  command: {
    name: 'prune',
    options: {
      repair: (value) => (value === false ? ['--no-repair'] : []),
      targetMs: (value) => ['--target-latency', `${Number(value)}ms`],
      targetSize: (value) => ['--target-size', Number(value) < 1 ? `${Number(value)}` : `${Number(value)}B`],
      caps: (value) => Object.entries(value).flatMap(([name, share]) => ['--cap', `${name}=${share}`]),
    },
  },
});

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
  absent: { rounds: '1', calibrationSamples: 'All' },
  rules: zerosRules,
  helps: zerosHelps,
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
    channels('targetMacs', {
      id: 'macs',
      title: 'Channels, to a share of the work',
      sentence:
        'Removes the channels, heads and hidden widths that matter least until the wanted share of the multiplications is left: a smaller model that is really faster.',
      label: 'Share of the MACs to keep',
      start: 0.5,
    }),
    channels('targetLatency', {
      id: 'latency',
      title: 'Channels, to a share of the time',
      sentence:
        'Times the layers on this machine, removes channels where that gains most, and measures the model beside the original until a run is as short as wanted.',
      label: 'Share of the time to keep',
      start: 0.6,
      timed: true,
    }),
    channels('targetMs', {
      id: 'milliseconds',
      title: 'Channels, to a time in milliseconds',
      sentence:
        'The same for a time of one run: the result was measured on this machine to be as fast as wanted, or says that it could not be.',
      label: 'Milliseconds of one run',
      start: 1,
      timed: true,
    }),
    channels('targetSize', {
      id: 'size',
      title: 'Channels, to a size',
      sentence:
        'Removes channels, heads and hidden widths until the file is as small as wanted: a share below 1, or bytes.',
      label: 'Share of the file to keep, or bytes',
      start: 0.5,
    }),
    channels('ratio', {
      id: 'channels',
      title: 'Channels, by their number',
      sentence:
        'Removes a share of the channels, heads and hidden widths, those that matter least: half of them leaves about a quarter of the work.',
      label: 'Share of the channels to remove',
      start: 0.3,
    }),
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
