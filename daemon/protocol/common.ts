// Shapes that several messages share.

import { Type, type Static } from 'typebox';

/** `uri` and `revision` of a request about one model. */
export const modelRef = {
  uri: Type.String({ description: 'URI of the model, `file:///…/model.onnx`.' }),
  revision: Type.Optional(
    Type.String({
      description:
        'Revision that `slipway/open` returned; when given and the file has changed, the request fails with `modelChanged`.',
    }),
  ),
};

/** Every request that takes long accepts this. */
export const longRequest = {
  progressToken: Type.Optional(
    Type.Union([Type.String(), Type.Integer()], {
      description: 'Chosen by the client; progress comes as `$/progress` notifications with this token.',
    }),
  ),
};

/** Numbers for free dimensions: `{"batch": 1}`. */
export const bindings = Type.Optional(
  Type.Record(Type.String(), Type.Integer({ minimum: 0 }), {
    description: 'Values of symbolic dimensions by name; a free batch counts as 1 when it is not bound.',
  }),
);

export const DiagnosticSchema = Type.Object(
  {
    id: Type.String({ description: 'Stable rule id, `onnx/truncated`.' }),
    severity: Type.Union([Type.Literal('error'), Type.Literal('warning'), Type.Literal('info')], {
      description: 'How bad it is.',
    }),
    message: Type.String({ description: 'A sentence: what is wrong and what to do.' }),
    where: Type.Optional(
      Type.Object(
        {
          scope: Type.Optional(
            Type.String({ description: 'Path of the graph inside the model; absent for the main graph.' }),
          ),
          node: Type.Optional(Type.String({ description: 'Node name; absent where the node has none.' })),
          index: Type.Optional(
            Type.Integer({ minimum: 0, description: 'Row of the node in its graph, as in `slipway/graph`.' }),
          ),
          output: Type.Optional(Type.String({ description: 'First output of a node without a name.' })),
          value: Type.Optional(Type.String({ description: 'Value name.' })),
          byteOffset: Type.Optional(Type.Integer({ description: 'Offset in the file, in bytes.' })),
        },
        { description: 'The place, as far as it is known.' },
      ),
    ),
  },
  { description: 'Something wrong with a model.' },
);

export const ValueSchema = Type.Object(
  {
    name: Type.String({ description: 'Value name.' }),
    dtype: Type.String({
      description:
        'Lower-case ONNX element type (`float`, `int64`), or a type expression such as `seq(float)`.',
    }),
    shape: Type.Union([Type.Array(Type.Union([Type.Integer(), Type.String(), Type.Null()])), Type.Null()], {
      description:
        'Dimensions: a number, a symbolic name, or null where unknown. Null when the rank is unknown.',
    }),
  },
  { description: 'A named input or output.' },
);
export type ValueDescription = Static<typeof ValueSchema>;

export const ProgressSchema = Type.Object(
  {
    stage: Type.String({ description: 'What is being done now, in words.' }),
    done: Type.Optional(Type.Number({ description: 'Steps finished in this stage.' })),
    total: Type.Optional(Type.Number({ description: 'Steps in this stage, when known.' })),
    remainingMs: Type.Optional(
      Type.Number({ description: 'Estimated time left in this stage, milliseconds.' }),
    ),
    row: Type.Optional(
      Type.Unknown({ description: 'A finished part of the result; its shape is stated by the request.' }),
    ),
  },
  { description: 'One progress report.' },
);
export type ProgressValue = Static<typeof ProgressSchema>;

/** A reference to bulk data that travels beside the JSON (see frames.ts). */
export const FrameRef = Type.Object(
  {
    frame: Type.Integer({
      description: 'Id of the binary frame; it arrives before the message that refers to it.',
    }),
    byteLength: Type.Integer({ description: 'Payload length in bytes.' }),
  },
  { description: 'Bulk data sent as a binary frame.' },
);
export type FrameRef = Static<typeof FrameRef>;
