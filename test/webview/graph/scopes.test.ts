// From a model to what is drawn of it: scope tree, repeats, opening and closing, layouts in one another.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { graphTable } from '../../../daemon/analysis/graphTable';
import { findScope } from '../../../daemon/analysis/scopes/scopeText';
import { inOneGo } from '../../../daemon/base/task';
import type { Model } from '../../../daemon/ir/model';
import { encodeColumns } from '../../../daemon/protocol/columns';
import { findRows } from '../../../webview/graph/findNodes';
import { namesOf, nodesOf, partBetween } from '../../../webview/graph/partOf';
import { between, drawnFor, reachable } from '../../../webview/graph/trace';
import { makeLabels } from '../../../webview/graph/labels';
import { LayoutCache, layoutNested } from '../../../webview/graph/layoutNested';
import { readModelTable, type ModelTable } from '../../../webview/graph/modelTable';
import {
  keptOpening,
  openingPaths,
  readOpeningPaths,
  stepTo,
  toggled,
} from '../../../webview/graph/openings';
import {
  firstOpening,
  flat,
  openTo,
  scopePath,
  scopeTitle,
  shownRow,
  toDepth,
  viewTable,
  type Opening,
} from '../../../webview/graph/table';
import { decoderModel } from '../../support/decoderModel';

async function tableOf(model: Model): Promise<ModelTable> {
  return readModelTable(encodeColumns((await graphTable(model)).columns));
}

const layersOf = (model: ModelTable): number => {
  for (let g = 0; g < model.groups; g++) if (/^layers ×3\d$/.test(scopeTitle(model, g))) return g;
  throw new Error('No repeat of the layers');
};

/** Lays an opening out and checks that nothing overlaps and everything lies in its scope. */
function check(model: ModelTable, opening: Opening, cache = new LayoutCache()) {
  const view = viewTable(model, opening);
  const labels = makeLabels(view, 'sans', (text) => 7 * text.length);
  const layout = layoutNested({ ...labels, ...view }, cache);
  const { x, y, widths, heights } = layout;
  for (const { box, members } of view.scopes) {
    const sorted = [...members].sort((a, b) => y[a]! - y[b]!);
    sorted.forEach((a, i) => {
      for (let j = i + 1; j < sorted.length && y[sorted[j]!]! < y[a]! + heights[a]!; j++) {
        const b = sorted[j]!;
        assert.ok(
          x[a]! + widths[a]! <= x[b]! || x[b]! + widths[b]! <= x[a]!,
          `${view.name[view.drawn[a]!]} overlaps ${view.name[view.drawn[b]!]}`,
        );
      }
      if (box < 0) return;
      assert.ok(x[a]! >= x[box]! && x[a]! + widths[a]! <= x[box]! + widths[box]!, 'sideways in its scope');
      assert.ok(y[a]! >= y[box]! && y[a]! + heights[a]! <= y[box]! + heights[box]!, 'in its scope');
    });
  }
  assert.equal(new Set(layout.rank.filter((_, n) => view.scopes.at(-1)!.members.includes(n))).size > 0, true);
  return { view, layout };
}

