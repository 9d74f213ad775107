// Pages of jobs as their host sends them: forms made from the real requests, results as the daemon gives them.

import type { Measurement } from '../../daemon/protocol/benchmark';
import type { JobPage, JobRun, JobResult } from '../../daemon/protocol/jobPage';
import { methodForm } from '../../extension/jobs/form';
import type { Situation } from '../../extension/jobs/job';
import { jobs } from '../../extension/jobs/table';
import { measurement } from './jobs';

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
    filled: 0,
    runs: [],
    trusted: true,
    front: undefined,
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
  left: null,
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
    latency: null,
    error,
    diagnostics: [],
  },
};

export const sparse: JobResult = {
  kind: 'zeros',
  value: {
    output: '/home/ada/models/resnet.sparse-2of4.onnx',
    before: { parameters: 703_000, macs: 21_300_000, fileBytes: 2_812_089 },
    after: { parameters: 703_000, macs: 21_300_000, fileBytes: 1_511_240 },
    layers: [
      { name: '/layer1/0/conv1/Conv', elements: 9216, zeros: 4608 },
      { name: '/layer2/0/conv1/Conv', elements: 18_432, zeros: 9216 },
      { name: '/head/Gemm', elements: 7936, zeros: 3968 },
    ],
    stored: [
      { name: 'layer1.0.conv1.weight', elements: 9216, zeros: 4608, form: 'bitmap', bytesBefore: 36_864, bytes: 19_588 },
      { name: 'head.weight', elements: 200, zeros: 100, form: 'dense', bytesBefore: 800, bytes: 800 },
    ],
    error,
    diagnostics: [],
  },
}; // prettier-ignore

export const split: JobResult = {
  kind: 'lowRank',
  value: {
    output: '/home/ada/models/resnet.low-rank.onnx',
    before: { parameters: 703_000, macs: 21_300_000, fileBytes: 2_812_089 },
    after: { parameters: 640_000, macs: 20_100_000, fileBytes: 2_561_000 },
    layers: [
      { name: '/layer3/0/downsample/Conv', from: 64, to: 18, energy: 0.9906, measured: true },
      { name: '/head/Gemm', from: 62, to: 62, energy: 1, measured: true },
    ],
    error,
    diagnostics: [],
  },
};

export const pruneCosts: JobResult = {
  kind: 'pruneSensitivity',
  value: {
    units: ['/stem/Conv', '/layer1/0/conv1/Conv', '/layer2/0/conv1/Conv'].map((name, i) => ({
      name,
      from: 32 << i,
      to: 16 << i,
      layers: [`/layer${i + 1}/0/conv2/Conv`],
      alone: { ...error, sqnrDb: 4 + 7 * i },
      top1: 0.61 + 0.14 * i,
    })),
    locked: [{ name: '/head/Gemm', width: 62, reason: 'Its outputs are the outputs of the model.' }],
    ratio: 0.5,
    samples: 64,
    top1: 0.945,
    diagnostics: [],
  },
};

export const cooked: JobResult = {
  kind: 'recipe',
  value: {
    recipe: '/home/ada/models/small.yaml',
    model: '/home/ada/models/resnet.onnx',
    output: '/home/ada/models/resnet.small.onnx',
    before: { fileBytes: 2_812_089, top1: 0.945 },
    after: { fileBytes: 402_500, top1: 0.9355 },
    steps: [
      { step: 'prune', options: { targetMacs: 0.5 }, fileBytes: 1_529_434, seconds: 21.4, top1: 0.938, result: { before: { macs: 26_296_064 }, after: { macs: 13_100_000 }, repaired: 9 } },
      { step: 'quantize', options: {}, fileBytes: 402_500, seconds: 4.2, top1: 0.9355, result: { fusion: { integer: 21, float: 1 } } },
    ],
    speed: { p50Ratio: 4.35, low: 4.19, high: 4.57 },
    diagnostics: [],
  },
}; // prettier-ignore

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

