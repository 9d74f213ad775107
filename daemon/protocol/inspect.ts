// Open a model and say what it is.

import { Type, type Static } from 'typebox';
import { severities } from './check';
import { bindings, DiagnosticSchema, longRequest, modelRef, ValueSchema } from './common';
import { notification, request } from './core';

export const InspectionSchema = Type.Object(
  {
    file: Type.String({ description: 'Path of the model file.' }),
    fileBytes: Type.Integer({ description: 'Size of the model file, bytes.' }),
    externalBytes: Type.Integer({ description: 'Size of the external data that it refers to, bytes.' }),
    irVersion: Type.Integer({ description: 'ONNX IR version.' }),
    producer: Type.String({ description: 'Producer name and version as the file states them.' }),
    opsets: Type.Record(Type.String(), Type.Integer(), {
      description: 'Opset version by domain; the standard domain is `ai.onnx`.',
    }),
    inputs: Type.Array(ValueSchema, { description: 'Graph inputs that are not initializers.' }),
    outputs: Type.Array(ValueSchema, { description: 'Graph outputs.' }),
    nodes: Type.Integer({ description: 'Nodes, those of nested graphs included.' }),
    initializers: Type.Integer({
      description: 'Initializers, sparse ones and those of nested graphs included.',
    }),
    parameters: Type.Integer({
      description: 'Elements of all initializers and of tensors in Constant nodes.',
    }),
    weightBytes: Type.Integer({ description: 'Bytes of those elements.' }),
    macs: Type.Union([Type.Integer(), Type.Null()], {
      description:
        'Multiply-accumulates of one run at the assumed dimensions; null when a shape that it depends on is unknown.',
    }),
    flops: Type.Union([Type.Integer(), Type.Null()], {
      description:
        'Operations of one run, the same way: 2 for a MAC, and those of element-wise operators, normalizations and ' +
        'reductions (docs/cost.md).',
    }),
    peakActivationBytes: Type.Union([Type.Integer(), Type.Null()], {
      description: 'Largest sum of live activations at the assumed dimensions, bytes; null when unknown.',
    }),
    assumed: Type.Record(Type.String(), Type.Integer(), {
      description: 'Values that free dimensions were given for `macs`, `flops` and `peakActivationBytes`.',
    }),
    ops: Type.Record(Type.String(), Type.Integer(), {
      description: 'Number of nodes by operator type; other domains are prefixed, `com.microsoft.Gelu`.',
    }),
    functions: Type.Integer({ description: 'Model-local functions.' }),
    metadata: Type.Record(Type.String(), Type.String(), { description: 'metadata_props of the model.' }),
    diagnostics: Type.Array(DiagnosticSchema, { description: 'What is wrong with the model.' }),
  },
  { description: 'What a model is.' },
);
export type Inspection = Static<typeof InspectionSchema>;

export const Open = request('slipway/open', {
  description:
    'Reads a model (weights stay on disk), says what it is, and watches it for changes until `slipway/close`.',
  params: Type.Object({
    uri: Type.String({ description: 'URI of the model, `file:///…/model.onnx`.' }),
    bind: bindings,
    rules: severities,
    ...longRequest,
  }),
  result: Type.Object({
    uri: Type.String({ description: 'The same URI.' }),
    revision: Type.String({ description: 'Changes whenever the file changes.' }),
    inspection: InspectionSchema,
  }),
});

export const Close = request('slipway/close', {
  description: 'Forgets a model of this connection.',
  params: Type.Object({ uri: modelRef.uri }),
  result: Type.Null(),
});

export const ModelChanged = notification('slipway/modelChanged', {
  direction: 'daemonToClient',
  description: 'An open model changed on disk, or went away.',
  params: Type.Object({
    uri: modelRef.uri,
    exists: Type.Boolean({ description: 'False when the file is gone.' }),
  }),
});
