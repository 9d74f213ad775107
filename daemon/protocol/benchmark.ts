// Measure models side by side.

import { Type, type Static, type TSchema } from 'typebox';
import { ConcurrencySchema, LoadSchema, loadParams } from './benchmarkLoad';
import { bindings, longRequest } from './common';
import { request } from './core';

/** A device by the name that ONNX Runtime's Node package has for it. */
export const deviceSchema = Type.Union(
  [
    Type.Literal('cpu'),
    Type.Literal('cuda'),
    Type.Literal('tensorrt'),
    Type.Literal('webgpu'),
    Type.Literal('dml'),
    Type.Literal('coreml'),
    Type.Literal('qnn'),
    Type.Literal('openvino'),
  ],
  { description: 'Device to run on; `cpu` when absent. `slipway/devices` says which there are.' },
);

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
    device: Type.String({ description: 'Device that was asked for: `cpu`.' }),
    threads: Type.Integer({ description: 'Threads inside an operator.' }),
    batch: Type.Integer({ description: 'Batch size of one run.' }),
    samples: Type.Integer({ description: 'Timed runs.' }),
    latencyMs: LatencySchema,
    undisturbed: Type.Optional(
      Type.Object(
        {
          p50Ms: Type.Number({ description: 'Their median, milliseconds.' }),
          share: Type.Number({ description: 'Their part of all runs, 0 to 1.' }),
        },
        {
          description:
            'The runs that nothing disturbed: those within 5 % of the fastest (of the 2 % quantile; ten at the least). Models are compared by them.',
        },
      ),
    ),
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
    start: Type.Optional(
      Type.Object(
        {
          coldMs: Type.Number({
            description:
              'From the start of the first process to its first result, milliseconds; the file may have been in memory already.',
          }),
          warmMs: Type.Union([Type.Number(), Type.Null()], {
            description: 'Median of the same over the later processes; null when there was one only.',
          }),
          firstRunMs: Type.Number({ description: 'First run of the first process, milliseconds.' }),
        },
        { description: 'Time to the first result.' },
      ),
    ),
    energy: Type.Optional(
      Type.Union(
        [
          Type.Object({
            joulesPerRun: Type.Number({
              description: 'Energy of the processor packages per run, whatever else ran on them included.',
            }),
            source: Type.Literal('rapl', { description: "The processor's own counters." }),
          }),
          Type.Null(),
        ],
        { description: 'Energy; null where the machine does not tell.' },
      ),
    ),
    assumed: Type.Optional(
      Type.Record(Type.String(), Type.Integer(), {
        description: 'Values of free dimensions that nobody had bound.',
      }),
    ),
    placement: Type.Optional(
      Type.Union(
        [
          Type.Object({
            nodes: Type.Record(Type.String(), Type.Integer(), {
              description: 'Nodes by execution provider, as a profiled run saw them.',
            }),
            fallbackShare: Type.Number({
              description: 'Part of the nodes that the device asked for did not run, 0 to 1.',
            }),
            fallbackTimeShare: Type.Number({ description: 'Part of the time spent in them, 0 to 1.' }),
          }),
          Type.Null(),
        ],
        { description: 'Which providers ran the nodes; null on the CPU, where there is no other.' },
      ),
    ),
  },
  { description: 'What was measured of one model on one device.' },
);
export type Measurement = Static<typeof MeasurementSchema>;

export const RatioSchema = Type.Object(
  {
    model: Type.String({ description: 'Path of the model.' }),
    against: Type.String({ description: 'Path of the model it is compared with: the first.' }),
    p50Ratio: Type.Number({
      description:
        "The first model's p50 over this model's p50, of the runs that nothing disturbed: above 1 this model is faster.",
    }),
    low: Type.Number({ description: 'Lower end of the 95 % bootstrap interval.' }),
    high: Type.Number({ description: 'Upper end of the 95 % bootstrap interval.' }),
    device: Type.Optional(Type.String({ description: 'Device that both were measured on.' })),
    threads: Type.Optional(Type.Integer({ description: 'Threads that both were measured with.' })),
    batch: Type.Optional(Type.Integer({ description: 'Batch size that both were measured with.' })),
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
        'Vector extensions that matter here, such as `avx2`, `avx512f`, `avx512_vnni`, `avx_vnni`, `amx_int8`, `neon`, `dotprod`, `i8mm`.',
    }),
    memoryBytes: Type.Integer({ description: 'Memory this process may use, bytes.' }),
    node: Type.String({ description: 'Node version.' }),
    onnxruntime: Type.String({ description: 'ONNX Runtime version.' }),
    providers: Type.Array(Type.String(), { description: 'Execution providers in this build.' }),
    offered: Type.Optional(
      Type.Array(Type.String(), {
        description: 'Devices that the build knows on this platform; some need libraries of their own.',
      }),
    ),
  },
  { description: 'Where it was measured.' },
);
export type Machine = Static<typeof MachineSchema>;

