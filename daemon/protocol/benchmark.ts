// Measure models side by side.

import { Type, type Static } from 'typebox';
import { bindings, longRequest } from './common';
import { request } from './core';

export const LatencySchema = Type.Object(
  {
    p50: Type.Number({ description: 'Median, milliseconds.' }),
    p90: Type.Number({ description: '90th percentile, milliseconds.' }),
    p99: Type.Number({ description: '99th percentile, milliseconds.' }),
    mean: Type.Number({ description: 'Mean, milliseconds.' }),
    min: Type.Number({ description: 'Smallest, milliseconds.' }),
    stddev: Type.Number({ description: 'Standard deviation, milliseconds.' }),
  },
  { description: 'Time of one run.' },
);

export const MeasurementSchema = Type.Object(
  {
    model: Type.String({ description: 'Path of the model.' }),
    device: Type.String({ description: 'Device that ran it: `cpu`.' }),
    threads: Type.Integer({ description: 'Threads inside an operator.' }),
    batch: Type.Integer({ description: 'Batch size of one run.' }),
    samples: Type.Integer({ description: 'Timed runs.' }),
    latencyMs: LatencySchema,
    histogram: Type.Object(
      {
        fromMs: Type.Number({ description: 'Left edge of the first bin, milliseconds.' }),
        toMs: Type.Number({ description: 'Right edge of the last bin, milliseconds.' }),
        counts: Type.Array(Type.Integer(), {
          description: 'Runs per bin, bins of equal width; slower runs count in the last bin.',
        }),
        beyond: Type.Optional(
          Type.Integer({ description: 'Runs slower than `toMs`: a long tail is cut off there.' }),
        ),
      },
      { description: 'Distribution of the run times.' },
    ),
    throughput: Type.Number({ description: 'Samples per second: batch size over the mean time.' }),
    loadMs: Type.Number({ description: 'Time to create the session, milliseconds.' }),
    peakRssBytes: Type.Integer({ description: 'Peak resident memory of the process that ran it, bytes.' }),
  },
  { description: 'What was measured of one model on one device.' },
);
export type Measurement = Static<typeof MeasurementSchema>;

export const RatioSchema = Type.Object(
  {
    model: Type.String({ description: 'Path of the model.' }),
    against: Type.String({ description: 'Path of the model it is compared with: the first.' }),
    p50Ratio: Type.Number({
      description: "The first model's p50 over this model's p50: above 1 this model is faster.",
    }),
    low: Type.Number({ description: 'Lower end of the 95 % bootstrap interval.' }),
    high: Type.Number({ description: 'Upper end of the 95 % bootstrap interval.' }),
  },
  { description: 'Speed of one model against another, measured in turn.' },
);
export type Ratio = Static<typeof RatioSchema>;

export const MachineSchema = Type.Object(
  {
    platform: Type.String({ description: 'Operating system and processor architecture, `linux-x64`.' }),
    cpu: Type.String({ description: 'Processor model.' }),
    cores: Type.Integer({ description: 'Processors this process may use.' }),
    instructionSets: Type.Array(Type.String(), {
      description:
        'Vector extensions that matter here: `avx2`, `avx512f`, `avx512_vnni`, `avx_vnni`, `amx_int8`, `neon`, `dotprod`, `i8mm`.',
    }),
    memoryBytes: Type.Integer({ description: 'Memory this process may use, bytes.' }),
    node: Type.String({ description: 'Node version.' }),
    onnxruntime: Type.String({ description: 'ONNX Runtime version.' }),
    providers: Type.Array(Type.String(), { description: 'Execution providers in this build.' }),
  },
  { description: 'Where it was measured.' },
);
export type Machine = Static<typeof MachineSchema>;

export const benchmarkOptions = {
  device: Type.Optional(Type.Literal('cpu', { description: 'Device to run on.' })),
  threads: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 1024, description: 'Threads inside an operator; 1 when absent.' }),
  ),
  batch: Type.Optional(Type.Integer({ minimum: 1, description: 'Batch size; 1 when absent.' })),
  bind: bindings,
  minSamples: Type.Optional(
    Type.Integer({ minimum: 1, description: 'Timed runs at the least; 50 when absent.' }),
  ),
  maxSeconds: Type.Optional(
    Type.Number({ exclusiveMinimum: 0, description: 'Time limit for each model, seconds; 10 when absent.' }),
  ),
};

export const BenchmarkResult = Type.Object({
  machine: MachineSchema,
  results: Type.Array(MeasurementSchema, { description: 'One for each model, in the order asked.' }),
  ratios: Type.Array(RatioSchema, { description: 'One for each model after the first.' }),
});
export type BenchmarkResult = Static<typeof BenchmarkResult>;

export const Benchmark = request('slipway/benchmark', {
  description:
    'Measures models in turn, in short interleaved blocks, on generated inputs. Progress rows are measurements so far.',
  params: Type.Object({
    uris: Type.Array(Type.String(), {
      minItems: 1,
      maxItems: 16,
      description: 'Models; the first is the one that the others are compared with.',
    }),
    ...benchmarkOptions,
    ...longRequest,
  }),
  result: BenchmarkResult,
  row: MeasurementSchema,
});
