// Milliseconds from the key that opens a scope to the painted picture, for scopes of every kind at every size.

import type { Page } from 'playwright-core';
import type { Pages } from '../../support/webPage';
import type { BenchRow } from '../row';
import { count, decoder, quantile, row } from './figures';
import { idle, openPage } from './openPage';

const most = 150;

export async function expansion(pages: Pages, folder: string): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const nodes of [1000, 10_000, 100_000]) {
    const opened = await openPage(pages, folder, await decoder(folder, nodes));
    await opened.settled();
    const { times, scopes } = await openScopes(opened.page);
    const detail =
      `${times.length} openings of ${scopes} scopes from the key to the painted picture, ` +
      `p50 ${quantile(times, 0.5).toFixed(0)} ms, p95 ${quantile(times, 0.95).toFixed(0)} ms`;
    rows.push(row(`opening a scope, slowest, ${count(nodes)} nodes`, Math.max(...times), 'ms', most, detail));
    await opened.close();
  }
  return rows;
}

/** Names of scopes of every kind: the repeat of all layers, layers, and what lies in them. */
const names = [
  'layers',
  'layers.0',
  'layers.3',
  'layers.7',
  'self_attn',
  'mlp',
  'input_layernorm',
  'rotary',
  'norm',
];
/** Scopes of one name, in different layers. */
const ofEachName = 6;

/** Opens and closes scopes that the search finds. */
async function openScopes(page: Page): Promise<{ times: number[]; scopes: number }> {
  const times: number[] = [];
  let scopes = 0;
  for (const name of names) {
    await page.fill('#search', name);
    for (let hit = 0; hit < ofEachName; hit++) {
      await page.press('#search', 'Enter');
      await page.waitForTimeout(50);
      await idle(page);
      await page.waitForTimeout(150);
      const isOpen = await expanded(page);
      if (isOpen === undefined) break;
      scopes += 1;
      if (isOpen) await pressed(page, ' ');
      for (let turn = 0; turn < 2; turn++) {
        times.push(await pressed(page, ' '));
        await pressed(page, ' ');
      }
    }
  }
  return { times, scopes };
}

/** Whether the selected scope is open; undefined when a node is selected, or nothing. */
const expanded = (page: Page): Promise<boolean | undefined> =>
  page.evaluate(() => {
    const item = document.querySelector('[role=treeitem][aria-selected=true]');
    const is = item?.getAttribute('aria-expanded') ?? undefined;
    return is === undefined ? undefined : is === 'true';
  });

/** Milliseconds from a key on the stage to the painted picture. */
const pressed = (page: Page, key: string): Promise<number> =>
  page.evaluate(
    (pressedKey) =>
      new Promise<number>((resolve) => {
        const stage = document.querySelector('#stage')!;
        const start = performance.now();
        stage.dispatchEvent(new KeyboardEvent('keydown', { key: pressedKey, bubbles: true }));
        const look = () => {
          if (stage.getAttribute('aria-busy') === 'true') {
            setTimeout(look, 1);
            return;
          }
          // The frame after the one that draws begins when that one is on screen.
          requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - start)));
        };
        setTimeout(look, 0);
      }),
    key,
  );
