// What the mouse does on the picture itself, in the real page over the real daemon: the path between two boxes, and
// the chip that stands for a value from afar. Where a box lies is found as people do: by what its tooltip says.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Page } from 'playwright-core';
import { silentTask } from '../../daemon/base/task';
import { graph, model, node } from '../../daemon/ir/builder';
import { writeModel } from '../../daemon/onnx/writeModel';
import { serveByDaemon } from '../support/daemonEditor';
import { pagesOverDaemon } from '../support/daemonPages';
import { closeEditor, drawn, openEditor, selected } from '../support/editorPage';
import { square } from '../support/loopModel';
import { temporaryFolder } from '../support/paths';
import { rests } from '../support/webPage';

/** fork → left and right → join, beside them a branch that leads elsewhere. */
const diamond = () =>
  model(
    graph({
      nodes: [
        node('Relu', ['x'], ['a'], { name: 'fork' }),
        node('Neg', ['a'], ['b'], { name: 'left' }),
        node('Abs', ['a'], ['c'], { name: 'right' }),
        node('Add', ['b', 'c'], ['d'], { name: 'join' }),
        node('Exp', ['x'], ['e'], { name: 'apart' }),
      ],
      inputs: [square('x')],
      outputs: [square('d'), square('e')],
    }),
    { opset: 17 },
  );

const steps = 40;
/** A long chain, each node of which reads the mask that is made at its beginning. */
const masked = () =>
  model(
    graph({
      nodes: [
        node('Sigmoid', ['x'], ['mask'], { name: 'mask maker' }),
        ...Array.from({ length: steps }, (_, i) =>
          node('Mul', [i === 0 ? 'x' : `y${i - 1}`, 'mask'], [`y${i}`], { name: `step ${i}` }),
        ),
      ],
      inputs: [square('x')],
      outputs: [square(`y${steps - 1}`)],
    }),
    { opset: 17 },
  );

/** A point of the picture, in the page, where the tooltip says the name; the highest such. */
async function pointOf(page: Page, name: string): Promise<{ x: number; y: number }> {
  await rests(page);
  const point = await page.evaluate((wanted) => {
    const stage = document.querySelector<HTMLElement>('#stage')!;
    const area = stage.getBoundingClientRect();
    for (let y = area.top + 4; y < area.bottom; y += 4)
      for (let x = area.left + 20; x < area.right; x += 20) {
        stage.dispatchEvent(new PointerEvent('pointermove', { clientX: x, clientY: y, bubbles: true }));
        if (stage.title.includes(wanted)) return { x, y };
      }
    return undefined;
  }, name);
  assert.ok(point, `no box says ${name}`);
  return point;
}

async function find(page: Page, name: string): Promise<void> {
  await page.fill('#search', name);
  await page.press('#search', 'Enter');
  await page.waitForFunction(
    (wanted) => document.querySelector('[role=treeitem][aria-selected=true]')?.textContent.includes(wanted),
    name,
  );
  await page.focus('#stage');
}

describe('the mouse on the picture', () => {
  const folder = temporaryFolder();
  const over = pagesOverDaemon(folder);

  it('marks the path between the selection and the box that is clicked with Shift', async () => {
    const path = join(folder, 'diamond.onnx');
    await writeModel(diamond(), path, {}, silentTask);
    const opened = await openEditor(over.pages, serveByDaemon(over.client, path));
    const { page } = opened;
    await drawn(page);
    const clickWithShift = async (name: string) => {
      const { x, y } = await pointOf(page, name);
      await page.keyboard.down('Shift');
      await page.mouse.click(x, y);
      await page.keyboard.up('Shift');
    };
    await find(page, 'fork');
    await clickWithShift('join');
    await page.waitForSelector('text=Path between the two, 4 nodes');
    assert.match(await selected(page), /fork/);
    // Also against the direction of the data.
    await find(page, 'join');
    await clickWithShift('left');
    await page.waitForSelector('text=Path between the two, 2 nodes');
    await clickWithShift('apart');
    await page.waitForSelector('text=No path between the two');
    await closeEditor(opened);
  });

  it('leads from a chip to what makes the value', async () => {
    const path = join(folder, 'masked.onnx');
    await writeModel(masked(), path, {}, silentTask);
    const opened = await openEditor(over.pages, serveByDaemon(over.client, path));
    const { page } = opened;
    await drawn(page);
    const last = `step ${steps - 1}`;
    await find(page, last);
    assert.match(await selected(page), new RegExp(last));
    // The chip is what is highest of the box and its chips.
    const { x, y } = await pointOf(page, last);
    await page.mouse.click(x, y);
    await page.waitForFunction(() =>
      document.querySelector('[role=treeitem][aria-selected=true]')?.textContent.includes('mask maker'),
    );
    await closeEditor(opened);
  });
});
