// What a model costs by node, operator and scope, and the same as overlays.

import { Type, type Static } from 'typebox';
import { bindings, longRequest, modelRef } from './common';
import { request } from './core';
import { OverlaySchema } from './overlay';

const known = (description: string) => Type.Union([Type.Number(), Type.Null()], { description });
const sizeOrText = (description: string) =>
  Type.Union([Type.Number(), Type.String(), Type.Null()], { description });

export const CostRowSchema = Type.Object(
  {
    name: Type.String({ description: 'Name of the node, operator or scope; the scope "" is the model.' }),
    op: Type.String({ description: 'Operator type of a node; empty for operators and scopes.' }),
    nodes: Type.Integer({ description: 'Nodes in it.' }),
    macs: known('Multiply-accumulates of one run; null when unknown.'),
    flops: known(
      'Operations of one run: 2 for a MAC, and those of element-wise operators, normalizations and reductions ' +
        '(docs/cost.md); null when unknown.',
    ),
    parameters: Type.Number({ description: 'Weights that are read here first; a shared one counts once.' }),
    weightBytes: Type.Number({ description: 'Bytes of those weights.' }),
    outputBytes: known('Bytes that are written; null when unknown.'),
    liveBytes: known('Bytes of activations that are live while it runs, at most; null when unknown.'),
    intensity: known('Operations for each byte read or written; null where nothing is computed.'),
  },
  { description: 'The cost of a node, of all nodes of an operator, or of a scope.' },
);
export type CostRow = Static<typeof CostRowSchema>;

export const GetCost = request('slipway/cost', {
  description: 'Counts what a model costs: MACs, parameters and memory by node, operator and scope.',
  params: Type.Object({
    ...modelRef,
    bind: bindings,
    overlays: Type.Optional(
      Type.Boolean({ description: 'Send the costs of nodes as overlays too, to be painted on the graph.' }),
    ),
    csv: Type.Optional(
      Type.Union([Type.Literal('node'), Type.Literal('op'), Type.Literal('scope')], {
        description: 'Send rows of this kind as CSV too.',
      }),
    ),
    ...longRequest,
  }),
  result: Type.Object({
    assumed: Type.Record(Type.String(), Type.Integer(), {
      description: 'Free dimensions that were not bound, and what they were taken for.',
    }),
    symbolic: Type.Object(
      {
        macs: sizeOrText(
          'MACs as an expression of the free dimensions: `2048*batch*seq`; null when unknown.',
        ),
        flops: sizeOrText('Operations, the same way.'),
        peakActivationBytes: sizeOrText('Largest sum of live activations, bytes, the same way.'),
      },
      { description: 'The cost of the model with its dimensions left free.' },
    ),
    ops: Type.Array(CostRowSchema, { description: 'By operator, the dearest first.' }),
    scopes: Type.Array(CostRowSchema, { description: 'By scope, each with all that is inside it.' }),
    nodes: Type.Array(CostRowSchema, { description: 'Nodes of the main graph in file order.' }),
    csv: Type.Optional(
      Type.String({ description: 'The table as CSV, with a heading; absent unless asked for.' }),
    ),
    overlays: Type.Array(OverlaySchema, { description: 'Empty unless asked for.' }),
  }),
});
