// The built page of the results panel in a real browser: live job, table, charts, buttons, states.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { JobView, RequestMap, ResultsFromPage, ResultsToPage } from '../../daemon/protocol/page';
import { Channel } from '../../daemon/protocol/pageChannel';
import { auditPage } from '../support/accessibility';
import {
  blindJob,
  cancelledJob,
  doneJob,
  failedJob,
  int8Dynamic,
  int8Static,
  original,
  runningJob,
  startedJob,
} from '../support/jobs';
import { repository } from '../support/paths';
import { becomes } from '../support/waiting';
import { Pages, type OpenPage, type PageOptions } from '../support/webPage';

const pictures = join(repository, 'test-results', 'webview');

describe('results page', () => {
  let pages: Pages;
  before(async () => {
    mkdirSync(pictures, { recursive: true });
    pages = await Pages.start();
  });
  after(() => pages.stop());

  interface OpenResults extends OpenPage {
    notes: ResultsFromPage[];
    send(job: JobView): void;
  }

  async function open(job: JobView, options: PageOptions = {}): Promise<OpenResults> {
    const notes: ResultsFromPage[] = [];
    let send: (job: JobView) => void = () => undefined;
    const opened = await pages.open('results', options, (port) => {
      const channel = new Channel<ResultsToPage, ResultsFromPage, RequestMap, RequestMap>(port, {
        onNote(note) {
          notes.push(note);
          if (note.kind === 'ready') send(job);
        },
        requests: {},
      });
      send = (next) => channel.notify({ kind: 'job', job: next });
    });
    await opened.page.waitForSelector('.results h1');
    return { ...opened, notes, send };
  }

  async function close({ page, complaints }: OpenPage): Promise<void> {
    assert.deepEqual(await auditPage(page), []);
    await page.context().close();
    assert.deepEqual(complaints, []);
  }

  it('shows all rows from the start and fills them', async () => {
    const opened = await open(startedJob);
    const { page } = opened;
    const rows = page.locator('.variants tbody tr');
    assert.equal(await rows.count(), 3);
    const tops = () => rows.evaluateAll((list) => list.map((row) => row.getBoundingClientRect().top));
    const before = await tops();
    assert.match(await page.innerText('.progress'), /Reading resnet\.onnx/);
    opened.send(runningJob);
    await page.waitForSelector('progress[max="600"]');
    assert.match(await page.innerText('.progress'), /260 of 600 · 8 s left/);
    assert.deepEqual(await tops(), before, 'nothing jumps while rows fill');
    await page.screenshot({ path: join(pictures, 'results-running.png') });
    await page.click('.progress button');
    await becomes(() => opened.notes.some(({ kind }) => kind === 'cancel'), true);
    opened.send(doneJob);
    await page.waitForSelector('.buttons');
    assert.equal(await page.locator('.pending').count(), 0);
    await close(opened);
  });

  it('says the result in a sentence and in a table', async () => {
    const opened = await open(doneJob);
    const { page, notes } = opened;
    assert.equal(
      await page.innerText('h1'),
      'int8 static: 2.41× faster, 0.270 of the size, top-1 −0.1 ± 1.4 points',
    );
    const table = await page.innerText('.variants');
    assert.match(table, /2\.81 MB/);
    assert.match(table, /758 kB/);
    assert.match(table, /2\.37–2\.45/);
    assert.match(table, /94\.6 %/);
    assert.match(table, /20 \/ 2/);
    assert.match(
      await page.innerText('footer'),
      /1 thread · batch 1 · 600 timed runs each · ONNX Runtime 1\.30\.0/,
    );
    assert.equal(await page.locator('.chart svg[role=img]').count(), 2);

    // Another variant can be compared, by keyboard too.
    await page.focus('input[type=radio]:checked');
    await page.keyboard.press('ArrowDown');
    await page.waitForFunction(() => document.querySelector('h1')!.textContent.includes('int8 dynamic'));
    assert.match(await page.innerText('h1'), /as fast within the error/);
    await page.click('.float-nodes summary');
    assert.match(await page.innerText('.float-nodes'), /no fast integer convolution/);
    assert.deepEqual(await opened.state(), { picked: int8Dynamic.file });

    await page.click('.variants tr:nth-child(2)');
    await page.click('.buttons .primary');
    await page.click('.buttons button:has-text("Keep")');
    await page.click('.buttons button:has-text("Open")');
    await page.click('.buttons button:has-text("Show Differences")');
    await page.click('.menu > button');
    await page.screenshot({ path: join(pictures, 'results-menu.png') });
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.click('.menu > button');
    await page.click('.menu [role=menuitem]:has-text("Command Line")');
    await becomes(() => notes.length, 7);
    const { file } = int8Static;
    assert.deepEqual(notes.slice(1, 5), [
      { kind: 'deploy', file },
      { kind: 'keep', file },
      { kind: 'openModel', file },
      { kind: 'differences', file },
    ]);
    const csv = notes[5];
    assert.ok(csv?.kind === 'exportReport' && csv.format === 'csv');
    const command = notes[6];
    assert.ok(command?.kind === 'copyRecipe');
    assert.match(
      command.text,
      /^slipway quantize .*resnet\.onnx -o .*resnet\.int8\.onnx --method static --calibration/,
    );
    await close(opened);
  });

  it('deploys first what the job chose, and says which file that is', async () => {
    const stays = { ...doneJob, result: { ...doneJob.result!, chosen: original.file } };
    const { page, notes, complaints } = await open(stays);
    assert.match(await page.innerText('h1'), /^Stay with the original\. int8 static: /);
    const deploys = page.locator('.buttons button', { hasText: 'Deploy' });
    assert.deepEqual(await deploys.allInnerTexts(), ['Deploy the Original', 'Deploy int8 static']);
    assert.equal(await page.innerText('.buttons .primary'), 'Deploy the Original');
    await page.screenshot({ path: join(pictures, 'results-stay.png') });
    await page.click('.buttons .primary');
    await becomes(() => notes.at(-1), { kind: 'deploy', file: original.file });
    // Who picks another one means that.
    await page.click('.variants tr:nth-child(3)');
    await page.locator('h1', { hasText: 'int8 dynamic' }).waitFor();
    assert.deepEqual(await deploys.allInnerTexts(), ['Deploy int8 dynamic']);
    await close({ page, complaints, state: () => Promise.resolve(undefined) });
  });

  it('says that accuracy was not measured', async () => {
    const opened = await open(blindJob);
    assert.match(await opened.page.innerText('h1'), /accuracy was not measured/);
    assert.match(await opened.page.innerText('footer'), /no labelled data was found/);
    await opened.page.screenshot({ path: join(pictures, 'results-blind.png') });
    await close(opened);
  });

  it('keeps what was found when the job fails or is cancelled', async () => {
    const failed = await open(failedJob);
    assert.match(await failed.page.innerText('.failure'), /ended while it measured.*stays below/s);
    assert.match(await failed.page.innerText('.variants'), /refused the model/);
    assert.equal(await failed.page.locator('.progress').count(), 0);
    await failed.page.screenshot({ path: join(pictures, 'results-failed.png') });
    await close(failed);
    const cancelled = await open(cancelledJob);
    assert.match(await cancelled.page.innerText('h1'), /Cancelled/);
    assert.equal(await cancelled.page.locator('.pending').count(), 0);
    assert.equal(await cancelled.page.locator('.variants tbody tr').count(), 2);
    await close(cancelled);
  });

  it('looks right in every theme, and when narrow', async () => {
    for (const theme of ['light', 'dark', 'highContrast', 'highContrastLight'] as const) {
      const opened = await open(doneJob, { theme, width: 1280, height: 860 });
      await opened.page.click('.float-nodes summary');
      await opened.page.screenshot({ path: join(pictures, `results-${theme}.png`), fullPage: true });
      await close(opened);
    }
    const narrow = await open(doneJob, { width: 640, height: 900 });
    const overflow = () => narrow.page.evaluate(() => document.body.scrollWidth - document.body.clientWidth);
    assert.equal(await overflow(), 0, 'only the table scrolls sideways');
    await narrow.page.screenshot({ path: join(pictures, 'results-narrow.png') });
    await close(narrow);
  });
});
