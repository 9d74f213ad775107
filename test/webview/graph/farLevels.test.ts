import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeColumns } from '../../../daemon/protocol/columns';
import { graphTable } from '../../../daemon/analysis/graphTable';
import { FarLevels, type FarLevel } from '../../../webview/graph/farLevels';
import { makeLabels } from '../../../webview/graph/labels';
import { LayoutCache, layoutNested } from '../../../webview/graph/layoutNested';
import { EdgeKind } from '../../../webview/graph/layoutTypes';
import { readModelTable } from '../../../webview/graph/modelTable';
import { makePicture, type Picture } from '../../../webview/graph/picture';
import { flat, viewTable } from '../../../webview/graph/table';
import { decoderModel } from '../../support/decoderModel';

async function decoder(): Promise<Picture> {
  const { columns } = await graphTable(decoderModel(2000));
  const table = viewTable(readModelTable(encodeColumns(columns)), flat);
  const labels = makeLabels(table, 'sans', (text) => 7 * text.length);
  return makePicture(table, labels, layoutNested({ ...labels, ...table }, new LayoutCache()));
}

const all = () => true;
const sorted = (list: Iterable<number>) => [...list].sort((a, b) => a - b);

/** Cells that boxes lie in, as text. */
function cells({ layout }: Picture, nodes: Iterable<number>, cell: number): string[] {
  const at = (n: number) => [
    Math.floor((layout.x[n]! + layout.widths[n]! / 2) / cell),
    Math.floor(Math.fround(layout.y[n]! + layout.heights[n]! / 2) / cell),
  ];
  return [...nodes].map((n) => at(n).join(' ')).sort();
}

test('from near everything is there, from afar one box of each cell and one line between two', async () => {
  const picture = await decoder();
  const levels = new FarLevels(picture, all, all);
  const near = levels.level(1);
  assert.deepEqual(sorted(near.nodes), sorted(picture.reading));
  const drawn = [...picture.layout.edgeKind.keys()].filter(
    (e) => picture.layout.edgeKind[e] === EdgeKind.line,
  );
  assert.deepEqual(sorted(near.edges), drawn);
  let before = near;
  for (const exponent of [6, 8, 10, 13]) {
    const cell = 2 ** exponent;
    const far = levels.level(2 / cell);
    const left = cells(picture, far.nodes, cell);
    assert.equal(new Set(left).size, left.length, 'no cell has two');
    assert.deepEqual(new Set(left), new Set(cells(picture, picture.reading, cell)), 'no cell is lost');
    assert.ok(far.nodes.length <= before.nodes.length && far.points.length <= before.points.length);
    before = far;
  }
  assert.ok(before.edges.length > 0 && 20 * before.edges.length < drawn.length, `${before.edges.length}`);
});

test('a level is the same whatever was looked at before, and is made once', async () => {
  const picture = await decoder();
  const text = ({ nodes, edges, start, points }: FarLevel) =>
    [nodes, edges, start, points].map((list) => list.join(' ')).join('\n');
  const straight = new FarLevels(picture, all, all).level(2 / 1024);
  const stepwise = new FarLevels(picture, all, all);
  for (const exponent of [5, 7, 9]) stepwise.level(2 / 2 ** exponent);
  const { nodes, edges } = stepwise.level(2 / 1024);
  assert.deepEqual([nodes, edges], [straight.nodes, straight.edges]);
  assert.equal(text(stepwise.level(2 / 1024)), text(stepwise.level(1.6 / 1024)));
  assert.equal(stepwise.level(2 / 1024), stepwise.level(1.6 / 1024));
});

test('boxes are found by height, and a part has boxes and lines of its own', async () => {
  const picture = await decoder();
  const { layout } = picture;
  const levels = new FarLevels(picture, all, all);
  const level = levels.level(1);
  const [top, bottom] = [0.3 * layout.height, 0.4 * layout.height];
  const found = new Set(levels.nodesIn(level, top, bottom));
  for (const n of picture.reading) {
    const reaches = layout.y[n]! <= bottom && layout.y[n]! + layout.heights[n]! >= top;
    if (reaches) assert.ok(found.has(n));
  }
  assert.ok(found.size < 0.2 * picture.reading.length, `${found.size}`);
  const odd = (n: number) => n % 2 === 1;
  const part = new FarLevels(picture, odd, (e) => picture.table.source[e] === 1).level(1);
  assert.deepEqual(sorted(part.nodes), sorted(picture.reading).filter(odd));
  assert.ok([...part.edges].every((e) => picture.table.source[e] === 1));
});
