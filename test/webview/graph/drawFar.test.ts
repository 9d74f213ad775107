import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeColumns } from '../../../daemon/protocol/columns';
import { graphTable } from '../../../daemon/analysis/graphTable';
import { firstInCells, traceFar, type Frame } from '../../../webview/graph/drawFar';
import { makeLabels } from '../../../webview/graph/labels';
import { LayoutCache, layoutNested } from '../../../webview/graph/layoutNested';
import { readModelTable } from '../../../webview/graph/modelTable';
import { makePicture } from '../../../webview/graph/picture';
import { flat, viewTable } from '../../../webview/graph/table';
import { decoderModel } from '../../support/decoderModel';

async function decoder() {
  const { columns } = await graphTable(decoderModel(2000));
  const table = viewTable(readModelTable(encodeColumns(columns)), flat);
  const labels = makeLabels(table, 'sans', (text) => 7 * text.length);
  return makePicture(table, labels, layoutNested({ ...labels, ...table }, new LayoutCache()));
}

/** Lines as the far view traces them. */
function lines(picture: Awaited<ReturnType<typeof decoder>>, frame: Frame): number {
  let count = 0;
  const context = { moveTo: () => (count += 1), lineTo: () => undefined };
  const edges = Array.from(picture.layout.edgeKind.keys());
  traceFar(context as unknown as CanvasRenderingContext2D, picture, edges, frame);
  return count;
}

test('from afar no more is drawn than the screen can show, and from near everything', async () => {
  const picture = await decoder();
  const { width, height } = picture.layout;
  const all = Array.from(picture.reading);
  const frameOf = (pixels: number): Frame => {
    const zoom = pixels / height;
    return { left: 0, top: 0, zoom, width: zoom * width, height: pixels };
  };
  const far = frameOf(200);
  assert.deepEqual(firstInCells(picture, all, { left: 0, top: 0, zoom: 1, width, height }), all);
  const few = firstInCells(picture, all, far);
  assert.ok(few.length > 50 && few.length <= 102 * 4, `${few.length} blocks`);
  // Every row of the screen that has boxes keeps one.
  const { layout } = picture;
  const rowOf = (n: number) => Math.floor((layout.y[n]! + layout.heights[n]! / 2) * (far.zoom / 2));
  assert.deepEqual(new Set(few.map(rowOf)), new Set(all.map(rowOf)));
  const [some, more] = [lines(picture, far), lines(picture, frameOf(8000))];
  assert.ok(some > 0 && some < 400 && more > 2 * some, `${some} lines, from nearer ${more}`);
});
