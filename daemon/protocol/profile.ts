// Where the time of a model goes, and which devices there are.

import { Type, type Static } from 'typebox';
import { bindings, longRequest } from './common';
import { deviceSchema } from './benchmark';
import { request } from './core';
import { OverlaySchema } from './overlay';

export const ProfilePartSchema = Type.Object(
  {
    name: Type.String({ description: 'Operator type, execution provider, or scope path.' }),
    nodes: Type.Integer({ description: 'Nodes in it.' }),
    meanUs: Type.Number({ description: 'Their mean time in one run, microseconds.' }),
    share: Type.Number({ description: 'Part of the time of all nodes, 0 to 1.' }),
  },
  { description: 'Profiled nodes that have something in common.' },
);

export const ProfiledNodeSchema = Type.Object(
  {
    name: Type.String({
      description:
        'Name in the graph as ONNX Runtime runs it; fused nodes carry a name of one of their parts.',
    }),
    op: Type.String({ description: 'Operator type as ONNX Runtime runs it, `FusedMatMul`.' }),
    provider: Type.String({ description: 'Execution provider that ran it, `CPUExecutionProvider`.' }),
    meanUs: Type.Number({
      description: 'Mean time in one run, microseconds, without the bodies of loops and branches.',
    }),
    totalUs: Type.Number({ description: 'The same with the bodies.' }),
    calls: Type.Number({ description: 'Times it ran in one run.' }),
    share: Type.Number({ description: 'Part of the time of all nodes, 0 to 1.' }),
    source: Type.Union([Type.String(), Type.Null()], {
      description: 'Name of the node in the model file that it stands for; null where no name tells.',
    }),
    scope: Type.String({
      description: 'Path of the module that it belongs to, `layers/0/attention`; empty when nothing tells.',
    }),
    bytes: Type.Number({
      description: 'Bytes that one call reads and writes: activations, weights and outputs, each once.',
    }),
    work: Type.Union(
      [
        Type.Object({
          operations: Type.Number({
            description:
              'Operations of one call: twice the multiply-accumulates of products, one for each element that comes out of everything else.',
          }),
          arithmetic: Type.Union([Type.Literal('float'), Type.Literal('integer')], {
            description: 'What is multiplied.',
          }),
        }),
        Type.Null(),
      ],
      { description: 'Its work, from the shapes it was run with; null when they do not tell.' },
    ),
    inputs: Type.Integer({ description: 'Inputs that it was given.' }),
  },
  { description: 'A node as it was run.' },
);

const gops = (description: string) => Type.Number({ description });

export const RooflineSchema = Type.Object(
  {
    compute: Type.Array(
      Type.Object({
        name: Type.Union([Type.Literal('float'), Type.Literal('integer')], {
          description: 'What is multiplied.',
        }),
        gops: gops('Billions of operations per second of a product of large matrices.'),
      }),
      { description: 'The flat roofs.' },
    ),
    bandwidth: Type.Array(
      Type.Object({
        name: Type.Union([Type.Literal('cache'), Type.Literal('memory')], {
          description: 'Where the values lie.',
        }),
        gbPerS: Type.Number({ description: 'Billions of bytes per second of sums of vectors.' }),
      }),
      { description: 'The slanting roofs.' },
    ),
    points: Type.Array(
      Type.Object({
        node: Type.Integer({ description: 'Index into `nodes`.' }),
        intensity: Type.Number({ description: 'Operations for each byte that it reads or writes.' }),
        gops: gops('Billions of operations per second that it reached.'),
        attainableGops: gops('What the lower of the roofs allows at its intensity, values in the cache.'),
        bound: Type.Union([Type.Literal('compute'), Type.Literal('bandwidth')], {
          description: 'Which roof is the lower.',
        }),
        arithmetic: Type.Union([Type.Literal('float'), Type.Literal('integer')], {
          description: 'Which flat roof is its own.',
        }),
      }),
      { description: 'One for each node whose work is known and that took at least a microsecond.' },
    ),
  },
  {
    description:
      'The roofline: what this machine allows, measured with ONNX Runtime on the same threads, and where each node stands below it.',
  },
);

