// slipway benchmark: measures models side by side.

import { basename } from 'node:path';
import { unsupported } from '../base/errors';
import { benchmark, type BenchmarkResult } from '../runtime/benchmark';
import { bindOption, bindSpec, choiceOption, countOption, numberOption } from './args';
import type { Command } from './command';
import { megabytes, milliseconds, plural, ratio, significant } from './format';
import { renderTable } from './table';

const devices = ['cpu', 'cuda', 'webgpu', 'directml', 'coreml', 'qnn', 'openvino', 'tensorrt'] as const;

export const benchmarkCommand: Command = {
  spec: {
    name: 'benchmark',
    summary:
      'Measures models in turn, so that a busy machine does not decide, and compares them with the first',
    usage: 'benchmark MODEL…',
    options: {
      device: { type: 'string', value: 'DEVICE', help: 'Where to run; cpu when absent' },
      threads: { type: 'string', value: 'N', help: 'Threads inside an operator; 1 when absent' },
      batch: { type: 'string', value: 'N', help: 'Batch size; 1 when absent' },
      bind: bindSpec,
      'min-samples': {
        type: 'string',
        value: 'N',
        help: 'Timed runs of each model at the least; 50 when absent',
      },
      'max-seconds': { type: 'string', value: 'S', help: 'Time limit for each model; 10 when absent' },
      'min-ratio': {
        type: 'string',
        value: 'R',
        help: 'Gate: exit 1 unless every other model is at least R times as fast as the first',
      },
    },
    positionals: { min: 1, max: 16, what: 'A model' },
    examples: [
      'slipway benchmark resnet.onnx resnet.int8.onnx',
      'slipway benchmark bert.onnx --batch 8 --threads 4 --json',
    ],
  },
  async run(args, { task }) {
    const device = choiceOption(args, 'device', devices) ?? 'cpu';
    if (device !== 'cpu')
      throw unsupported(
        `The device ${device} is not in this version yet. Leave --device out to run on the CPU.`,
      );
    const minRatio = numberOption(args, 'min-ratio', { min: 0, max: 1e6 });
    const options = {
      device,
      threads: countOption(args, 'threads', 1024),
      batch: countOption(args, 'batch'),
      bind: bindOption(args),
      minSamples: countOption(args, 'min-samples'),
      maxSeconds: numberOption(args, 'max-seconds', { min: 0.1, max: 86_400 }),
    };
    const models = args.positionals.map((path) => ({ path }));
    const result = await benchmark(models, options, task);
    const slow = result.ratios.find(({ p50Ratio }) => minRatio !== undefined && p50Ratio < minRatio);
    return {
      result,
      text: describe(result),
      ...(slow
        ? {
            failed: `${slow.model} is ${significant(slow.p50Ratio)} times as fast as ${slow.against}; at least ${minRatio ?? 0} was asked for.`,
          }
        : {}),
    };
  },
};

const right = 'right' as const;

function describe({ machine, results, ratios }: BenchmarkResult): string {
  const first = results[0];
  const rows = results.map((row) => {
    const faster = ratios.find(({ model }) => model === row.model);
    return [
      basename(row.model),
      milliseconds(row.latencyMs.p50),
      milliseconds(row.latencyMs.p90),
      milliseconds(row.latencyMs.p99),
      `${significant(row.throughput)}/s`,
      milliseconds(row.loadMs),
      megabytes(row.peakRssBytes),
      String(row.samples),
      faster && row !== first ? ratio(faster) : '',
    ];
  });
  const columns = [
    { title: 'Model' },
    ...['p50', 'p90', 'p99', 'Throughput', 'Load', 'Peak memory', 'Runs'].map((title) => ({
      title,
      align: right,
    })),
    ...(ratios.length > 0 ? [{ title: 'Speed against first', align: right }] : []),
  ];
  const sets = machine.instructionSets.length > 0 ? ` (${machine.instructionSets.join(', ')})` : '';
  return [
    `${machine.cpu}${sets}, ONNX Runtime ${machine.onnxruntime}`,
    first ? `${first.device}, ${plural(first.threads, 'thread')}, batch ${first.batch}` : '',
    '',
    renderTable(columns, rows),
  ].join('\n');
}