const machine = {
  platform: 'linux-x64',
  cpu: 'Example CPU @ 2.50GHz',
  cores: 4,
  instructionSets: ['avx2', 'avx512f', 'avx512_vnni'],
  memoryBytes: 16_000_000_000,
  node: '24.0.0',
  onnxruntime: '1.30.0',
  providers: ['cpu'],
};
const folder = '/home/ada/models/';
const two = ['resnet.onnx', 'resnet.int8.onnx'];
const p50Of = (model: string, batch: number, threads: number) =>
  ((model === two[0] ? 1.92 : 0.71) * (0.3 + 0.7 * batch)) / (0.25 + 0.75 * threads);

/** Two models over batch sizes and threads. */
export const swept: Measurement[] = two.flatMap((model, i) =>
  [1, 2, 4, 8].flatMap((batch) =>
    [1, 2, 4].map((threads) => {
      const p50 = p50Of(model, batch, threads);
      return {
        ...measurement(folder + model, p50, 1 + i),
        batch,
        threads,
        throughput: (1000 * batch) / p50,
        start: { coldMs: 142, warmMs: 61 + i, firstRunMs: 3.1 },
      };
    }),
  ),
);

export const benchmarked: JobResult = {
  kind: 'benchmark',
  value: {
    machine,
    results: swept,
    ratios: swept.slice(12).map(({ model, device, threads, batch }) => ({
      model,
      against: `${folder}${two[0]!}`,
      device,
      threads,
      batch,
      p50Ratio: 2.7,
      low: 2.61,
      high: 2.83,
    })),
    failures: [
      {
        model: `${folder}${two[1]!}`,
        device: 'cuda',
        threads: 1,
        batch: 1,
        kind: 'deviceUnavailable',
        message: 'CUDA needs libcudnn.so.9, which is not installed.',
      },
    ],
    warnings: ['Another process took 12 % of the processor while this was measured.'],
    environment: {
      at: '2026-11-25T08:00:00.000Z',
      kernel: '6.8.0',
      cpuQuota: 4,
      affinity: '0-3',
      governor: null,
      loadAverage: 0.4,
      energy: 'Energy was not measured: this machine shows no counters of it (RAPL in /sys/class/powercap).',
      variables: {},
    },
  },
};

const latencyMs = { p50: 2.1, p90: 3.4, p99: 9.6, mean: 2.4, min: 1.8, stddev: 1.1 };

/** A search for the highest rate, and requests at once. */
export const loaded: JobResult = {
  kind: 'benchmark',
  value: {
    machine,
    results: two.map((model, i) => measurement(folder + model, p50Of(model, 1, 1), 1 + i)),
    ratios: [],
    concurrency: two.flatMap((model) =>
      [1, 2, 4].map((concurrency) => ({
        model: folder + model,
        device: 'cpu',
        threads: 1,
        batch: 1,
        concurrency,
        samples: 600,
        latencyMs,
        throughput: (model === two[0] ? 520 : 1400) * concurrency ** 0.8,
        peakRssBytes: 91_000_000 * concurrency,
      })),
    ),
    load: two.map((model, i) => ({
      model: folder + model,
      device: 'cpu',
      threads: 1,
      batch: 1,
      pattern: 'server',
      workers: 1,
      queries: 4200,
      latencyMs,
      waitMs: { mean: 0.6, p99: 6.4 },
      serviceMs: { mean: 1.9, stddev: 0.1 },
      queriesPerSecond: 340 + 500 * i,
      throughput: 340 + 500 * i,
      utilisation: 0.66,
      abandoned: 0,
      rate: 341 + 500 * i,
      boundMs: 20,
      holds: true,
      expectedWaitMs: 0.63,
      trials: [100, 200, 300, 341, 380].map((rate) => ({
        rate: rate + 500 * i,
        holds: rate <= 341,
        p99Ms: 1.9 + (rate / 380) ** 6 * 21,
        queries: 800,
      })),
    })),
  },
};

const profiledOps = ['Conv', 'Conv', 'Relu', 'Conv', 'Add', 'MatMul', 'Softmax'];

