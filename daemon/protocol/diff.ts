// Compare two models: which node is which, and what changed.

import { Type, type Static } from 'typebox';
import { FrameRef, longRequest } from './common';
import { request } from './core';
import { OverlaySchema } from './overlay';

const DiffNode = Type.Object(
  {
    scope: Type.String({ description: 'Path of the graph that holds it; empty for the main graph.' }),
    index: Type.Integer({ description: 'Row of the node in that graph, as in `slipway/graph`.' }),
    name: Type.String({ description: 'Node name; the name of its first output where it has none.' }),
    op: Type.String({ description: 'Operator type, with its domain where that is not the standard one.' }),
  },
  { description: 'A node.' },
);
export type DiffNode = Static<typeof DiffNode>;

const text = (description: string) => Type.Union([Type.String(), Type.Null()], { description });

const words = Type.String({ description: 'The change in words.' });

const WeightChangeSchema = Type.Object(
  {
    slot: Type.Integer({ description: 'Input of the node, from 0.' }),
    nameA: text('Name of the weight in A; null where there is none.'),
    nameB: text('Name of the weight in B; null where there is none.'),
    from: text('Type and shape in A, `float 64×3×7×7`.'),
    to: text('Type and shape in B, with what it passes through: `int8 64×3×7×7 through DequantizeLinear`.'),
    what: Type.Union(
      [
        Type.Literal('added'),
        Type.Literal('removed'),
        Type.Literal('type'),
        Type.Literal('shape'),
        Type.Literal('values'),
      ],
      { description: 'The first thing that differs.' },
    ),
    words,
  },
  { description: 'A weight that differs.' },
);

const IoChangeSchema = Type.Object(
  {
    what: Type.Union(
      [
        Type.Literal('added'),
        Type.Literal('removed'),
        Type.Literal('renamed'),
        Type.Literal('type'),
        Type.Literal('shape'),
      ],
      {
        description: 'What happened to it.',
      },
    ),
    from: text('`x: float batch×4` in A.'),
    to: text('The same in B.'),
    words,
  },
  { description: 'An input or output that differs.' },
);

const NamedTensor = Type.Object(
  {
    name: Type.String({ description: 'Name of the initializer.' }),
    type: Type.String({ description: 'Type and shape.' }),
  },
  { description: 'An initializer.' },
);

export const DiffSchema = Type.Object(
  {
    related: Type.Boolean({
      description: 'False when the two have too little in common to be compared; the lists are empty then.',
    }),
    same: Type.Boolean({
      description: 'True when nothing differs but names of nodes, order and documentation.',
    }),
    summary: Type.String({ description: 'The result in a sentence.' }),
    nodes: Type.Object(
      {
        a: Type.Integer({ description: 'Nodes of the main graph of A.' }),
        b: Type.Integer({ description: 'Nodes of the main graph of B.' }),
        paired: Type.Integer({ description: 'Pairs, those of inner graphs and functions included.' }),
        unchanged: Type.Integer({ description: 'Pairs without any change.' }),
        renamed: Type.Integer({
          description: 'Pairs whose nodes have different names; no change by itself.',
        }),
        added: Type.Array(DiffNode, { description: 'Nodes of B without a counterpart.' }),
        removed: Type.Array(DiffNode, { description: 'Nodes of A without a counterpart.' }),
        changed: Type.Array(
          Type.Object({
            a: DiffNode,
            b: DiffNode,
            attributes: Type.Array(
              Type.Object({
                name: Type.String({ description: 'Attribute name.' }),
                from: text('Value in A; null where it is absent.'),
                to: text('Value in B; null where it is absent.'),
                words,
              }),
              { description: 'Attributes that differ.' },
            ),
            weights: Type.Array(WeightChangeSchema, { description: 'Weights that differ.' }),
            inputs: Type.Array(
              Type.Object({
                slot: Type.Integer({ description: 'Input of the node, from 0.' }),
                from: text('Value that it reads in A.'),
                to: text('Value that it reads in B.'),
                words,
              }),
              { description: 'Inputs that come from elsewhere.' },
            ),
          }),
          { description: 'Pairs that differ.' },
        ),
        replaced: Type.Array(
          Type.Object({
            how: Type.Union(
              [
                Type.Literal('fused'),
                Type.Literal('split'),
                Type.Literal('replaced'),
                Type.Literal('folded'),
              ],
              {
                description:
                  '`fused`: many became one, or went into a node that was there; `split`: one became many; `folded`: they became a constant.',
              },
            ),
            from: Type.Array(DiffNode, { description: 'Nodes of A.' }),
            to: Type.Array(DiffNode, { description: 'Nodes of B that came in their place.' }),
            into: Type.Optional(DiffNode),
            constant: Type.Optional(
              Type.String({ description: 'Folded: name of the constant of B that stands for them.' }),
            ),
          }),
          { description: 'Nodes that became other nodes.' },
        ),
        moved: Type.Integer({
          description:
            'Constants that are nodes in the one model and initializers in the other; no change by itself.',
        }),
      },
      { description: 'Nodes.' },
    ),
    initializers: Type.Object(
      {
        unchanged: Type.Integer({ description: 'Initializers of A that are in B with the same values.' }),
        changed: Type.Array(WeightChangeSchema, { description: 'Initializers that differ.' }),
        added: Type.Array(NamedTensor, { description: 'Initializers of B without a counterpart.' }),
        removed: Type.Array(NamedTensor, { description: 'Initializers of A without a counterpart.' }),
      },
      { description: 'Initializers of the main graphs, paired through the nodes that read them.' },
    ),
    io: Type.Object(
      {
        inputs: Type.Array(IoChangeSchema, { description: 'Inputs that differ.' }),
        outputs: Type.Array(IoChangeSchema, { description: 'Outputs that differ.' }),
      },
      { description: 'Inputs and outputs.' },
    ),
    model: Type.Array(
      Type.Object({
        field: Type.String({ description: '`IR version`, `opset ai.onnx`, `producer`, `metadata author`.' }),
        from: text('Value in A.'),
        to: text('Value in B.'),
        words,
      }),
      { description: 'Differences outside the graphs.' },
    ),
  },
  { description: 'How two models differ.' },
);
export type DiffReport = Static<typeof DiffSchema>;

export const Diff = request('slipway/diff', {
  description:
    'Compares two models by structure: which node of A is which of B, and what was added, removed, fused or changed.',
  params: Type.Object({
    a: Type.String({ description: 'URI of the model that counts as before.' }),
    b: Type.String({ description: 'URI of the model that counts as after.' }),
    ...longRequest,
  }),
  result: Type.Object({
    revisionA: Type.String({ description: 'Revision of A that was compared.' }),
    revisionB: Type.String({ description: 'Revision of B that was compared.' }),
    diff: DiffSchema,
    overlays: Type.Object(
      {
        a: Type.Array(OverlaySchema, { description: 'Of A: removed, fused, changed nodes.' }),
        b: Type.Array(OverlaySchema, { description: 'Of B: added and changed nodes.' }),
      },
      { description: 'The differences as overlays, the main graph first.' },
    ),
    graphs: Type.Array(
      Type.Object({
        scopeA: Type.String({ description: 'Path of the graph in A.' }),
        scopeB: Type.String({ description: 'Path of the graph in B.' }),
        pairs: FrameRef,
      }),
      {
        description:
          'Pairs of each graph: columns `a` and `b` (int32), the rows of the two nodes, in rows of A.',
      },
    ),
  }),
});
