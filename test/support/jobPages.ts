// Pages of jobs as their host sends them: forms made from the real requests, results as the daemon gives them.

import type { JobPage, JobRun, JobResult } from '../../daemon/protocol/jobPage';
import { methodForm } from '../../extension/jobs/form';
import type { Situation } from '../../extension/jobs/job';
import { jobs } from '../../extension/jobs/table';

export const situation: Situation = {
  model: '/home/ada/models/resnet.onnx',
  beside: ['resnet.onnx', 'resnet.int8.onnx', 'resnet_calibration.npz', 'resnet_validation.npz'],
  cores: 4,
  dimensions: ['batch'],
};

/** The page of a job before its first run. */
export function jobPage(id: string, changes: Partial<JobPage> = {}): JobPage {
  const job = jobs.find((one) => one.id === id)!;
  const methods = job.methods.map((method) => methodForm(method, situation));
  return {
    job: id,
    title: job.title,
    model: { name: 'resnet.onnx', file: situation.model, bytes: 2_812_089 },
    methods,
    method: methods[0]!.id,
    runs: [],
    trusted: true,
    ...changes,
  };
}

let runs = 0;

export const run = (changes: Partial<JobRun> = {}): JobRun => ({
  id: (runs += 1),
  method: 'static',
  title: 'int8, calibrated',
  values: {},
  command: 'slipway quantize resnet.onnx -o resnet.int8.onnx --method static',
  state: 'running',
  progress: { stage: 'Calibrating', done: 120, total: 256, remainingMs: 4000 },
  rows: [],
  result: null,
  error: null,
  deleted: false,
  overlays: [],
  ...changes,
});

const error = { cosine: 0.99942, sqnrDb: 28.4, maxAbs: 0.412, samples: 256 };

export const quantized: JobResult = {
  kind: 'quantize',
  value: {
    output: '/home/ada/models/resnet.int8-2.onnx',
    before: { fileBytes: 2_812_089 },
    after: { fileBytes: 745_270 },
    quantizedNodes: 22,
    fusion: {
      integer: 20,
      float: 2,
      left: [
        {
          node: '/head/Gemm',
          op: 'Gemm',
          why: 'Its output is the result of the model, which stays in float.',
        },
        {
          node: '/stem/Conv',
          op: 'Conv',
          why: 'It was given back to float: it loses more than the rest together.',
        },
      ],
    },
    error,
    scheme: 'U8S8, per channel',
    accuracy: {
      float: 0.946,
      quantized: 0.9455,
      drop: 0.0005,
      maxDrop: 0.003,
      holds: true,
      evaluations: 3,
      calibrator: 'minmax',
      reverted: ['/stem/Conv'],
      stopped: 'done',
    },
    diagnostics: [],
  },
};

export const pruned: JobResult = {
  kind: 'prune',
  value: {
    output: '/home/ada/models/resnet.pruned.onnx',
    before: { parameters: 703_000, macs: 21_300_000, fileBytes: 2_812_089 },
    after: { parameters: 352_000, macs: 10_600_000, fileBytes: 1_529_434 },
    groups: [
      { name: '/layer1/0/conv1/Conv', from: 32, to: 20, layers: ['/layer1/0/conv2/Conv'] },
      { name: '/layer2/0/conv1/Conv', from: 64, to: 40, layers: ['/layer2/0/conv2/Conv'] },
      { name: '/layer3/0/conv1/Conv', from: 128, to: 128, layers: [] },
    ],
    locked: [{ name: '/head/Gemm', width: 62, reason: 'Its outputs are the outputs of the model.' }],
    repaired: 9,
    error,
    diagnostics: [],
  },
};

export const sensitivity: JobResult = {
  kind: 'sensitivity',
  value: {
    layers: ['/stem/Conv', '/layer1/0/conv1/Conv', '/layer2/0/conv1/Conv', '/head/Gemm'].map((node, i) => ({
      node,
      op: node.endsWith('Gemm') ? 'Gemm' : 'Conv',
      alone: { ...error, sqnrDb: 24 + 7 * i },
      together: i === 3 ? null : { ...error, sqnrDb: 22 + 5 * i },
    })),
    samples: 64,
    diagnostics: [],
  },
};
