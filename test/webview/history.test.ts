// The built page of a model's history in a real browser: plots, table, two runs compared, empty and error states.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { HistoryFromPage, HistoryPage, HistoryToPage } from '../../daemon/protocol/historyPage';
import type { RequestMap } from '../../daemon/protocol/page';
import { Channel } from '../../daemon/protocol/pageChannel';
import { jobTitle } from '../../extension/jobs/restore';
import { auditPage } from '../support/accessibility';
import { repository } from '../support/paths';
import { runHistory } from '../support/runHistory';
import { becomes } from '../support/waiting';
import { Pages, rests, type OpenPage, type PageOptions } from '../support/webPage';

const pictures = join(repository, 'test-results', 'webview');
const history: HistoryPage = {
  model: { name: 'resnet.onnx', file: '/home/ada/models/resnet.onnx' },
  runs: runHistory,
  jobs: Object.fromEntries(runHistory.map(({ method }) => [method, jobTitle(method) ?? method])),
  compare: undefined,
  error: undefined,
};

describe('history page', () => {
  let pages: Pages;
  before(async () => {
    mkdirSync(pictures, { recursive: true });
    pages = await Pages.start();
  });
  after(() => pages.stop());

  interface OpenHistory extends OpenPage {
    notes: HistoryFromPage[];
    send(page: HistoryPage): void;
  }

  async function open(page: HistoryPage, options: PageOptions = {}): Promise<OpenHistory> {
    const notes: HistoryFromPage[] = [];
    let send: (page: HistoryPage) => void = () => undefined;
    const opened = await pages.open('history', options, (port) => {
      const channel = new Channel<HistoryToPage, HistoryFromPage, RequestMap, RequestMap>(port, {
        onNote(note) {
          notes.push(note);
          if (note.kind === 'ready') send(page);
        },
        requests: {},
      });
      send = (next) => channel.notify({ kind: 'page', page: next });
    });
    await opened.page.waitForSelector('.history h1');
    return { ...opened, notes, send };
  }

  async function close({ page, complaints }: OpenPage): Promise<void> {
    assert.deepEqual(await auditPage(page), []);
    await page.context().close();
    assert.deepEqual(complaints, []);
  }

  it('plots figures over runs, opens and removes a run, and compares two', async () => {
    const opened = await open(history, { width: 1280, height: 900 });
    const { page, notes } = opened;
    assert.deepEqual(await page.locator('.chart h2').allInnerTexts(), ['Median time of a run', 'Top-1']);
    const words = await page.locator('.chart svg').first().getAttribute('aria-label');
    assert.match(words!, /resnet\.onnx: Nov 5: 1\.90, Nov 9: 1\.93, Nov 10: 1\.71/);
    await page.selectOption('.history-setting select', 'cpu, threads 4, batch 1');
    await page.waitForFunction(() =>
      document.querySelector('.chart svg')!.getAttribute('aria-label')!.includes('0.980'),
    );

    const rows = page.locator('.run-table tbody tr');
    assert.equal(await rows.count(), runHistory.length);
    assert.deepEqual(await page.getByTitle('Run by the command line').count(), 1);
    await rows.nth(2).getByRole('button', { name: 'Benchmark', exact: true }).click();
    await rows
      .nth(0)
      .getByRole('button', { name: /^Remove/ })
      .click();
    await becomes(
      () => notes.slice(1),
      [
        { kind: 'open', run: '2026-11-10' },
        { kind: 'remove', runs: ['2026-11-12'] },
      ],
    );

    await rows.nth(2).getByRole('checkbox').check();
    await page.getByText('Pick another one to compare the two.').waitFor();
    await rows.nth(3).getByRole('checkbox').check();
    await page.locator('.two-runs').waitFor();
    assert.match(await page.innerText('.two-runs'), /resnet\.int8\.onnx\s+cpu, threads 1, batch 1\s+0\.710 ms\s+0\.660 ms\s+0\.930 better/); // prettier-ignore
    assert.equal(await rows.nth(4).getByRole('checkbox').isDisabled(), true, 'no more than two');
    await page.screenshot({ path: join(pictures, 'history-compared.png'), fullPage: true });
    await page.getByRole('button', { name: 'Close Comparison' }).click();
    assert.equal(await page.locator('.two-runs').count(), 0);

    opened.send({ ...history, compare: ['2026-11-04', '2026-11-12'] });
    await page.locator('.two-runs').getByText('Top-1').waitFor();
    await close(opened);
  });

  it('says what to do when there is nothing, and what is wrong', async () => {
    const opened = await open({ ...history, runs: [] });
    const { page, notes } = opened;
    await page.getByRole('button', { name: 'Benchmark…' }).click();
    await becomes(() => notes.at(-1), { kind: 'benchmark' });
    await page.screenshot({ path: join(pictures, 'history-empty.png') });
    opened.send({ ...history, runs: undefined, error: 'This daemon keeps no history.' });
    await page.locator('[role=alert]', { hasText: 'keeps no history' }).waitFor();
    await close(opened);
  });

  it('looks right in every theme, and when narrow', async () => {
    for (const theme of ['light', 'dark', 'highContrast'] as const) {
      const opened = await open(history, { theme, width: 1280, height: 900 });
      await rests(opened.page, 200);
      await opened.page.screenshot({ path: join(pictures, `history-${theme}.png`), fullPage: true });
      await close(opened);
    }
    const narrow = await open(history, { width: 480, height: 900 });
    const overflow = await narrow.page.evaluate(() => document.body.scrollWidth - document.body.clientWidth);
    assert.equal(overflow, 0, 'only the table scrolls sideways');
    await close(narrow);
  });
});