describe('scopes of a decoder', () => {
  it('fold the layers into one repeat and leave few boxes', async () => {
    const model = await tableOf(decoderModel(2000));
    const repeat = layersOf(model);
    const { view } = check(model, firstOpening(model));
    assert.ok(view.drawn.length < 200, `${view.drawn.length} boxes`);
    assert.ok(view.drawnOf[model.rows + repeat] !== -1);
    assert.equal(new Set([...model.groupSame].filter((_, g) => model.groupParent[g] === repeat)).size, 1);
  });

  it('are opened and closed one by one, and the layers are laid out once', async () => {
    const model = await tableOf(decoderModel(2000));
    const cache = new LayoutCache();
    const repeat = layersOf(model);
    let opening = toDepth(model, 2, 5000);
    check(model, opening, cache);
    const before = cache.hits;
    const next = stepTo(model, opening, model.rows + repeat, 1)!;
    assert.equal(next.repeat, repeat);
    const { view } = check(model, next.opening, cache);
    assert.equal(next.opening.steps.get(repeat), 1);
    assert.ok(view.name.some((name, row) => name === 'layers.1' && view.drawnOf[row] !== -1));
    assert.ok(cache.hits >= before, 'equal scopes come from the cache');
    opening = toggled(model, next.opening, repeat);
    assert.ok(check(model, opening, cache).view.drawn.length < view.drawn.length);
    const everything = toDepth(model, Infinity, Infinity);
    check(model, everything, cache);
    check(model, flat, cache);
  });

  it('show values that come and go as pills', async () => {
    const model = await tableOf(decoderModel(2000));
    const { view } = check(model, openTo(model, firstOpening(model), 100));
    const pills = [...view.pillOf.keys()].filter((n) => view.pillOf[n] !== -1);
    assert.ok(pills.length > 2);
    for (const n of pills) {
      const [into, out] = [view.into, view.out].map(({ start }) => start[n + 1]! - start[n]!);
      assert.ok(into! + out! > 0, 'no pill without an edge');
    }
  });

  it('open the way to a hidden node', async () => {
    const model = await tableOf(decoderModel(2000));
    const view = viewTable(model, firstOpening(model));
    const row = findRows(view, 'layers.7/mlp/up_proj/matmul', (at) => at)[0]!;
    assert.ok(shownRow(view, row) !== row);
    const { view: opened } = check(model, openTo(model, firstOpening(model), row));
    assert.equal(shownRow(opened, row), row);
    assert.ok(opened.drawnOf[row]! >= 0);
  });

  it('stay open by name when the model changes', async () => {
    const [before, after] = [await tableOf(decoderModel(2000)), await tableOf(decoderModel(2300))];
    const opening = openTo(before, firstOpening(before), 500);
    const kept = keptOpening(
      after,
      readOpeningPaths(JSON.parse(JSON.stringify(openingPaths(before, opening)))),
    )!;
    assert.equal(kept.open.size, opening.open.size);
    assert.equal([...kept.steps.values()][0], [...opening.steps.values()][0]);
    check(after, kept);
  });

  it('are mined where the model has no names', async () => {
    const model = await tableOf(decoderModel(2000, false));
    const repeats = [...model.groupKind.keys()].filter((g) => model.groupKind[g] === 1);
    assert.equal(repeats.length, 1);
    assert.ok(model.groupChildren[repeats[0]!]! >= 30, `${model.groupChildren[repeats[0]!]}`);
    check(model, firstOpening(model));
  });

  it('fold shape arithmetic into the node that reads it', async () => {
    const model = await tableOf(decoderModel(200));
    for (let row = 0; row < model.rows; row++) {
      if (model.op[row] === 'Shape') {
        let into = row;
        while (model.foldedInto[into] !== -1) into = model.foldedInto[into]!;
        assert.equal(model.op[into], 'Reshape');
      }
    }
  });

  it('are found by type, shape, attribute, operator and scope', async () => {
    const model = await tableOf(decoderModel(2000));
    const view = viewTable(model, firstOpening(model));
    const found = (query: string) => findRows(view, query, (row) => row);
    assert.ok(found('type:float op:matmul').length > 100);
    assert.equal(found('type:float16').length, 0);
    assert.ok(found('shape:batchxseqx4 op:add').every((row) => model.op[row] === 'Add'));
    assert.equal(found('shape:batch×seq×4 op:gather').length, 1);
    assert.equal(found('shape:seq×4').includes(found('op:gather')[0]!), true);
    assert.ok(found('attr:"to float"').every((row) => model.op[row] === 'Cast'));
    assert.equal(found('scope:layers.3/mlp op:sigmoid').length, 1);
    assert.deepEqual(found('nothing:here'), []);
  });

  it('are traced through, closed or open', async () => {
    const model = await tableOf(decoderModel(2000));
    const view = viewTable(model, firstOpening(model));
    const at = (name: string) => findRows(view, name, (row) => row)[0]!;
    const [sigmoid, head] = [at('scope:layers.3/mlp op:sigmoid'), at('/lm_head/MatMul')];
    const down = reachable(model, sigmoid, 'down');
    assert.ok(down.has(head) && !reachable(model, sigmoid, 'up').has(head));
    const { rows: path, from, to } = between(model, head, sigmoid);
    assert.deepEqual([from, to], [sigmoid, head]);
    // What is traced is taken out by the same ends.
    assert.deepEqual(partBetween(model, from, to), { from: [sigmoid], to: [head] });
    assert.ok(nodesOf(model, path).includes(head));
    assert.match(namesOf(model, new Set([head])), /^\/lm_head\/MatMul/);
    assert.ok(path.has(head) && path.has(sigmoid) && path.size < down.size + 1);
    const drawn = drawnFor(view, path);
    assert.ok(drawn.has(view.drawnOf[shownRow(view, sigmoid)]!) && drawn.has(view.drawnOf[head]!));
  });

  it('have paths by which the daemon finds the same nodes', async () => {
    for (const built of [decoderModel(1500), withoutNames(decoderModel(1500))]) {
      const model = await tableOf(built);
      assert.ok(model.groups > 3);
      for (let g = 0; g < model.groups; g += 5) {
        const inside = new Set([g]);
        for (let h = g + 1; h < model.groups; h++) if (inside.has(model.groupParent[h]!)) inside.add(h);
        const rows = [...model.group.keys()].filter((row) => inside.has(model.group[row]!));
        assert.deepEqual(
          inOneGo(findScope(built, scopePath(model, g)))?.part?.positions,
          rows,
          scopePath(model, g),
        );
      }
    }
  });
});

/** Its scopes are made from blocks that repeat. */
const withoutNames = (model: Model): Model => {
  const plain = new Map<string, string>();
  const rename = (name: string) => {
    if (name === '') return '';
    if (!plain.has(name)) plain.set(name, `v${plain.size}`);
    return plain.get(name)!;
  };
  const { graph } = model;
  return {
    ...model,
    graph: {
      ...graph,
      nodes: graph.nodes.map((node) => ({
        ...node,
        name: '',
        metadataProps: [],
        inputs: node.inputs.map(rename),
        outputs: node.outputs.map(rename),
      })),
      initializers: graph.initializers.map((tensor) => ({ ...tensor, name: rename(tensor.name) })),
      inputs: graph.inputs.map((info) => ({ ...info, name: rename(info.name) })),
      outputs: graph.outputs.map((info) => ({ ...info, name: rename(info.name) })),
      valueInfo: [],
    },
  };
};
