// Compress jobs as the results page gets them: numbers of the size that a small ResNet really has.

import type { Variant } from '../../daemon/protocol/compress';
import type { Measurement } from '../../daemon/protocol/benchmark';
import type { JobView } from '../../daemon/protocol/page';
import { randomNumbers } from './graphs';

const folder = '/home/ada/models/';

/** A measurement whose run times lie around `p50` with a tail to the right. */
export function measurement(file: string, p50: number, seed: number): Measurement {
  const random = randomNumbers(seed);
  const times = Array.from({ length: 600 }, () => {
    const middle = random() + random() + random() - 1.5;
    return p50 * (1 + 0.04 * middle + (random() < 0.06 ? 0.25 * random() : 0));
  }).sort((a, b) => a - b);
  const at = (share: number) => times[Math.floor(share * (times.length - 1))]!;
  const [fromMs, toMs] = [times[0]!, at(0.995)];
  const counts = new Array<number>(40).fill(0);
  for (const time of times) {
    counts[Math.min(39, Math.floor(((time - fromMs) / (toMs - fromMs)) * 40))]! += 1;
  }
  const mean = times.reduce((a, b) => a + b, 0) / times.length;
  return {
    model: file,
    device: 'cpu',
    threads: 1,
    batch: 1,
    samples: times.length,
    latencyMs: { p50: at(0.5), p90: at(0.9), p99: at(0.99), mean, min: fromMs, stddev: 0.1 },
    histogram: { fromMs, toMs, counts },
    throughput: 1000 / mean,
    loadMs: 14.2,
    peakRssBytes: 91_000_000,
  };
}

const share = (metric: string, value: number, half: number) => ({
  metric,
  value,
  low: value - half,
  high: value + half,
  samples: 2000,
});

const name = (suffix: string) => `${folder}resnet${suffix}.onnx`;

export const original: Variant = {
  recipe: 'original',
  file: name(''),
  fileBytes: 2_812_089,
  measurement: measurement(name(''), 1.92, 1),
  ratio: null,
  top1: share('top1', 0.946, 0.0099),
  agreement: null,
  fusion: null,
  error: null,
};

export const int8Static: Variant = {
  recipe: 'int8 static',
  file: name('.int8'),
  fileBytes: 758_302,
  measurement: measurement(name('.int8'), 0.796, 2),
  ratio: { model: name('.int8'), against: name(''), p50Ratio: 2.412, low: 2.371, high: 2.448 },
  top1: share('top1', 0.945, 0.01),
  agreement: share('agreement', 0.9935, 0.0035),
  fusion: {
    integer: 20,
    float: 2,
    left: [
      { node: '/1/Add', op: 'Add', why: 'Its output also feeds a Reshape, which has no integer form.' },
      { node: '/head/Gemm', op: 'Gemm', why: 'It is the last node: its output is the model’s, in float.' },
    ],
  },
  error: { cosine: 0.99913, sqnrDb: 27.6, maxAbs: 1.13, samples: 256 },
};

export const int8Dynamic: Variant = {
  recipe: 'int8 dynamic',
  file: name('.dynamic'),
  fileBytes: 2_790_114,
  measurement: measurement(name('.dynamic'), 1.94, 3),
  ratio: { model: name('.dynamic'), against: name(''), p50Ratio: 0.99, low: 0.972, high: 1.008 },
  top1: share('top1', 0.946, 0.0099),
  agreement: share('agreement', 0.9995, 0.0008),
  fusion: {
    integer: 1,
    float: 21,
    left: Array.from({ length: 15 }, (_, i) => ({
      node: `/${i}/Conv`,
      op: 'Conv',
      why: 'Dynamic quantization has no fast integer convolution.',
    })),
  },
  error: { cosine: 0.99998, sqnrDb: 44.1, maxAbs: 0.09, samples: 256 },
};

const empty: JobView = {
  title: 'Compress resnet.onnx',
  model: { name: 'resnet.onnx', file: name('') },
  progress: null,
  rows: [],
  planned: ['original', 'int8 static', 'int8 dynamic'],
  result: null,
  error: null,
  cancelled: false,
};

const unmeasured = (variant: Variant): Variant => ({
  ...variant,
  measurement: null,
  ratio: null,
  top1: null,
  agreement: null,
});

export const startedJob: JobView = { ...empty, progress: { stage: 'Reading resnet.onnx' } };

export const runningJob: JobView = {
  ...empty,
  progress: { stage: 'Benchmarking resnet.int8.onnx', done: 260, total: 600, remainingMs: 8400 },
  rows: [{ ...original, top1: null }, unmeasured(int8Static)],
};

export const doneJob: JobView = {
  ...empty,
  rows: [original, int8Static, int8Dynamic],
  result: {
    machine: {
      platform: 'linux-x64',
      cpu: 'Intel Xeon Platinum 8481C',
      cores: 4,
      instructionSets: ['avx2', 'avx512f', 'avx512_vnni', 'amx_int8'],
      memoryBytes: 16e9,
      node: '20.19.0',
      onnxruntime: '1.30.0',
      providers: ['cpu'],
    },
    variants: [original, int8Static, int8Dynamic],
    chosen: int8Static.file,
    calibration: `${folder}resnet_calibration.npz`,
    validation: `${folder}resnet_validation.npz`,
  },
};

const blind = (variant: Variant): Variant => ({ ...variant, top1: null, agreement: null });

/** The same without labelled data. */
export const blindJob: JobView = {
  ...doneJob,
  rows: doneJob.rows.map(blind),
  result: { ...doneJob.result!, variants: doneJob.result!.variants.map(blind), validation: null },
};

export const failedJob: JobView = {
  ...runningJob,
  progress: null,
  rows: [
    original,
    { ...unmeasured(int8Static), failed: 'ONNX Runtime refused the model: the input “image” has no shape.' },
  ],
  error: {
    message:
      'The runner process ended while it measured resnet.int8.onnx. Try again with fewer threads; the log has the details.',
  },
};

export const cancelledJob: JobView = { ...runningJob, progress: null, cancelled: true };
