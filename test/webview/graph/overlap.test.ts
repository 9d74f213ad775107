// Every model that there is, drawn as the page draws it: folded as at first, all scopes open, and in one plane; main
// graphs, bodies and functions. No box lies on another, and every box lies inside its scope.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { graphTable } from '../../../daemon/analysis/graphTable';
import { allGraphs } from '../../../daemon/analysis/scopes/scopes';
import { silentTask } from '../../../daemon/base/task';
import type { Model } from '../../../daemon/ir/model';
import { readModel } from '../../../daemon/onnx/readModel';
import { encodeColumns } from '../../../daemon/protocol/columns';
import { makeLabels } from '../../../webview/graph/labels';
import { LayoutCache, layoutNested } from '../../../webview/graph/layoutNested';
import { readModelTable } from '../../../webview/graph/modelTable';
import { firstOpening, flat, toDepth, viewTable } from '../../../webview/graph/table';
import { conformanceCases } from '../../support/conformance';
import { decoderModel } from '../../support/decoderModel';
import { repository, sharedFolder } from '../../support/paths';

/** Paths of the models below a folder. */
const modelsIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.onnx'))
    .map((name) => join(folder, name))
    .sort();

/** Lays out every graph of a model in every way of showing it; gives the number of boxes that were looked at. */
async function check(model: Model, what: string): Promise<number> {
  const cache = new LayoutCache();
  let boxes = 0;
  for (const { path } of allGraphs(model)) {
    const table = readModelTable(encodeColumns((await graphTable(model, path)).columns));
    for (const opening of [firstOpening(table), toDepth(table, Infinity, 20_000), flat]) {
      const view = viewTable(table, opening);
      const labels = makeLabels(view, 'sans', (text) => 7 * text.length);
      const { x, y, widths, heights } = layoutNested({ ...labels, ...view }, cache);
      const name = (n: number) => `${what} ${path}: box ${n} ${view.name[view.drawn[n]!]!}`;
      for (const { box, members } of view.scopes) {
        const sorted = [...members].sort((a, b) => y[a]! - y[b]!);
        sorted.forEach((a, i) => {
          boxes += 1;
          for (let j = i + 1; j < sorted.length && y[sorted[j]!]! < y[a]! + heights[a]!; j++) {
            const b = sorted[j]!;
            const apart = x[a]! + widths[a]! <= x[b]! || x[b]! + widths[b]! <= x[a]!;
            assert.ok(apart, `${name(a)} overlaps ${name(b)}`);
          }
          if (box < 0) return;
          const inside =
            x[a]! >= x[box]! &&
            x[a]! + widths[a]! <= x[box]! + widths[box]! &&
            y[a]! >= y[box]! &&
            y[a]! + heights[a]! <= y[box]! + heights[box]!;
          assert.ok(inside, `${name(a)} reaches out of its scope`);
        });
      }
    }
  }
  return boxes;
}

async function checkFiles(paths: readonly string[]): Promise<{ models: number; boxes: number }> {
  let boxes = 0;
  for (const path of paths) {
    const { model } = await readModel(path, silentTask);
    assert.ok(model !== undefined, `${path} can be read`);
    boxes += await check(model, path.slice(-60));
  }
  return { models: paths.length, boxes };
}

describe('no overlap', () => {
  it('in a made-up decoder and the model of the examples', async () => {
    assert.ok((await check(decoderModel(2000), 'decoder')) > 1000);
    assert.ok((await check(decoderModel(2000, false), 'nameless decoder')) > 1000);
    assert.ok((await checkFiles(modelsIn(join(repository, 'examples')))).boxes > 20);
  });

  it('in the shared models', async (context) => {
    const shared = sharedFolder();
    if (shared === undefined) {
      context.diagnostic('No shared models here.');
      return;
    }
    const { models, boxes } = await checkFiles(modelsIn(join(shared, 'models')));
    context.diagnostic(`${models} models, ${boxes} boxes`);
    assert.ok(models >= 15);
  });

  it('in the light and pytorch models of the conformance suite', async (context) => {
    const cases = conformanceCases()?.filter(({ name }) => /^(light|pytorch)/.test(name));
    if (cases === undefined) {
      context.diagnostic('No conformance models here.');
      return;
    }
    const { models, boxes } = await checkFiles(cases.map(({ model }) => model));
    context.diagnostic(`${models} models, ${boxes} boxes`);
    assert.ok(models > 50);
  });
});