const modelProfile = {
  model: Type.String({ description: 'Path of the model.' }),
  device: Type.String({ description: 'Device asked for.' }),
  threads: Type.Integer({ description: 'Threads inside an operator.' }),
  batch: Type.Integer({ description: 'Batch size of one run.' }),
  nodes: Type.Array(ProfiledNodeSchema, { description: 'Nodes in the order of running.' }),
  byOp: Type.Array(ProfilePartSchema, { description: 'By operator type, the slowest first.' }),
  byProvider: Type.Array(ProfilePartSchema, { description: 'By execution provider, the slowest first.' }),
  byScope: Type.Array(ProfilePartSchema, {
    description: 'By scope, each with all that it contains, so that shares overlap; sorted by path.',
  }),
  fallback: Type.Union(
    [
      Type.Object({
        nodeShare: Type.Number({ description: 'Part of the nodes that ran elsewhere than asked, 0 to 1.' }),
        timeShare: Type.Number({ description: 'Part of the time spent in them, 0 to 1.' }),
        nodes: Type.Array(Type.String(), { description: 'Their names, the slowest first, at most 50.' }),
      }),
      Type.Null(),
    ],
    { description: 'Nodes that ran elsewhere than asked; null when there were none.' },
  ),
  runs: Type.Integer({ description: 'Profiled runs that the means are of.' }),
  runUs: Type.Number({
    description:
      'Mean time of a run without profiling, microseconds; runs more than 5 % slower than the fastest are left out, since something disturbed them.',
  }),
  sumUs: Type.Number({ description: 'Sum of `meanUs` over the nodes.' }),
  betweenUs: Type.Number({
    description: '`runUs` − `sumUs`: what a run spends outside its nodes, the call (`callUs`) among it.',
  }),
  overhead: Type.Number({
    description: 'What profiling adds to a run: profiled mean over plain mean, less 1.',
  }),
  slowdown: Type.Optional(
    Type.Number({
      description:
        'How much longer the nodes took while recorded than they can have taken in a plain run, the making of records aside; their times are divided by it. 1 when they sum to no more than the run.',
    }),
  ),
  recordUs: Type.Number({
    description:
      "What making a node's record takes, measured apart on a chain of empty nodes and taken off each call, microseconds.",
  }),
  callUs: Type.Optional(
    Type.Number({
      description: 'What a call into ONNX Runtime and back takes, measured apart, microseconds.',
    }),
  ),
  flame: Type.Array(
    Type.Object({
      name: Type.String({ description: 'Name of the node, or the last part of the path of the scope.' }),
      depth: Type.Integer({ description: '0 for the run, then one more for each scope around.' }),
      startUs: Type.Number({ description: 'Where it begins, microseconds from the beginning of the run.' }),
      durationUs: Type.Number({ description: 'Mean time, microseconds.' }),
      node: Type.Union([Type.Integer(), Type.Null()], {
        description: 'Index into `nodes`; null for the run and for scopes.',
      }),
    }),
    {
      description:
        'The flame chart: nodes in the order of running, end to end with their mean times, below their scopes.',
    },
  ),
  roofline: Type.Union([RooflineSchema, Type.Null()], {
    description: 'Null on other devices than the CPU, whose nodes report when they were handed over.',
  }),
  assumed: Type.Record(Type.String(), Type.Integer(), {
    description: 'Values of free dimensions that nobody had bound.',
  }),
  warnings: Type.Array(Type.String(), { description: 'What limits these numbers, in sentences.' }),
};

export const ModelProfileSchema = Type.Object(modelProfile, { description: 'The profile of one model.' });

const PartDifferenceSchema = Type.Object(
  {
    name: Type.String({ description: 'Operator type, provider or node.' }),
    meanUs: Type.Number({ description: 'Microseconds in the profiled model; 0 when it has none.' }),
    againstUs: Type.Number({ description: 'Microseconds in the model it is compared with.' }),
    differenceUs: Type.Number({
      description: '`meanUs` − `againstUs`: below 0 where the profiled model is faster.',
    }),
  },
  { description: 'One difference.' },
);

export const ProfileResult = Type.Object({
  ...modelProfile,
  overlays: Type.Array(OverlaySchema, {
    description:
      'For the picture of the graph: `profile.time`, `profile.provider`, `profile.efficiency` (percent of the roof), `profile.difference`.',
  }),
  against: Type.Optional(ModelProfileSchema),
  difference: Type.Optional(
    Type.Object(
      {
        runRatio: Type.Number({
          description: "The model's run over the other's: below 1 when the profiled model is faster.",
        }),
        byOp: Type.Array(PartDifferenceSchema, { description: 'By operator, the largest first.' }),
        byProvider: Type.Array(PartDifferenceSchema, { description: 'By provider, the largest first.' }),
        nodes: Type.Array(PartDifferenceSchema, {
          description: 'By name in the model files, the largest first; nodes without a name are left out.',
        }),
      },
      { description: 'What differs between the two models, when one was named.' },
    ),
  ),
});
export type ProfileResult = Static<typeof ProfileResult>;

export const Profile = request('slipway/profile', {
  description:
    'Measures where the time of a model goes, node by node; profiled and plain runs are taken in turn in two processes.',
  params: Type.Object({
    uri: Type.String({ description: 'URI of the model.' }),
    against: Type.Optional(
      Type.String({ description: 'URI of a second model, profiled in turn with the first and compared.' }),
    ),
    device: Type.Optional(deviceSchema),
    threads: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1024, description: 'Threads inside an operator; 1 when absent.' }),
    ),
    batch: Type.Optional(Type.Integer({ minimum: 1, description: 'Batch size; 1 when absent.' })),
    bind: bindings,
    data: Type.Optional(
      Type.String({
        description: 'Path of an .npz file with arrays named like the inputs, instead of generated inputs.',
      }),
    ),
    maxSeconds: Type.Optional(
      Type.Number({ exclusiveMinimum: 0, description: 'Time for each model, seconds; 5 when absent.' }),
    ),
    ...longRequest,
  }),
  result: ProfileResult,
});

export const DeviceSchema = Type.Object(
  {
    name: Type.String({ description: 'What `device` takes: `cpu`, `cuda`, `webgpu`.' }),
    title: Type.String({ description: 'What people call it.' }),
    provider: Type.String({ description: 'Its name in profiles, `CUDAExecutionProvider`.' }),
    offered: Type.Boolean({ description: 'This build of ONNX Runtime knows it on this platform.' }),
    available: Type.Boolean({ description: 'A small model was loaded and run, and its node ran there.' }),
    detail: Type.String({ description: 'The hardware, or why it is not available.' }),
    install: Type.Union([Type.String(), Type.Null()], {
      description: 'What to install; null when it is available or cannot be on this platform.',
    }),
  },
  { description: 'A device that models can run on.' },
);

export const ListDevices = request('slipway/devices', {
  description: 'The devices of this machine, each tried with a small model.',
  params: Type.Object({ ...longRequest }),
  result: Type.Object({
    devices: Type.Array(DeviceSchema, { description: 'Those usable here first.' }),
  }),
});
