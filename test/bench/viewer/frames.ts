// Frames while the wheel pans and zooms, and those of an empty page taken in turn with them, so that the machine's mood
// meets both.

import type { Page } from 'playwright-core';
import type { Pages } from '../../support/webPage';
import type { BenchRow } from '../row';
import { count, decoder, quantile, row } from './figures';
import { idle, openPage } from './openPage';

const rounds = 4;
const framesOfRound = 120;
/** Frames before the ones that count. */
const warmUp = 20;

/** What is on screen: scopes as a model is opened with, or all nodes in one plane, from afar and from near. */
const views: readonly { name: string; show: (page: Page) => Promise<void> }[] = [
  { name: 'scopes', show: () => Promise.resolve() },
  {
    name: 'one plane, all in view',
    show: async (page) => {
      await page.click(
        'button[title^="Show all nodes without scopes"], button[aria-label^="Show all nodes without"]',
      );
      await idle(page);
      await page.focus('#stage');
      await page.keyboard.press('0');
    },
  },
  {
    name: 'one plane, near',
    show: async (page) => {
      await page.keyboard.press('Home');
      await page.keyboard.press('Enter');
    },
  },
];

export async function frames(pages: Pages, folder: string): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  const { page: empty } = await pages.open('results', { width: 1400, height: 900 }, () => undefined);
  for (const nodes of [10_000, 100_000]) {
    const opened = await openPage(pages, folder, await decoder(folder, nodes));
    await opened.settled();
    const { page } = opened;
    for (const { name, show } of views) {
      await show(page);
      await page.waitForTimeout(300);
      const ours: number[] = [];
      const blank: number[] = [];
      const boxes = await page.evaluate(() =>
        Number(document.querySelector('[role=treeitem]')?.getAttribute('aria-setsize') ?? 0),
      );
      for (let round = 0; round < rounds; round++) {
        await empty.bringToFront();
        blank.push(...(await frameTimes(empty, false)));
        await page.bringToFront();
        ours.push(...(await frameTimes(page, true)));
      }
      const [p95, idleP95] = [quantile(ours, 0.95), quantile(blank, 0.95)];
      const detail =
        `${count(boxes)} boxes; ${ours.length} frames, p50 ${quantile(ours, 0.5).toFixed(1)} ms, p95 ${p95.toFixed(1)} ms; ` +
        `empty page p50 ${quantile(blank, 0.5).toFixed(1)} ms, p95 ${idleP95.toFixed(1)} ms`;
      const title = `pan and zoom, p95 of a frame over the empty page's, ${count(nodes)} nodes, ${name}`;
      rows.push(row(title, p95 / idleP95, '×', 1.3, detail));
    }
    await opened.close();
  }
  await empty.context().close();
  return rows;
}

/** Milliseconds between frames, with wheel events before each when `moves`. */
function frameTimes(page: Page, moves: boolean): Promise<number[]> {
  return page.evaluate(
    ({ moves, warmUp, wanted }) =>
      new Promise<number[]>((resolve) => {
        const stage = document.querySelector('#stage') ?? document.body;
        const times: number[] = [];
        let last = performance.now();
        const frame = (now: number) => {
          times.push(now - last);
          last = now;
          const n = times.length;
          if (n >= wanted + warmUp) {
            resolve(times.slice(warmUp));
            return;
          }
          if (moves) {
            // Pans down, then zooms in and out around the same place, again and again.
            const ctrlKey = n % 40 >= 20;
            const deltaY = n % 20 < 10 ? 40 : -40;
            const at = { clientX: 500, clientY: 450, bubbles: true, cancelable: true };
            stage.dispatchEvent(new WheelEvent('wheel', { ...at, deltaY, ctrlKey }));
          }
          requestAnimationFrame(frame);
        };
        requestAnimationFrame(frame);
      }),
    { moves, warmUp, wanted: framesOfRound },
  );
}
