// Overlays on the page: chosen, painted, explained, listed, sorted, saved and kept. Pictures go to
// test-results/webview.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Overlay } from '../../daemon/protocol/overlay';
import { auditPage } from '../support/accessibility';
import { decoderModel } from '../support/decoderModel';
import { serveBuilt } from '../support/editorHost';
import { canvasText, closeEditor, drawn, longModel, openEditor, selected } from '../support/editorPage';
import { repository } from '../support/paths';
import { becomes, waitUntil } from '../support/waiting';
import { Pages, rests } from '../support/webPage';

const pictures = join(repository, 'test-results', 'webview');

/** Times of a chain of 60 nodes as `longModel` makes it, and where each of them ran. */
function results(): Overlay[] {
  const names = Array.from({ length: 15 }, (_, i) => [
    `conv_a_${i}`,
    `relu_${i}`,
    `conv_b_${i}`,
    `add_${i}`,
  ]).flat();
  return [
    {
      name: 'profile.time',
      title: 'Time',
      unit: 'µs',
      kind: 'sequential',
      higherIs: 'worse',
      entries: names.map((node, i) => ({ node, value: node.startsWith('conv') ? 100 + 40 * i : i })),
    },
    {
      name: 'profile.provider',
      title: 'Provider',
      unit: '',
      kind: 'category',
      entries: [
        ...names.map((node, i) => ({
          node,
          category: i % 4 === 3 ? 'CPU' : 'CUDA',
          ...(i % 4 === 3 ? { text: 'Add has no kernel for this type' } : {}),
        })),
        { node: 'elsewhere', category: 'CPU' },
      ],
    },
  ];
}

describe('overlays', () => {
  let pages: Pages;
  before(async () => {
    mkdirSync(pictures, { recursive: true });
    pages = await Pages.start();
  });
  after(() => pages.stop());

  it('are painted with a legend and a table, saved and kept', async () => {
    const opened = await openEditor(pages, await serveBuilt(longModel(60)), { fileName: 'chain.onnx' });
    const { page, host } = opened;
    await drawn(page);
    const plain = await canvasText(page);
    // What the model tells by itself is there from the start.
    assert.deepEqual(await page.locator('.overlay-choice > option').allInnerTexts(), [
      'No values',
      'Weights',
    ]);
    // What was not measured yet is started from there, and leaves what is painted as it is.
    const sensitivity = 'Error of each layer in int8…';
    await page.selectOption('.overlay-choice', { label: sensitivity });
    await becomes(() => host.notes.at(-1), { kind: 'command', command: 'sensitivity' });
    assert.equal(await page.inputValue('.overlay-choice'), '');
    host.channel.notify({ kind: 'overlays', overlays: results(), show: 'profile.time' });
    await page.waitForSelector('.overlay-ramp');
    const painted = await canvasText(page);
    assert.notEqual(painted, plain);
    assert.match(await page.innerText('.overlay-ends'), /0 µs\s*higher is worse\s*2\.42 ms/);
    assert.deepEqual(await auditPage(page), []);

    await page.click('.overlay-bar button[aria-label^="Show the table"]');
    await page.waitForSelector('.value-table tbody tr');
    assert.match(await page.innerText('.value-table header'), /Time\s+60 nodes, [\d.]+ ms in all/);
    const first = () => page.innerText('.value-table tbody tr >> nth=0');
    assert.match(await first(), /conv_b_14.*2\.42 ms/s);
    await page.click('.value-table th button:has-text("Node")');
    assert.match(await first(), /add_0/);
    await page.click('.value-table tbody tr >> nth=1');
    assert.match(await selected(page), /add_1/);
    await page.focus('.value-rows');
    await page.keyboard.press('ArrowUp');
    assert.match(await selected(page), /add_0/);
    await page.click('.value-table button[aria-label^="Copy"]');
    await page.screenshot({ path: join(pictures, 'overlay-time.png') });
    assert.deepEqual(await auditPage(page), []);

    await page.selectOption('.overlay-choice', 'profile.provider');
    await page.waitForSelector('.overlay-names');
    assert.match(await page.innerText('.overlay-names'), /CUDA\s*45\s*CPU\s*15/);
    assert.match(await page.innerText('.overlay-legend'), /1 value of other graphs/);
    assert.match(await page.innerText('.value-table thead'), /Note/);
    await page.screenshot({ path: join(pictures, 'overlay-provider.png') });

    const menu = '.overlay-bar button[aria-label="Values from and to files"]';
    await page.click(menu);
    await page.click('[role=menuitem]:has-text("Netron")');
    await page.click(menu);
    await page.click('[role=menuitem]:has-text("Paint values")');
    const kinds = () => new Set(host.notes.map((note) => note.kind));
    await waitUntil('all is asked for', () =>
      (['importOverlay', 'exportOverlay', 'copy'] as const).every((kind) => kinds().has(kind)),
    );
    await rests(page, 300);
    const saved = host.notes.flatMap((note) => (note.kind === 'exportOverlay' ? [note] : []));
    assert.deepEqual(
      saved.map(({ overlay, format }) => [overlay.name, format]),
      [['profile.provider', 'netron']],
    );
    const state = await opened.state();
    await closeEditor(opened);

    // The choice waits for a host that sends its overlays again.
    const again = await openEditor(pages, await serveBuilt(longModel(60)), { state });
    await drawn(again.page);
    again.host.channel.notify({ kind: 'overlays', overlays: results() });
    await again.page.waitForSelector('.overlay-names');
    await again.page.waitForSelector('.value-table');
    await again.page.selectOption('.overlay-choice', '');
    await again.page.click('.value-table button[aria-label^="Hide"]');
    assert.equal(await again.page.locator('.overlay-names, .value-table').count(), 0);
    await closeEditor(again);
  });

  it('closed scopes show what they hold', async () => {
    for (const theme of ['light', 'highContrast'] as const) {
      const opened = await openEditor(pages, await serveBuilt(decoderModel(3000)), { theme });
      const { page } = opened;
      await drawn(page);
      await page.selectOption('.overlay-choice', 'weights');
      await page.waitForSelector('.overlay-ramp');
      await page.click('.overlay-bar button[aria-label^="Show the table"]');
      await page.screenshot({ path: join(pictures, `overlay-weights-${theme}.png`) });
      // Two thousand rows are in the table, but only those in view are made.
      const rows = page.locator('.value-table tbody tr');
      assert.ok((await rows.count()) < 60);
      await page.evaluate(() => (document.querySelector('.value-rows')!.scrollTop = 3000));
      await page.waitForFunction(() => {
        const box = document.querySelector('.value-rows')!.getBoundingClientRect();
        return [...document.querySelectorAll('.value-table tbody tr[aria-rowindex]')].some((row) => {
          const { top, bottom } = row.getBoundingClientRect();
          return top >= box.top && bottom <= box.bottom;
        });
      });
      assert.deepEqual(await auditPage(page), []);
      await closeEditor(opened);
    }
  });
});
