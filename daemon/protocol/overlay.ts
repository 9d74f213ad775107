// Overlays: a number or a category for each node, painted on the graph. The value that results become, and the
// files of other tools that it is read from and written to.

import { Type, type Static } from 'typebox';
import { DiagnosticSchema, longRequest, modelRef } from './common';
import { request } from './core';

export const OverlaySchema = Type.Object(
  {
    name: Type.String({
      description:
        'Stable name, unique among the overlays of a model: `profile.time`. A later overlay of the same name replaces it.',
    }),
    title: Type.String({ description: 'What people call it: "Time".' }),
    unit: Type.String({
      description: 'Unit of the values: `µs`, `B`, `dB`; empty for plain numbers and categories.',
    }),
    kind: Type.Union([Type.Literal('sequential'), Type.Literal('diverging'), Type.Literal('category')], {
      description: 'Values from least to most, values around a middle of 0, or names.',
    }),
    scope: Type.Optional(
      Type.String({
        description: 'Path of the nested graph that the nodes are in; absent for the main graph.',
      }),
    ),
    entries: Type.Array(
      Type.Object({
        node: Type.String({
          description: 'Name of the node; where a node has none, the name of one of its outputs.',
        }),
        value: Type.Optional(Type.Number({ description: 'For `sequential` and `diverging` overlays.' })),
        category: Type.Optional(Type.String({ description: 'For `category` overlays.' })),
        text: Type.Optional(
          Type.String({ description: 'Words for the tooltip and the table, such as the reason.' }),
        ),
      }),
      { description: 'One for each node that has a value; the others are drawn plain.' },
    ),
    higherIs: Type.Optional(
      Type.Union([Type.Literal('better'), Type.Literal('worse')], {
        description: 'Decides the colour: worse is red, better is green, absent is neutral.',
      }),
    ),
    combine: Type.Optional(
      Type.Union([Type.Literal('sum'), Type.Literal('max'), Type.Literal('min'), Type.Literal('mean')], {
        description: 'How a closed scope shows what it holds; `sum` when absent (`mean` for `diverging`).',
      }),
    ),
  },
  { description: 'A number or a category for each node of a graph.' },
);
export type Overlay = Static<typeof OverlaySchema>;
export type OverlayEntry = Overlay['entries'][number];

export const OverlayFormatSchema = Type.Union(
  [Type.Literal('model-explorer'), Type.Literal('netron'), Type.Literal('csv'), Type.Literal('slipway')],
  {
    description:
      'Node data JSON of Model Explorer, attachment JSON of Netron, a table with one row for each node, or overlays as they are here.',
  },
);
export type OverlayFormat = Static<typeof OverlayFormatSchema>;

export const ReadOverlays = request('slipway/readOverlays', {
  description:
    'Reads overlays from a file: node data JSON of Model Explorer, attachment JSON of Netron, CSV with a column of node names, or overlays as JSON. The format is told by the content.',
  params: Type.Object({
    uri: Type.Optional(
      Type.String({
        description:
          'URI of the model; when given, names that the model does not have are reported in `diagnostics`.',
      }),
    ),
    file: Type.String({ description: 'Path of the file.' }),
    ...longRequest,
  }),
  result: Type.Object({
    format: OverlayFormatSchema,
    overlays: Type.Array(OverlaySchema, { description: 'At least one.' }),
    diagnostics: Type.Array(DiagnosticSchema, {
      description: 'What was left out, and names that the model does not have.',
    }),
  }),
});

export const WriteOverlay = request('slipway/writeOverlay', {
  description: 'Writes an overlay to a file that other tools read.',
  params: Type.Object({
    uri: Type.Optional(modelRef.uri),
    overlay: OverlaySchema,
    format: OverlayFormatSchema,
    file: Type.String({ description: 'Path of the file to write.' }),
    overwrite: Type.Optional(
      Type.Boolean({ description: 'Replace an existing file; without it that is a `conflict`.' }),
    ),
    ...longRequest,
  }),
  result: Type.Object({
    file: Type.String({ description: 'The file that was written.' }),
    entries: Type.Integer({ description: 'Nodes in it.' }),
  }),
});
