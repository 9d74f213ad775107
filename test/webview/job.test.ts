// The built page of a job in a real browser: form, help, estimate, progress, results, states.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { JobFromPage, JobPage, JobRequests, JobToPage } from '../../daemon/protocol/jobPage';
import type { RequestMap } from '../../daemon/protocol/page';
import { Channel } from '../../daemon/protocol/pageChannel';
import { auditPage } from '../support/accessibility';
import {
  benchmarked,
  evaluated,
  jobPage,
  loaded,
  profiled,
  pruned,
  quantized,
  run,
  sensitivity,
  sparse,
  cooked,
  pruneCosts,
  split,
  swept,
} from '../support/jobPages';
import { repository } from '../support/paths';
import { becomes } from '../support/waiting';
import { Pages, rests, type OpenPage, type PageOptions } from '../support/webPage';

const pictures = join(repository, 'test-results', 'webview');

describe('job page', () => {
  let pages: Pages;
  before(async () => {
    mkdirSync(pictures, { recursive: true });
    pages = await Pages.start();
  });
  after(() => pages.stop());

  interface OpenJob extends OpenPage {
    notes: JobFromPage[];
    asked: unknown[];
    send(page: JobPage): void;
  }

  async function open(page: JobPage, options: PageOptions = {}): Promise<OpenJob> {
    const notes: JobFromPage[] = [];
    const asked: unknown[] = [];
    let send: (page: JobPage) => void = () => undefined;
    const opened = await pages.open('job', options, (port) => {
      const channel = new Channel<JobToPage, JobFromPage, RequestMap, JobRequests>(port, {
        onNote(note) {
          notes.push(note);
          if (note.kind === 'ready') send(page);
        },
        requests: {
          pick: () => '/data/elsewhere.npz',
          command: () => 'slipway quantize …',
          estimate(params) {
            asked.push(params);
            return {
              before: 2_812_089,
              after: 743_881,
              low: 727_313,
              high: 763_763,
              changedBytes: 2_801_792,
              note: 'Weights take one byte instead of four.',
            };
          },
        },
      });
      send = (next) => channel.notify({ kind: 'page', page: next });
    });
    await opened.page.waitForSelector('.job h1');
    return { ...opened, notes, asked, send };
  }

  async function close({ page, complaints }: OpenPage): Promise<void> {
    assert.deepEqual(await auditPage(page), []);
    await page.context().close();
    assert.deepEqual(complaints, []);
  }

  it('fills the form, says what an option does, estimates, and runs', async () => {
    const opened = await open(jobPage('quantize'), { height: 900 });
    const { page, notes, asked } = opened;
    assert.equal(await page.innerText('h1'), 'Quantize resnet.onnx');
    await page.getByText('about 744 kB').waitFor();
    assert.match(await page.innerText('.outcome'), /727 kB to 764 kB/);
    assert.equal(await page.locator('#field-calibration').evaluate((one: HTMLSelectElement) => one.selectedOptions[0]!.text), 'resnet_calibration.npz'); // prettier-ignore

    // The help of what has the focus, in a place of its own.
    const top = () => page.locator('.submit').evaluate((one) => one.getBoundingClientRect().top);
    const before = await top();
    await page.focus('#field-calibrator');
    assert.match(await page.innerText('#form-help'), /How ranges are chosen/);
    assert.equal(await top(), before, 'nothing jumps');
    await page.screenshot({ path: join(pictures, 'job-form.png') });

    await page.selectOption('#field-calibrator', { label: 'entropy' });
    await page.getByLabel('bias correction', { exact: true }).check();
    await page.fill('#field-maxDrop', '2');
    await page.locator('#field-maxDrop').blur();
    assert.match(await page.innerText('.field-problem'), /Less than 1/);
    assert.equal(await page.isDisabled('.submit .primary'), true);
    await page.fill('#field-maxDrop', '0.003');
    await page.locator('#field-maxDrop').blur();
    await page.getByText('More options').click();
    await page.getByLabel('Reduced range').check();
    await page.screenshot({ path: join(pictures, 'job-more.png') });
    await page.getByLabel('Browse for calibration data').click();
    await page.waitForFunction(() => document.querySelector<HTMLSelectElement>('#field-calibration')!.selectedOptions[0]!.text === 'elsewhere.npz'); // prettier-ignore
    await page.click('.submit .primary');
    await becomes(() => notes.at(-1), {
      kind: 'run',
      method: 'static',
      values: {
        calibration: '/data/elsewhere.npz',
        calibrator: 'entropy',
        recover: ['bias'],
        maxDrop: 0.003,
        validation: '/home/ada/models/resnet_validation.npz',
        reducedRange: true,
      },
    });
    assert.ok(asked.length >= 1);
    const kept = (await opened.state()) as { values: Record<string, unknown> };
    assert.ok('static' in kept.values, 'what was filled in is kept');
    await close(opened);
  });

  it('offers every way with its size, and takes the one that is chosen', async () => {
    const view = jobPage('compressByHand');
    const { methods } = view;
    // Every way has an estimate; a later one may have none.
    methods.at(-1)!.estimates = false;
    const opened = await open(view, { width: 1280, height: 1100 });
    const { page, asked } = opened;
    const ways = page.locator('.way');
    assert.equal(await ways.count(), methods.length);
    const sized = methods.filter(({ estimates }) => estimates).length;
    await page.waitForFunction((wanted) => document.querySelectorAll('.way svg').length === wanted, sized);
    assert.deepEqual(
      new Set(asked.map((one) => (one as { method: string }).method)),
      new Set(methods.filter(({ estimates }) => estimates).map(({ id }) => id)),
    );
    assert.match(await ways.last().innerText(), /only the run tells/);
    await page.screenshot({ path: join(pictures, 'job-ways.png'), fullPage: true });
    // By keyboard, as the radio buttons that they are.
    await page.focus('.way input:checked');
    await page.keyboard.press('ArrowDown');
    await page.waitForFunction(() => document.querySelector<HTMLSelectElement>('#method')!.value === 'dynamic'); // prettier-ignore
    await ways.filter({ hasText: 'N of every M' }).click();
    assert.equal(await page.inputValue('#method'), 'pattern');
    assert.equal(await page.locator('#field-pattern').evaluate((one: HTMLSelectElement) => one.selectedOptions[0]!.text), '2:4'); // prettier-ignore
    await close(opened);
  });

  it('says what is missing, and what Restricted Mode forbids', async () => {
    const bare = jobPage('quantize', { trusted: false });
    for (const method of bare.methods) method.values = {};
    const opened = await open(bare);
    assert.match(await opened.page.innerText('.submit-why'), /must be trusted/);
    opened.send({ ...bare, trusted: true });
    await opened.page.getByText('Calibration data is needed.').waitFor();
    assert.equal(await opened.page.isDisabled('.submit .primary'), true);
    // What does not go together is said beside the option, and keeps the form from running.
    await opened.page.fill('#field-maxDrop', '0.003');
    await opened.page.locator('#field-maxDrop').blur();
    await opened.page.getByText('Choose the labelled data that the loss is measured on.').first().waitFor();
    assert.equal(await opened.page.getAttribute('#field-maxDrop', 'aria-invalid'), 'true');
    await opened.page.selectOption('#field-validation', { label: 'resnet_validation.npz' });
    await opened.page.selectOption('#field-calibration', { label: 'resnet_calibration.npz' });
    await opened.page.locator('.submit .primary:enabled').waitFor();
    await opened.page.fill('#field-maxDrop', '');
    await opened.page.locator('#field-maxDrop').blur();
    await opened.page.getByText('Used only with a largest loss of top-1.').waitFor();
    assert.equal(await opened.page.isDisabled('.submit .primary'), false);
    // What the host fills in anew replaces what stood there, and only that.
    await opened.page.selectOption('#field-calibrator', { label: 'entropy' });
    const filled = jobPage('quantize', { filled: 1 });
    filled.methods[0]!.values = { calibrator: 'mse' };
    opened.send(filled);
    await opened.page.waitForFunction(() => document.querySelector<HTMLSelectElement>('#field-calibrator')!.selectedOptions[0]!.text === 'MSE'); // prettier-ignore
    await opened.page.selectOption('#method', 'weight-only');
    assert.match(await opened.page.innerText('.sentence'), /Only the weights shrink/);
    assert.equal(await opened.page.isDisabled('.submit .primary'), false);
    await close(opened);
  });

  it('never leaves what has the focus below the foot of the form', async () => {
    for (const height of [420, 560]) {
      const opened = await open(jobPage('quantize'), { width: 1000, height });
      const { page } = opened;
      await page.focus('#method');
      for (let i = 0; i < 14; i++) {
        await page.keyboard.press('Tab');
        const { bottom, top, foot, name } = await page.evaluate(() => {
          const focused = document.activeElement!;
          const box = focused.getBoundingClientRect();
          const form = document.querySelector('.form-foot')!;
          const sticks = getComputedStyle(form).position === 'sticky' && !form.contains(focused);
          const foot = sticks ? form.getBoundingClientRect().top : window.innerHeight;
          return { top: box.top, bottom: box.bottom, foot, name: `${focused.id} ${focused.className}` };
        });
        assert.ok(top >= 0 && bottom <= foot, `${name}: ${top} to ${bottom}, the foot at ${foot}`);
      }
      await close(opened);
    }
  });

  it('brings a run into view where it stands below the form', async () => {
    const opened = await open(jobPage('quantize'), { width: 480, height: 600 });
    const { page } = opened;
    const place = await page.locator('.outcome').evaluate((one) => one.getBoundingClientRect().top);
    assert.ok(place > 600);
    await page.click('.submit .primary');
    opened.send(jobPage('quantize', { runs: [run()] }));
    await page.locator('.progress').waitFor();
    await page.waitForFunction(() => document.querySelector('.progress')!.getBoundingClientRect().bottom <= window.innerHeight); // prettier-ignore
    await close(opened);
  });

  it('shows progress, cancels, and then the result in the same place', async () => {
    const running = run();
    const opened = await open(jobPage('quantize', { runs: [running] }));
    const { page, notes } = opened;
    assert.match(await page.innerText('.progress'), /Calibrating\s+120 of 256 · 4 s left/);
    await page.screenshot({ path: join(pictures, 'job-running.png') });
    await page.getByRole('button', { name: 'Cancel' }).click();
    await becomes(() => notes.at(-1), { kind: 'cancel' });

    const done = { ...running, state: 'done' as const, progress: null, result: quantized };
    opened.send(jobPage('quantize', { runs: [done] }));
    await page.getByRole('button', { name: 'Open' }).waitFor();
    assert.equal(
      await page.innerText('.run-title'),
      'resnet.int8-2.onnx: 0.265 of the size, 20 of 22 compute nodes run in integers, top-1 −0.05 points',
    );
    const text = await page.innerText('.run');
    assert.match(text, /28\.4 dB/);
    assert.match(text, /−0\.05 points,\s+within the 0\.30 that may be\s+lost/);
    assert.match(text, /Its output is the result of the model/);
    const file = '/home/ada/models/resnet.int8-2.onnx';
    const buttons: [string, JobFromPage][] = [
      ['Open', { kind: 'open', file }],
      ['Show Differences', { kind: 'differences', file }],
      ['Benchmark', { kind: 'compare', file }],
      ['Evaluate', { kind: 'evaluate', file }],
      ['Deploy', { kind: 'deploy', file }],
      ['Measure Each Layer', { kind: 'layers', run: done.id }],
      ['Copy Command Line', { kind: 'copy', text: done.command }],
      ['Move to Trash…', { kind: 'delete', run: done.id }],
    ];
    for (const [name, { kind }] of buttons) {
      const inMenu = kind === 'copy' || kind === 'delete';
      if (inMenu) await page.getByRole('button', { name: 'More', exact: true }).click();
      await page.getByRole(inMenu ? 'menuitem' : 'button', { name, exact: true }).click();
    }
    await becomes(
      () => notes.slice(-buttons.length),
      buttons.map(([, note]) => note),
    );
    await close(opened);
  });

  it('keeps runs, and says why one failed or was cancelled', async () => {
    const failed = run({
      state: 'failed',
      progress: null,
      error: { message: 'calibration.npz has no array named "input". It has "x".' },
    });
    const done = run({ state: 'done', progress: null, result: quantized });
    const opened = await open(jobPage('quantize', { runs: [failed, done] }));
    const { page } = opened;
    assert.match(await page.innerText('.failure'), /no array named "input"/);
    await page.screenshot({ path: join(pictures, 'job-failed.png') });
    await page.locator('.run-row').nth(1).click();
    await page.getByRole('button', { name: 'Open' }).waitFor();
    opened.send(jobPage('quantize', { runs: [run({ state: 'cancelled', progress: null })] }));
    await page.getByText('Nothing was written.').waitFor();
    // A search writes its best at every step: it stays, and is named.
    const left = '/home/ada/models/resnet.int8.onnx';
    opened.send(jobPage('quantize', { runs: [run({ state: 'cancelled', progress: null, left })] }));
    await page.getByRole('button', { name: 'resnet.int8.onnx' }).click();
    await becomes(() => opened.notes.at(-1), { kind: 'open', file: left });
    await close(opened);
  });

  it('fills a benchmark while it is measured, and plots what was varied', async () => {
    const opened = await open(
      jobPage('benchmark', { runs: [run({ method: 'sweep', rows: swept.slice(0, 3) })] }),
      {
        height: 1600,
      },
    );
    const { page } = opened;
    assert.equal(await page.locator('.run tbody tr').count(), 3);
    assert.equal(await page.isDisabled('.submit .primary'), true, 'it is running already');
    opened.send(
      jobPage('benchmark', { runs: [run({ state: 'done', progress: null, result: benchmarked })] }),
    );
    await page.getByText('2.70× faster').waitFor();
    assert.match(await page.innerText('.run-title'), /resnet\.int8\.onnx is 2\.70× faster \(2\.61–2\.83\)/);
    const titles = await page.locator('.chart h2').allInnerTexts();
    assert.deepEqual(titles, [
      'Run times at cpu, 1 thread, batch 1',
      'Throughput over batch size',
      'Latency over batch size',
      'Throughput over threads',
    ]);
    const words = await page.locator('.chart svg').nth(1).getAttribute('aria-label');
    assert.match(words!, /resnet\.onnx: 1: 521, 2: 613/);
    assert.match(await page.innerText('.run'), /libcudnn\.so\.9/);
    assert.match(await page.innerText('.run'), /12 % of the processor/);
    await rests(page, 250);
    await page.screenshot({ path: join(pictures, 'job-benchmark-sweep.png'), fullPage: true });
    await page.getByRole('button', { name: 'Copy as CSV' }).click();
    const copied = () => opened.notes.flatMap((note) => (note.kind === 'copy' ? [note.text] : []));
    await becomes(() => copied().length, 1);
    const [head, first, ...others] = copied()[0]!.trimEnd().split('\n');
    assert.equal(others.length + 1, swept.length);
    assert.match(head!, /^model,device,threads,batch,samples,p50_ms,/);
    assert.match(first!, /resnet\.onnx,cpu,1,1,\d+,/);
    await close(opened);
  });

  it('draws a profile as bars, flames and roofline, and an evaluation as a matrix', async () => {
    const done = (result: typeof profiled) => [run({ state: 'done' as const, progress: null, result })];
    const opened = await open(jobPage('profile', { runs: done(profiled) }), { height: 1400 });
    const { page } = opened;
    assert.equal(await page.innerText('.run-title'), 'resnet.int8.onnx takes 0.380× the time of resnet.onnx');
    assert.equal(await page.locator('.flame-box').count(), 10);
    assert.equal(await page.locator('.roof-point').count(), 7);
    assert.match(
      await page.innerText('.roof-words'),
      /of the time is bound by arithmetic[\s\S]*Quantize: integers reach 3\.37 times/,
    );
    assert.match(await page.innerText('.run'), /Conv\s+700 µs\s+1\.82 ms\s+−1\.12 ms/);
    opened.send(jobPage('evaluate', { runs: done(evaluated) }));
    await page.getByText('What was taken for what').waitFor();
    assert.match(
      await page.innerText('.run-title'),
      /Top-1 94\.55 % \(93\.47 % to 95\.46 %\), −0\.05 points against resnet\.onnx/,
    );
    assert.equal(await page.locator('.confusion .right').count(), 12);
    // Counts in the cells, names at both edges.
    assert.equal(await page.locator('.confusion .cell-count').first().textContent(), '150');
    assert.equal(await page.locator('.confusion .class-name', { hasText: 'class 11' }).count(), 2);
    assert.match(await page.innerText('.mixed'), /class \d+ taken for class \d+: 9/);
    opened.send(jobPage('evaluate'));
    await page.locator('.outcome', { hasText: 'No file is written' }).waitFor();
    await close(opened);
  });

  it('looks right in every theme, and when narrow', async () => {
    const results = [
      ['quantize', quantized],
      ['prune', pruned],
      ['prune', sparse],
      ['lowRank', split],
      ['sensitivity', sensitivity],
      ['sensitivity', pruneCosts],
      ['recipe', cooked],
      ['benchmark', benchmarked],
      ['benchmark', loaded],
      ['profile', profiled],
      ['evaluate', evaluated],
    ] as const;
    for (const [i, [id, result]] of results.entries()) {
      for (const theme of id === 'quantize'
        ? (['light', 'dark', 'highContrast', 'highContrastLight'] as const)
        : (['light', 'dark'] as const)) {
        const done = run({ state: 'done', progress: null, result });
        const opened = await open(jobPage(id, { runs: [done] }), { theme, width: 1280, height: 900 });
        await rests(opened.page, 250);
        await opened.page.screenshot({ path: join(pictures, `job-${i}-${id}-${theme}.png`), fullPage: true });
        await close(opened);
      }
    }
    const narrow = await open(jobPage('prune'), { width: 480, height: 900 });
    const overflow = await narrow.page.evaluate(() => document.body.scrollWidth - document.body.clientWidth);
    assert.equal(overflow, 0);
    await rests(narrow.page, 250);
    await narrow.page.screenshot({ path: join(pictures, 'job-narrow.png') });
    await close(narrow);
  });
});
