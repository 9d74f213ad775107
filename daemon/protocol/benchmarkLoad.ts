// Parts of a benchmark beyond single runs: throughput over concurrency, and load patterns.

import { Type } from 'typebox';

const latency = Type.Object(
  {
    p50: Type.Number({ description: 'Median, milliseconds.' }),
    p90: Type.Number({ description: '90th percentile, milliseconds.' }),
    p99: Type.Number({ description: '99th percentile, milliseconds.' }),
    mean: Type.Number({ description: 'Mean, milliseconds.' }),
    min: Type.Number({ description: 'Smallest, milliseconds.' }),
    stddev: Type.Number({ description: 'Standard deviation, milliseconds.' }),
  },
  { description: 'Time of one request.' },
);

const common = {
  model: Type.String({ description: 'Path of the model.' }),
  device: Type.String({ description: 'Device that was asked for.' }),
  threads: Type.Integer({ description: 'Threads inside an operator.' }),
  batch: Type.Integer({ description: 'Batch size of one run.' }),
};

export const ConcurrencySchema = Type.Object(
  {
    ...common,
    concurrency: Type.Integer({ description: 'Requests at once: processes with one session each.' }),
    samples: Type.Integer({ description: 'Timed runs.' }),
    latencyMs: latency,
    throughput: Type.Number({ description: 'Samples per second of all together.' }),
    peakRssBytes: Type.Integer({ description: 'Peak resident memory of the processes together, bytes.' }),
  },
  { description: 'Throughput at one level of concurrency.' },
);

export const loadParams = Type.Object(
  {
    pattern: Type.Union([Type.Literal('single-stream'), Type.Literal('offline'), Type.Literal('server')], {
      description:
        '`single-stream`: one query after another; `offline`: all at once; `server`: Poisson arrivals.',
    }),
    rate: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        description: 'Arrivals per second, for `server`; absent: the highest that holds `boundMs`.',
      }),
    ),
    boundMs: Type.Optional(
      Type.Number({ exclusiveMinimum: 0, description: 'Largest p99 latency, milliseconds, for `server`.' }),
    ),
    workers: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 256, description: 'Processes that serve; 1 when absent.' }),
    ),
    seed: Type.Optional(
      Type.Integer({ description: 'The same seed gives the same arrivals; 1 when absent.' }),
    ),
  },
  { description: "A load pattern after MLPerf's." },
);

export const LoadSchema = Type.Object(
  {
    ...common,
    pattern: Type.String({ description: 'The pattern.' }),
    workers: Type.Integer({ description: 'Processes that served.' }),
    queries: Type.Integer({ description: 'Queries answered.' }),
    latencyMs: latency,
    waitMs: Type.Object(
      {
        mean: Type.Number({ description: 'Mean, milliseconds.' }),
        p99: Type.Number({ description: '99th percentile, milliseconds.' }),
      },
      { description: 'From the scheduled arrival to the start of service.' },
    ),
    serviceMs: Type.Object(
      {
        mean: Type.Number({ description: 'Mean, milliseconds.' }),
        stddev: Type.Number({ description: 'Standard deviation, milliseconds.' }),
      },
      { description: 'Service alone.' },
    ),
    queriesPerSecond: Type.Number({ description: 'Answers per second over the whole run.' }),
    throughput: Type.Number({ description: 'Samples answered per second.' }),
    utilisation: Type.Number({ description: "Part of the workers' time spent serving, 0 to 1." }),
    abandoned: Type.Integer({
      description: 'Queries given up because the bound could not hold any more or a worker ended.',
    }),
    rate: Type.Union([Type.Number(), Type.Null()], {
      description:
        'Arrivals per second; null for patterns that do not plan them, and for a search that ended before a rate held; 0 when no rate held the bound.',
    }),
    boundMs: Type.Union([Type.Number(), Type.Null()], { description: 'Bound on p99, milliseconds.' }),
    holds: Type.Union([Type.Boolean(), Type.Null()], { description: 'Whether p99 stayed within the bound.' }),
    expectedWaitMs: Type.Union([Type.Number(), Type.Null()], {
      description:
        'Mean wait that queueing theory (Pollaczek–Khinchine) expects of one worker at this rate, milliseconds.',
    }),
    failure: Type.Optional(
      Type.Union(
        [
          Type.Object({
            kind: Type.String({ description: 'Kind of the error, `runnerDied`.' }),
            message: Type.String({ description: 'What happened, a sentence.' }),
          }),
          Type.Null(),
        ],
        {
          description:
            'What ended the load early, a worker that died say; the figures are those of what was answered before. Null when nothing did.',
        },
      ),
    ),
    trials: Type.Array(
      Type.Object({
        rate: Type.Number({ description: 'Arrivals per second.' }),
        holds: Type.Boolean({ description: 'Whether p99 stayed within the bound.' }),
        p99Ms: Type.Number({ description: 'p99 of what was answered, milliseconds.' }),
        queries: Type.Integer({ description: 'Queries answered.' }),
      }),
      { description: 'Rates that were tried, when the highest was looked for.' },
    ),
  },
  { description: 'A model under a load pattern.' },
);