/** A profile of seven nodes in two scopes, against a second model. */
export const profiled: JobResult = (() => {
  const nodes = profiledOps.map((op, i) => ({
    name: `/layer${i < 4 ? 1 : 2}/${op}_${i}`,
    op,
    provider: 'CPUExecutionProvider',
    meanUs: 400 / (i + 1),
    totalUs: 400 / (i + 1),
    calls: 1,
    share: 0,
    source: `/layer${i < 4 ? 1 : 2}/${op}_${i}`,
    scope: `layer${i < 4 ? 1 : 2}`,
    bytes: 100_000,
    work: { operations: 20_000_000 / (i + 1) ** 2, arithmetic: 'float' as const },
    inputs: 2,
  }));
  const sumUs = nodes.reduce((sum, { meanUs }) => sum + meanUs, 0);
  for (const node of nodes) node.share = node.meanUs / sumUs;
  const byOp = [...new Set(profiledOps)].map((name) => {
    const own = nodes.filter(({ op }) => op === name);
    const meanUs = own.reduce((sum, node) => sum + node.meanUs, 0);
    return { name, nodes: own.length, meanUs, share: meanUs / sumUs };
  });
  const starts = nodes.map((_, i) => nodes.slice(0, i).reduce((sum, node) => sum + node.meanUs, 0));
  const profile = {
    model: `${folder}resnet.int8.onnx`,
    device: 'cpu',
    threads: 1,
    batch: 1,
    nodes,
    byOp,
    byProvider: [],
    byScope: [],
    fallback: null,
    runs: 400,
    runUs: sumUs * 1.02,
    sumUs,
    betweenUs: sumUs * 0.02,
    overhead: 0.031,
    recordUs: 0.9,
    callUs: 5,
    flame: [
      { name: 'run', depth: 0, startUs: 0, durationUs: sumUs, node: null },
      { name: 'layer1', depth: 1, startUs: 0, durationUs: starts[4]!, node: null },
      { name: 'layer2', depth: 1, startUs: starts[4]!, durationUs: sumUs - starts[4]!, node: null },
      ...nodes.map(({ name, meanUs }, node) => ({
        name,
        depth: 2,
        startUs: starts[node]!,
        durationUs: meanUs,
        node,
      })),
    ],
    roofline: {
      compute: [
        { name: 'float' as const, gops: 92 },
        { name: 'integer' as const, gops: 310 },
      ],
      bandwidth: [
        { name: 'cache' as const, gbPerS: 38 },
        { name: 'memory' as const, gbPerS: 11 },
      ],
      points: nodes.map(({ work, bytes, meanUs }, node) => {
        const intensity = work.operations / bytes;
        const attainableGops = Math.min(92, 38 * intensity);
        return {
          node,
          intensity,
          gops: work.operations / meanUs / 1000,
          attainableGops,
          bound: attainableGops < 92 ? ('bandwidth' as const) : ('compute' as const),
          arithmetic: 'float' as const,
        };
      }),
    },
    assumed: {},
    warnings: [],
  };
  return {
    kind: 'profile' as const,
    value: {
      ...profile,
      overlays: [],
      against: { ...profile, model: `${folder}resnet.onnx` },
      difference: {
        runRatio: 0.38,
        byOp: byOp.map(({ name, meanUs }, i) => ({
          name,
          meanUs,
          againstUs: meanUs * (i === 1 ? 0.8 : 2.6),
          differenceUs: meanUs - meanUs * (i === 1 ? 0.8 : 2.6),
        })),
        byProvider: [],
        nodes: [],
      },
    },
  };
})();

/** Top-1 over twelve classes against the original. */
export const evaluated: JobResult = {
  kind: 'evaluate',
  value: {
    metric: 'top1',
    value: 0.9455,
    low: 0.9347,
    high: 0.9546,
    samples: 2000,
    interval: 'wilson',
    details: {
      confusion: Array.from({ length: 12 }, (_, i) =>
        Array.from({ length: 12 }, (_, j) =>
          i === j ? 150 + i : (i * 7 + j) % 5 === 0 ? 1 + ((i + j) % 9) : 0,
        ),
      ),
      perClass: Array.from({ length: 12 }, (_, label) => ({
        label,
        name: `class ${label}`,
        samples: 166,
        precision: 0.99 - label / 100,
        recall: 0.98 - label / 120,
        f1: 0.985 - label / 110,
      })),
    },
    against: { model: `${folder}resnet.onnx`, value: 0.946, low: 0.9353, high: 0.955 },
    difference: { value: -0.0005, low: -0.004, high: 0.003 },
    notes: [],
  },
};