export const FailureSchema = Type.Object(
  {
    model: Type.String({ description: 'Path of the model.' }),
    device: Type.String({ description: 'Device asked for.' }),
    threads: Type.Integer({ description: 'Threads inside an operator.' }),
    batch: Type.Union([Type.Integer(), Type.Null()], {
      description: 'Batch size; null when none was asked for.',
    }),
    kind: Type.String({ description: "The error's kind, `runnerDied`." }),
    message: Type.String({ description: 'What happened, in a sentence.' }),
  },
  { description: 'A setting that could not be measured, or not to the end.' },
);

const nullable = <T extends TSchema>(schema: T, description: string) =>
  Type.Union([schema, Type.Null()], { description });

export const EnvironmentSchema = Type.Object(
  {
    at: Type.String({ description: 'When measuring began, ISO 8601.' }),
    kernel: Type.String({ description: "The operating system's release." }),
    cpuQuota: nullable(
      Type.Number(),
      "Processors' worth of time that the container allows; null: unlimited.",
    ),
    affinity: nullable(Type.String(), 'Processors that the process may run on, `0-1`.'),
    governor: nullable(Type.String(), "Policy of the processor's clock, `performance`."),
    loadAverage: nullable(Type.Number(), 'Load average of the minute before measuring.'),
    energy: Type.Optional(
      Type.String({ description: 'Where energy is read, or why it is not, in a sentence.' }),
    ),
    variables: Type.Record(Type.String(), Type.String(), {
      description: 'Variables that change threads or kernels of ONNX Runtime, as far as they are set.',
    }),
  },
  { description: 'What the numbers depend on beside machine and model.' },
);

const sweep = (what: string) =>
  Type.Optional(Type.Array(Type.Integer({ minimum: 1 }), { minItems: 1, maxItems: 32, description: what }));

export const benchmarkOptions = {
  device: Type.Optional(deviceSchema),
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
  results: Type.Array(MeasurementSchema, {
    description: 'One for each model and setting, in the order asked.',
  }),
  ratios: Type.Array(RatioSchema, { description: 'One for each model after the first, in each setting.' }),
  failures: Type.Optional(
    Type.Array(FailureSchema, { description: 'What could not be measured; the rest is in `results`.' }),
  ),
  warnings: Type.Optional(
    Type.Array(Type.String(), { description: 'What disturbed or limits these numbers, in sentences.' }),
  ),
  environment: Type.Optional(EnvironmentSchema),
  concurrency: Type.Optional(
    Type.Array(ConcurrencySchema, { description: 'One for each model and level that was asked for.' }),
  ),
  load: Type.Optional(
    Type.Array(LoadSchema, { description: 'One for each model, when a load was asked for.' }),
  ),
});
export type BenchmarkResult = Static<typeof BenchmarkResult>;

export const Benchmark = request('slipway/benchmark', {
  description:
    'Measures models in turn, in short interleaved blocks, on generated or given inputs, in one setting or several. Progress rows are measurements so far, told apart by `model`; `done` and `total` are seconds, the time used and the most it may take.',
  params: Type.Object({
    uris: Type.Array(Type.String(), {
      minItems: 1,
      maxItems: 16,
      description: 'Models; the first is the one that the others are compared with.',
    }),
    ...benchmarkOptions,
    devices: Type.Optional(
      Type.Array(deviceSchema, { minItems: 1, description: 'Several devices instead of `device`.' }),
    ),
    threadSweep: sweep('Several numbers of threads instead of `threads`.'),
    sweepThreads: Type.Optional(
      Type.Boolean({
        description:
          'Sweeps 1, 2, 4, … threads up to the processors that affinity and quota allow, where `threadSweep` is absent.',
      }),
    ),
    batchSweep: sweep('Several batch sizes instead of `batch`.'),
    concurrency: sweep(
      'Requests at once, each number a level, for throughput; measured in the first setting.',
    ),
    load: Type.Optional(loadParams),
    data: Type.Optional(
      Type.String({
        description: 'Path of an .npz file with arrays named like the inputs, instead of generated inputs.',
      }),
    ),
    ...longRequest,
  }),
  result: BenchmarkResult,
  row: MeasurementSchema,
});
