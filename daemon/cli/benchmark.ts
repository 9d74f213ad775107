// slipway benchmark: measures models side by side.

import { inputsFrom } from '../recipes/benchmarkData';
import { benchmarkSweep } from '../runtime/benchmark/benchmarkSweep';
import { loadPatterns } from '../runtime/load/load';
import {
  bindOption,
  bindSpec,
  choiceOption,
  countOption,
  numberOption,
  textOption,
  UsageError,
} from './args';
import { countsOption, deviceOption, threadsOption } from './benchmarkOptions';
import { describeBenchmark } from './benchmarkText';
import type { Command } from './command';
import { significant } from './format';
import { absolute, historyOption, inHistory, uriOf } from './inHistory';

export const benchmarkCommand: Command = {
  spec: {
    name: 'benchmark',
    summary:
      'Measures models in turn, so that a busy machine does not decide, and compares them with the first',
    usage: 'benchmark MODEL…',
    options: {
      device: {
        type: 'string',
        value: 'DEVICE,…',
        help: 'Where to run; cpu when absent. slipway devices lists them',
      },
      threads: {
        type: 'string',
        value: 'N,…|auto',
        help: 'Threads inside an operator; 1 when absent. auto: 1, 2, 4, … up to the processors that quota and affinity allow',
      },
      batch: { type: 'string', value: 'N,…', help: 'Batch sizes; 1 when absent' },
      concurrency: {
        type: 'string',
        value: 'N,…',
        help: 'Also throughput with so many requests at once, each in its own process',
      },
      load: {
        type: 'string',
        value: 'PATTERN',
        help: 'Also a load as in MLPerf: single-stream, offline, or server (Poisson arrivals)',
      },
      rate: { type: 'string', value: 'R', help: 'Arrivals per second, for --load server' },
      p99: {
        type: 'string',
        value: 'MS',
        help: 'Latency bound, for --load server; without --rate the highest rate that holds it is looked for',
      },
      workers: { type: 'string', value: 'N', help: 'Processes that serve the load; 1 when absent' },
      seed: { type: 'string', value: 'N', help: 'Seed of the arrivals; 1 when absent' },
      data: {
        type: 'string',
        value: 'DATA',
        help: '.npz file with arrays named like the inputs; generated inputs when absent',
      },
      bind: bindSpec,
      'min-samples': {
        type: 'string',
        value: 'N',
        help: 'Timed runs of each model at the least; 50 when absent',
      },
      'max-seconds': {
        type: 'string',
        value: 'S',
        help: 'Time limit for each model and setting; 10 when absent, 3 in a sweep',
      },
      'min-ratio': {
        type: 'string',
        value: 'R',
        help: 'Gate: exit 1 unless every other model is at least R times as fast as the first',
      },
      ...historyOption,
    },
    positionals: { min: 1, max: 16, what: 'A model' },
    examples: [
      'slipway benchmark resnet.onnx resnet.int8.onnx',
      'slipway benchmark bert.onnx --batch 1,2,4,8 --threads 1,2 --bind seq=128 --json',
      'slipway benchmark resnet.onnx --load server --p99 20',
    ],
  },
  async run(args, context) {
    const minRatio = numberOption(args, 'min-ratio', { min: 0, max: 1e6 });
    const pattern = choiceOption(args, 'load', loadPatterns);
    const rate = numberOption(args, 'rate', { min: 1e-3, max: 1e9 });
    const boundMs = numberOption(args, 'p99', { min: 1e-3, max: 1e9 });
    const workers = countOption(args, 'workers', 256);
    const seed = countOption(args, 'seed', 2 ** 31);
    if (pattern === undefined && [rate, boundMs, workers, seed].some((value) => value !== undefined))
      throw new UsageError('--rate, --p99, --workers and --seed belong to a load: add --load server.');
    if (pattern === 'server' && rate === undefined && boundMs === undefined)
      throw new UsageError('--load server needs --rate R, or --p99 MS to look for the highest rate.');
    const data = textOption(args, 'data');
    const options = {
      devices: deviceOption(args),
      ...threadsOption(args),
      batchSweep: countsOption(args, 'batch', Number.MAX_SAFE_INTEGER),
      concurrency: countsOption(args, 'concurrency', 256),
      load: pattern === undefined ? undefined : { pattern, rate, boundMs, workers, seed },
      bind: bindOption(args),
      minSamples: countOption(args, 'min-samples'),
      maxSeconds: numberOption(args, 'max-seconds', { min: 0.1, max: 86_400 }),
    };
    const models = args.positionals.map((path) => ({ path }));
    const job = {
      method: 'slipway/benchmark',
      what: 'Benchmark of',
      models: models.map(({ path }) => ({ role: 'model' as const, path })),
      params: { uris: args.positionals.map(uriOf), ...options, data: absolute(data) },
    };
    const result = await inHistory(args, context, job, (task) =>
      benchmarkSweep(models, { ...options, inputs: inputsFrom(data) }, task),
    );
    const slow = result.ratios.find(({ p50Ratio }) => minRatio !== undefined && p50Ratio < minRatio);
    const failed = result.failures[0]?.message;
    const why = slow
      ? `${slow.model} is ${significant(slow.p50Ratio)} times as fast as ${slow.against}; at least ${minRatio ?? 0} was asked for.`
      : failed;
    return { result, text: describeBenchmark(result), ...(why === undefined ? {} : { failed: why }) };
  },
};
