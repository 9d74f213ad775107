// Quantize: smaller numbers for weights and activations.

import { ConvertPrecision } from '../../daemon/protocol/precision';
import { Quantize } from '../../daemon/protocol/quantize';
import { QuantizeWeights } from '../../daemon/protocol/weightOnly';
import type { FormValues } from '../../daemon/protocol/jobPage';
import { precisionHelps, staticHelps, weightOnlyHelps } from './helps';
import type { CommandWords, Job, Method } from './job';
import { precisionRules, staticRules, weightOnlyRules } from './rules';

const labels = {
  output: 'Write to',
  calibration: 'Calibration data',
  calibrationSamples: 'Calibration samples',
  maxDrop: 'Largest loss of top-1',
  validation: 'Labelled data',
  validationSamples: 'Labelled samples',
  perTensor: 'One scale for a whole weight',
  tune: 'Give back what is slower',
  emulate: 'Also show the error on',
  includeOps: 'Only operators',
  excludeOps: 'Operators in float',
  include: 'Only nodes',
  exclude: 'Nodes in float',
  recover: 'Recover accuracy',
  smoothAlpha: 'Smoothing by α',
  state: 'Keep the search in',
  calibrationCache: 'Keep ranges in',
  blockSize: 'Block size',
  actOrder: 'Large inputs first',
  passes: 'Passes of GPTQ',
  form: 'Written as',
  keep: 'Stays float32',
  halfIo: 'Half inputs and outputs',
  minSqnrDb: 'Least signal-to-noise, dB',
  minCosine: 'Least cosine similarity',
  maxMagnitude: 'Largest value in half',
  overwrite: 'Replace the file if it exists',
  target: 'Processor',
  maxSeconds: 'Longest search, seconds',
  maxEvaluations: 'Most versions to measure',
  accuracyLevel: 'Arithmetic',
  embeddings: 'Lookup tables too',
  embeddingBits: 'Bits of lookup tables',
  largestError: 'Largest error of a weight',
};

const absent = {
  maxDrop: 'No limit; 0.003 is 0.3 points',
  emulate: 'Nothing else',
  calibrationSamples: 'All',
  validationSamples: 'All',
  maxSeconds: 'No limit',
  maxEvaluations: 'No limit',
  percentile: '99.999',
  momentum: '0.01',
  target: 'That of this machine',
  passes: '1',
  largestError: 'Any',
  smoothAlpha: 'Chosen for each layer',
  embeddingBits: '8',
  include: 'All',
  includeOps: 'All',
  exclude: 'None; separated by commas, * for any',
  excludeOps: 'None; Conv, Gemm, …',
  minCosine: 'No limit',
};

/** What only a search with calibration data can use. */
const staticOnly = [
  'target', 'activations', 'weights', 'perTensor', 'reducedRange', 'symmetric', 'calibrator', 'percentile',
  'momentum', 'calibrationCache', 'overrides', 'include', 'includeOps', 'excludeOps', 'format', 'recover', 'smoothAlpha',
  'tune',  'emulate', 'maxDrop', 'validation', 'validationSamples', 'maxSeconds', 'maxEvaluations', 'state',
]; // prettier-ignore

const precisionWords = (method: string): CommandWords => ({
  name: 'quantize',
  words: ['--method', method],
  options: { mode: 'half-mode', keep: 'keep-float', minSqnrDb: 'min-sqnr' },
});

const precisionMethods: readonly Method[] = (['fp16', 'bf16'] as const).map((method) => ({
  id: method,
  title: method === 'fp16' ? 'Half precision (fp16)' : 'bfloat16',
  sentence:
    method === 'fp16'
      ? 'Keeps weights in 16 bits: half the file, at the same speed on processors and faster on GPUs that compute in half.'
      : 'Keeps weights in bfloat16: half the file with the range of float32 and fewer digits, for processors and GPUs that know it.',
  verb: 'Convert',
  request: ConvertPrecision,
  fixed: { method },
  front: ['mode', 'calibration', 'output'],
  labels: { ...labels, mode: 'Half is for' },
  absent: {
    ...absent,
    maxEvaluations: '60',
    minSqnrDb: '50, or what else is asked for',
    maxMagnitude: 'A quarter of the largest half float',
    keep: 'Nothing; separated by commas, * for any',
  },
  rules: precisionRules,
  helps: precisionHelps,
  ending: () => method,
  result: 'quantize',
  estimate: () => ({ method }),
  command: precisionWords(method),
}));

export const quantizeJob: Job = {
  id: 'quantize',
  title: 'Quantize',
  doing: 'Quantizing',
  methods: [
    {
      id: 'static',
      title: 'int8, calibrated',
      sentence:
        'Weights and activations become 8-bit integers with ranges measured on your data: the fastest on processors, above all for convolutions.',
      verb: 'Quantize',
      request: Quantize,
      fixed: { method: 'static' },
      front: ['calibration', 'calibrator', 'recover', 'maxDrop', 'validation', 'output'],
      needs: ['calibration'],
      labels,
      absent,
      automatic: ['tune'],
      rules: staticRules,
      helps: staticHelps,
      ending: () => 'int8',
      result: 'quantize',
      estimate: () => ({ method: 'static' }),
      command: { name: 'quantize', words: ['--method', 'static'] },
    },
    {
      id: 'dynamic',
      title: 'int8, without data',
      sentence:
        'Weights of matrix products become 8-bit integers and activations follow at run time: needs no data, suits transformers, leaves convolutions in float.',
      verb: 'Quantize',
      request: Quantize,
      fixed: { method: 'dynamic' },
      front: ['exclude', 'output'],
      hidden: staticOnly,
      labels: { ...labels, calibration: 'Data to measure the error on' },
      helps: {
        calibration:
          'An .npz file with arrays named like the inputs. Only the error is measured on it; without, on generated inputs.',
      },
      absent,
      ending: () => 'int8-dynamic',
      result: 'quantize',
      estimate: () => ({ method: 'dynamic' }),
      command: { name: 'quantize', words: ['--method', 'dynamic'] },
    },
    {
      id: 'weight-only',
      title: 'Weights only (int4, int8)',
      sentence:
        'Only the weights shrink, in blocks of 2, 4 or 8 bits, and are unpacked as they are used: for language models, whose speed is that of memory.',
      verb: 'Quantize',
      request: QuantizeWeights,
      front: ['bits', 'blockSize', 'algorithm', 'calibration', 'output'],
      labels,
      absent,
      automatic: ['symmetric', 'embeddings'],
      rules: weightOnlyRules,
      helps: weightOnlyHelps,
      start: () => ({ bits: 4 }),
      ending: ({ bits }) => `int${typeof bits === 'number' ? bits : 4}`,
      result: 'quantize',
      estimate: ({ bits, blockSize, embeddings, embeddingBits }: FormValues) => ({
        method: 'weight-only',
        ...(typeof bits === 'number' ? { bits } : {}),
        ...(typeof blockSize === 'number' ? { blockSize } : {}),
        ...(typeof embeddings === 'boolean' ? { embeddings } : {}),
        ...(typeof embeddingBits === 'number' ? { embeddingBits } : {}),
      }),
      command: {
        name: 'quantize',
        words: ['--method', 'weight-only'],
        options: {
          symmetric: (value) => (value === false ? ['--asymmetric'] : ['--symmetric']),
          embeddings: (value) => (value === false ? ['--float-embeddings'] : []),
        },
      },
    },
    ...precisionMethods,
  ],
};

export const precisionJob: Job = {
  id: 'precision',
  title: 'Convert Precision',
  doing: 'Converting',
  methods: precisionMethods,
};
