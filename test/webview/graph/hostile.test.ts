// Graphs that want to hurt, all the way from the model to the laid-out picture. No time is asserted; what is slow
// shows in the diagnostics and, when quadratic, in the test's limit.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { graphTable } from '../../../daemon/analysis/graphTable';
import { allGraphs } from '../../../daemon/analysis/scopes/scopes';
import { floatTensor, graph, model, node, valueInfo } from '../../../daemon/ir/builder';
import { DataType } from '../../../daemon/ir/dataType';
import type { Graph, Model, Node } from '../../../daemon/ir/model';
import { encodeColumns } from '../../../daemon/protocol/columns';
import { makeLabels } from '../../../webview/graph/labels';
import { LayoutCache, layoutNested } from '../../../webview/graph/layoutNested';
import { readModelTable } from '../../../webview/graph/modelTable';
import { makePicture, type Picture } from '../../../webview/graph/picture';
import { firstOpening, viewTable } from '../../../webview/graph/table';

const { FLOAT } = DataType;
const value = (name: string) => valueInfo(name, FLOAT, [4]);

async function draw(built: Model, path?: string, quick = true): Promise<Picture> {
  const { columns } = await graphTable(built, path, undefined, { quick });
  const table = readModelTable(encodeColumns(columns));
  const view = viewTable(table, firstOpening(table));
  const labels = makeLabels(view, 'sans', (text) => 7 * text.length);
  return makePicture(view, labels, layoutNested({ ...labels, ...view }, new LayoutCache()));
}

describe('hostile graphs are drawn', () => {
  const check = (name: string, build: () => Model, look: (picture: Picture) => void, quick = true) =>
    void it(name, async (context) => {
      const built = build();
      const start = performance.now();
      const picture = await draw(built, undefined, quick);
      context.diagnostic(`${(performance.now() - start).toFixed(0)} ms`);
      look(picture);
      const { x, y, widths, heights } = picture.layout;
      for (const list of [x, y, widths, heights]) assert.ok(list.every(Number.isFinite));
    });

  const dense = () => {
    const nodes: Node[] = [];
    // 2000 operators, each of which reads 500 others.
    for (let i = 0; i < 2000; i++) {
      const inputs = Array.from({ length: Math.min(i, 500) }, (_, k) => `v${(i - 1 - k * 3 + 6000) % i}`);
      nodes.push(node('Sum', i === 0 ? ['x'] : inputs, [`v${i}`]));
    }
    return model(graph({ nodes, inputs: [value('x')], outputs: [value('v1999')] }));
  };

  it('unless they are too dense for a quick look', async () => {
    await assert.rejects(draw(dense()), {
      kind: 'unsupported',
      message: /^The graph is not drawn: its 2,000 nodes read 874,\d\d\d values, /,
    });
  });

  check(
    'with cycles',
    () => {
      const ring = Array.from({ length: 5000 }, (_, i) =>
        node('Add', [`v${(i + 4999) % 5000}`, `v${(i + 17) % 5000}`], [`v${i}`], { name: `n${i}` }),
      );
      return model(graph({ nodes: ring, outputs: [value('v0')] }));
    },
    (picture) => assert.ok(picture.layout.x.length > 1),
  );

  check('with a million edges', dense, (picture) => assert.ok(picture.layout.x.length > 1), false);

  check(
    'with names of 100 KB',
    () => {
      const long = (i: number) => `${'a'.repeat(50_000)}/${'<b>\u0000\u202e'.repeat(10_000)}${i}`;
      const nodes = Array.from({ length: 50 }, (_, i) =>
        node('Relu', [i === 0 ? 'x' : long(i - 1)], [long(i)], { name: long(i) }),
      );
      return model(graph({ nodes, inputs: [value('x')], outputs: [value(long(49))] }));
    },
    (picture) => {
      assert.ok(picture.labels.title.every((title) => title.length < 100));
      assert.ok(picture.layout.widths.every((width) => width < 2000));
    },
  );

  check(
    'with weights that are no numbers',
    () =>
      model(
        graph({
          nodes: [node('Mul', ['x', 'w'], ['y']), node('Clip', ['y', 'low', 'w'], ['z'])],
          inputs: [value('x')],
          outputs: [value('z')],
          initializers: [floatTensor('w', [], [Number.NaN]), floatTensor('low', [], [-Infinity])],
        }),
      ),
    (picture) => assert.ok(picture.labels.detail.some((detail) => detail.includes('NaN'))),
  );

  it('nested 200 deep, the innermost graph included', async (context) => {
    let inner: Graph = graph({ nodes: [node('Relu', ['x'], ['y'])], outputs: [value('y')] });
    for (let depth = 0; depth < 200; depth++) {
      inner = graph({
        nodes: [
          node('If', ['flag'], ['y'], { name: 'if', attributes: { then_branch: inner, else_branch: inner } }),
        ].slice(0, 1),
        outputs: [value('y')],
      });
      // One branch is enough: both would double at every step.
      inner.nodes[0]!.attributes.pop();
    }
    const built = model(
      graph({
        nodes: inner.nodes,
        inputs: [value('x'), valueInfo('flag', DataType.BOOL, [])],
        outputs: [value('y')],
      }),
    );
    const start = performance.now();
    const paths = [...allGraphs(built)].map(({ path }) => path);
    assert.equal(paths.length, 201);
    const picture = await draw(built, paths.at(-1));
    context.diagnostic(`${(performance.now() - start).toFixed(0)} ms`);
    assert.ok(picture.labels.title.includes('Relu'));
  });
});
