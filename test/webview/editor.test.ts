// The built page of the model editor in a real browser, over real models, driven through the same channel
// that the extension uses. Pictures of it go to test-results/webview.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { DataType } from '../../daemon/ir/dataType';
import { graph, model, node, valueInfo } from '../../daemon/ir/builder';
import type { Model } from '../../daemon/ir/model';
import { decodeColumns, encodeColumns } from '../../daemon/protocol/columns';
import type { PageError } from '../../daemon/protocol/page';
import { PageFailure } from '../../daemon/protocol/pageChannel';
import { auditPage } from '../support/accessibility';
import { serveBuilt, serveFile } from '../support/editorHost';
import {
  canvasText,
  changes,
  closeEditor,
  colours,
  drawn,
  longModel,
  openEditor,
  selected,
  someModel,
  wheel,
} from '../support/editorPage';
import { decoderModel } from '../support/decoderModel';
import { repository, sharedFolder, temporaryFolder } from '../support/paths';
import { waitUntil } from '../support/waiting';
import { Pages, rests } from '../support/webPage';

const pictures = join(repository, 'test-results', 'webview');

describe('model editor page', () => {
  let pages: Pages;
  before(async () => {
    mkdirSync(pictures, { recursive: true });
    pages = await Pages.start();
  });
  after(() => pages.stop());

  const open = (serves: Parameters<typeof openEditor>[1], options?: Parameters<typeof openEditor>[2]) =>
    openEditor(pages, serves, options);
  const close = closeEditor;

  it('draws a real model, and everything can be reached', async () => {
    const opened = await open(await someModel(), { fileName: 'resnet.onnx' });
    const { page, host } = opened;
    await drawn(page);
    assert.ok((await colours(page)) > 4, 'the canvas shows boxes, lines and text');
    assert.match(await page.innerText('.top-bar'), /resnet\.onnx.*opset \d+.*MB.*parameters/s);
    assert.match(await page.innerText('.inspector'), /Operators/);
    assert.deepEqual(await auditPage(page), []);

    // Zoom by wheel and key, pan by wheel, drag and key: each changes what the canvas shows.
    await changes(page, () => wheel(page, 0, 120));
    await changes(page, () => wheel(page, 0, -240, true));
    await changes(page, async () => {
      await page.mouse.move(400, 400);
      await page.mouse.down();
      await page.mouse.move(480, 440, { steps: 3 });
      await page.mouse.up();
    });
    await page.focus('#stage');
    for (const key of ['ArrowDown', '+', '-', '0']) await changes(page, () => page.keyboard.press(key));

    // Walk: Home selects the first node, Alt+Down follows its edge.
    await page.keyboard.press('Home');
    const first = await selected(page);
    await page.keyboard.press('Alt+ArrowDown');
    const second = await selected(page);
    assert.ok(first !== '' && second !== '' && first !== second, `${first} → ${second}`);
    assert.match(await page.innerText('.inspector'), /Properties/);
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(() => document.activeElement?.className), 'inspector');

    // Search: count, Enter goes on to the next.
    await page.fill('#search', 'conv');
    await page.waitForFunction(() => /^1 of \d+/.test(document.querySelector('#search-count')!.textContent));
    await page.press('#search', 'Enter');
    const hit = await selected(page);
    await page.press('#search', 'Enter');
    assert.match(await page.innerText('#search-count'), /^[23] of/);
    assert.notEqual(await selected(page), hit);
    await page.waitForSelector('.section-body > .facts dt:has-text("kernel_shape")');
    assert.match(await page.innerText('.inspector'), /Initializer, [\d.]+ [kM]?B/);
    await page.click('.inspector button:has-text("Show values") >> nth=0');
    await page.waitForSelector('.values');
    await page.waitForSelector('.histogram');
    assert.match(await page.innerText('.tensor-statistics'), /Range.* to .*Mean/s);
    await page.screenshot({ path: join(pictures, 'editor-statistics.png') });
    await page.fill('#search', 'no such node');
    assert.equal(await page.innerText('#search-count'), 'No results');
    await page.press('#search', 'Escape');
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'stage');

    // A click selects, a click beside clears, and the host hears commands and state.
    await page.keyboard.press('Escape');
    assert.equal(await selected(page), '');
    await page.click('.primary:has-text("Compress")');
    await waitUntil('the host hears it', () =>
      host.notes.some((note) => note.kind === 'command' && note.command === 'compress'),
    );
    await waitUntil('the host hears of the state', () => host.notes.some((note) => note.kind === 'state'));
    await close(opened);
  });

  it('restores camera and selection, and keeps them when the file changes', async () => {
    const serves = await someModel();
    let opens = 0;
    const { open: answer } = serves;
    serves.open = (params) => {
      opens += 1;
      return answer(params);
    };
    const first = await open(serves);
    await drawn(first.page);
    await first.page.focus('#stage');
    await first.page.keyboard.press('Home');
    for (let i = 0; i < 6; i++) await first.page.keyboard.press('Alt+ArrowDown');
    const before = await selected(first.page);
    await rests(first.page, 300);
    const state = await first.state();
    await close(first);

    const second = await open(serves, { state });
    await drawn(second.page);
    assert.equal(await selected(second.page), before);
    const picture = await canvasText(second.page);
    second.host.channel.notify({ kind: 'modelChanged', exists: true });
    await waitUntil('the model is opened again', () => opens >= 3);
    await drawn(second.page);
    assert.equal(await selected(second.page), before);
    assert.ok((await canvasText(second.page)) === picture, 'the same part of the picture is shown');
    second.host.channel.notify({ kind: 'modelChanged', exists: false });
    await second.page.waitForSelector('.notice:has-text("gone from disk")');
    await close(second);
  });

  it('opens a large model scope by scope, and keeps what is open', async () => {
    const opened = await open(await serveBuilt(decoderModel(3000)), { fileName: 'decoder.onnx' });
    const { page } = opened;
    await drawn(page);
    await page.screenshot({ path: join(pictures, 'editor-scopes.png') });
    const items = () => page.locator('#stage [role=treeitem]').count();
    await page.click('.zoom-bar button[aria-label$="SVG"]');
    await page.click('.zoom-bar button[aria-label$="PNG"]');
    const saved = () => opened.host.notes.flatMap((note) => (note.kind === 'savePicture' ? [note.name] : []));
    await waitUntil('both pictures are there', () => saved().length >= 2);
    assert.deepEqual(saved().sort(), ['decoder.png', 'decoder.svg']);
    const [svg] = opened.host.notes.flatMap((note) =>
      note.kind === 'savePicture' && note.name.endsWith('.svg') ? [Buffer.from(note.data).toString()] : [],
    );
    const count = (pattern: RegExp) => [...svg!.matchAll(pattern)].length;
    const edges = count(/<path d="M[^"]*C[^"]*" fill="none"|<path d="M[\d. ]*V[^"]*" fill="none"/g);
    assert.ok(edges > 10, `${edges} edges`);
    assert.equal(count(/<path d="M[^"]*Z" fill="#?/g), edges, 'each edge has its tip');
    const few = await items();
    assert.ok(few < 82, `${few} boxes`);
    assert.deepEqual(await auditPage(page), []);

    // Search finds what is hidden; Enter opens the way to it.
    await page.fill('#search', 'layers.5/mlp/up_proj');
    await page.waitForFunction(() => /of \d+/.test(document.querySelector('#search-count')!.textContent));
    await page.press('#search', 'Enter');
    await page.waitForFunction(() => /Properties/.test(document.querySelector('.inspector')!.textContent));
    await page.screenshot({ path: join(pictures, 'editor-scopes-found.png') });
    assert.match(await selected(page), /up_proj|MatMul/);

    // A trace marks what feeds the selection; Escape takes it away first.
    await page.focus('#stage');
    await page.keyboard.press('u');
    assert.match(await page.innerText('.trace-note'), /what feeds it, \d+ nodes/);
    await page.screenshot({ path: join(pictures, 'editor-scopes-trace.png') });
    await page.click('.trace-note button:text("Save as Model…")');
    await page.click('.trace-note button:text("Copy Names")');
    await waitUntil('the names are copied', () => opened.host.notes.some(({ kind }) => kind === 'copy'));
    const part = opened.host.notes.find((note) => note.kind === 'extract');
    assert.ok(part?.scope === '' && part.to?.length === 1 && part.from === undefined);
    await page.focus('#stage');
    await page.keyboard.press('Escape');
    assert.equal(await page.locator('.trace-note').count(), 0);
    assert.notEqual(await selected(page), '');

    // Ctrl+C copies the name of what is selected.
    const copied = await page.evaluate(() => {
      const event = new ClipboardEvent('copy', {
        clipboardData: new DataTransfer(),
        bubbles: true,
        cancelable: true,
      });
      document.querySelector('#stage')!.dispatchEvent(event);
      return event.clipboardData!.getData('text/plain');
    });
    assert.match(copied, /up_proj/);

    // Names of nodes and values, by key and by button; kept with the tab.
    await changes(page, () => page.keyboard.press('n'));
    await page.click('.zoom-bar button[aria-label^="Hide the names"][aria-pressed=true]');
    await page.waitForSelector('.zoom-bar button[aria-label^="Show the names"][aria-pressed=false]');

    // The repeat: select, step, close, open again by key.
    await page.fill('#search', 'layers');
    await page.press('#search', 'Escape');
    await page.keyboard.press('1');
    await drawn(page);
    await page.keyboard.press('3');
    await drawn(page);
    await page.fill('#search', 'layers');
    await page.press('#search', 'Enter');
    await page.waitForSelector('.stepper');
    await page.focus('#stage');
    assert.match(await page.innerText('.stepper'), /layers\.0 1 of/);
    await page.keyboard.press(']');
    await page.waitForFunction(() => /layers\.1/.test(document.querySelector('.stepper')!.textContent));
    await page.screenshot({ path: join(pictures, 'editor-scopes-step.png') });
    await page.getByRole('button', { name: 'Open as text' }).click();
    const texts = () => opened.host.notes.flatMap((note) => (note.kind === 'openText' ? [note.scope] : []));
    await waitUntil('the text is asked for', () => texts().length > 0);
    assert.deepEqual(texts(), ['model/layers']);
    await page.focus('#stage');
    await page.keyboard.press(' ');
    await page.waitForSelector('.inspector button:has-text("Open Scope")');
    await page.keyboard.press(' ');
    await page.waitForSelector('.inspector button:has-text("Close Scope")');
    const name = await selected(page);
    await rests(page, 300);
    const state = await opened.state();
    await close(opened);

    const again = await open(await serveBuilt(decoderModel(3000)), { state });
    await drawn(again.page);
    assert.equal(await selected(again.page), name);
    assert.match(await again.page.innerText('.stepper'), /layers\.1/);
    await again.page.click('.zoom-bar button[aria-label^="Close all"]');
    await drawn(again.page);
    await again.page.click('.zoom-bar button[aria-label^="Show all nodes"]');
    await drawn(again.page);
    await again.page.screenshot({ path: join(pictures, 'editor-scopes-flat.png') });
    await close(again);
  });

  it('says why it cannot run models in Restricted Mode', async () => {
    const opened = await open(await someModel(), { trusted: false });
    await drawn(opened.page);
    assert.ok(await opened.page.isDisabled('.primary'));
    assert.match((await opened.page.getAttribute('.primary', 'title'))!, /must be trusted/);
    await opened.page.click('.notice .link');
    await waitUntil('the host hears it', () =>
      opened.host.notes.some((note) => note.kind === 'command' && note.command === 'manageTrust'),
    );
    opened.host.channel.notify({ kind: 'trustChanged', trusted: true });
    await opened.page.waitForSelector('.primary:enabled');
    await close(opened);
  });

  it('shows a broken file as a list of problems with their places', async () => {
    const path = join(temporaryFolder(), 'broken.onnx');
    writeFileSync(path, Buffer.from('this is no model at all, only text that someone renamed'));
    const opened = await open(await serveFile(path), { fileName: 'broken.onnx' });
    await opened.page.waitForSelector('.message');
    assert.match(await opened.page.innerText('.message'), /There is no graph to draw/);
    assert.ok((await opened.page.locator('.message .diagnostics li').count()) > 0);
    assert.ok(await opened.page.isDisabled('.primary:has-text("Compress")'));
    assert.deepEqual(await auditPage(opened.page), []);
    await opened.page.screenshot({ path: join(pictures, 'editor-broken.png') });
    await close(opened);
  });

  it('shows a request that failed, and tries again', async () => {
    const serves = await someModel();
    let failing = true;
    const opened = await open({
      ...serves,
      open(params) {
        const error: PageError = { message: 'The daemon is not running. Show the log to see why it ended.' };
        if (failing) throw new PageFailure(error);
        return serves.open(params);
      },
    });
    await opened.page.waitForSelector('.message:has-text("The daemon is not running")');
    failing = false;
    await opened.page.click('.message .primary');
    await drawn(opened.page);
    await close(opened);
  });

  it('shows a skeleton when waiting takes longer', async () => {
    const serves = await someModel();
    let answer: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (answer = resolve));
    const opened = await open({ ...serves, graph: (params) => gate.then(() => serves.graph(params)) });
    await opened.page.waitForSelector('.skeleton');
    await opened.page.screenshot({ path: join(pictures, 'editor-loading.png') });
    answer();
    await drawn(opened.page);
    assert.equal(await opened.page.locator('.skeleton').count(), 0);
    await close(opened);
  });

  it('draws what the file states first, and inferred shapes when they are there', async () => {
    const serves = await serveBuilt(longModel(40));
    const asked: boolean[] = [];
    const opened = await open({
      ...serves,
      graph: async ({ quick = false, ...params }) => {
        asked.push(quick);
        const whole = await serves.graph(params);
        if (!quick) return whole;
        const columns = decodeColumns(new Uint8Array(whole.columns));
        const bare = (columns['label'] as readonly string[]).map(() => '');
        return { ...whole, inferred: false, columns: encodeColumns({ ...columns, label: bare }) };
      },
    });
    const { page } = opened;
    await drawn(page);
    await waitUntil('shapes are asked for', () => asked.length >= 2);
    await rests(page, 100);
    await drawn(page);
    assert.deepEqual(asked, [true, false]);
    await page.fill('#search', 'shape:batch×8×32×32 op:add');
    await page.waitForFunction(() => document.querySelector('#search-count')!.textContent === '1 of 10');
    await close(opened);
  });

  it('keeps the name and every command where the editor is narrow', async () => {
    const opened = await open(await serveBuilt(longModel(8)), {
      fileName: 'a-model-with-a-long-name.onnx',
      width: 420,
    });
    const { page, host } = opened;
    await drawn(page);
    await page.waitForFunction(
      () => document.querySelector<HTMLButtonElement>('.menu [role=menuitem]')?.disabled === false,
    );
    const bar = page.locator('.top-bar');
    assert.ok((await bar.locator('h1').boundingBox())!.width >= 96);
    assert.ok(await page.evaluate(() => document.querySelector('.top-bar')!.scrollWidth <= innerWidth));
    const commands = ['Compress and Benchmark', 'Deploy…'];
    for (const label of commands) {
      assert.equal(await bar.locator(`> button:text-is("${label}")`).isVisible(), false);
      await bar.locator('button:text-is("More")').click();
      await bar.locator(`[role=menuitem]:text-is("${label}")`).click();
    }
    // Where there is room they have buttons, and the menu does not repeat them.
    await page.setViewportSize({ width: 1280, height: 800 });
    await bar.locator('button:text-is("More")').click();
    for (const label of commands) {
      assert.equal(await bar.locator(`> button:has-text("${label}")`).isVisible(), true);
      assert.equal(await bar.locator(`[role=menuitem]:text-is("${label}")`).isVisible(), false);
    }
    assert.deepEqual(
      host.notes.flatMap((note) => (note.kind === 'command' ? [note.command] : [])),
      ['compress', 'deploy'],
    );
    await close(opened);
  });

  it('never takes a name for HTML, and shows control characters as symbols', async () => {
    const evil = '<img src=x onerror="document.title=\'owned\'">';
    const opened = await open(await serveBuilt(hostileModel(evil)), { fileName: `${evil}.onnx` });
    await drawn(opened.page);
    await opened.page.fill('#search', 'onerror');
    await opened.page.press('#search', 'Enter');
    await opened.page.waitForSelector('.inspector dd:has-text("onerror")');
    assert.equal(await opened.page.locator('img').count(), 0);
    assert.equal(await opened.page.title(), 'Test');
    assert.match(await opened.page.innerText('.inspector'), /␊/);
    assert.match(await opened.page.innerText('.inspector'), /⟨202E⟩/);
    assert.deepEqual(await auditPage(opened.page), []);
    await opened.page.screenshot({ path: join(pictures, 'editor-hostile.png') });
    await close(opened);
  });

  it('draws 10,000 nodes', async (context) => {
    const opened = await open(await serveBuilt(longModel(10_000)), { fileName: 'long.onnx' });
    const start = performance.now();
    await drawn(opened.page);
    context.diagnostic(`10,000 nodes drawn after ${(performance.now() - start).toFixed(0)} ms`);
    await opened.page.focus('#stage');
    await changes(opened.page, () => opened.page.keyboard.press('0'));
    await opened.page.screenshot({ path: join(pictures, 'editor-10k.png') });
    await close(opened);
  });

  it('draws shared models of other kinds', async (context) => {
    const shared = sharedFolder();
    const names = ['bert/bert', 'mobilenetv3/mobilenetv3_dynamo', 'third-party/ultraface-rfb-320'];
    if (shared === undefined) context.diagnostic('No shared models here: nothing more to draw.');
    for (const name of shared === undefined ? [] : names) {
      const file = `${name.split('/')[1]!}.onnx`;
      const serves = await serveFile(join(shared!, 'models', `${name}.onnx`));
      const opened = await open(serves, { fileName: file, width: 1440, height: 900 });
      await drawn(opened.page);
      await opened.page.screenshot({ path: join(pictures, `${file}.png`) });
      await opened.page.focus('#stage');
      await changes(opened.page, () => opened.page.keyboard.press('0'));
      await opened.page.screenshot({ path: join(pictures, `${file}-all.png`) });
      await close(opened);
    }
  });

  it('looks right in every theme', async () => {
    const serves = await someModel();
    for (const theme of ['light', 'dark', 'highContrast', 'highContrastLight'] as const) {
      const opened = await open(serves, { theme, fileName: 'resnet.onnx', width: 1440, height: 900 });
      await drawn(opened.page);
      await opened.page.screenshot({ path: join(pictures, `editor-${theme}.png`) });
      await opened.page.fill('#search', 'conv');
      await opened.page.press('#search', 'Enter');
      await opened.page.press('#search', 'Enter');
      await opened.page.press('#search', 'Enter');
      await opened.page.waitForSelector('.inspector dt');
      await rests(opened.page, 100);
      await opened.page.screenshot({ path: join(pictures, `editor-selected-${theme}.png`) });
      await close(opened);
    }
  });

  it('redraws when the theme changes', async () => {
    const opened = await open(await someModel(), { theme: 'dark' });
    await drawn(opened.page);
    await changes(opened.page, () =>
      opened.page.evaluate(() => {
        document.documentElement.style.setProperty('--vscode-input-background', '#ffeecc');
        document.body.className = 'vscode-light editor-page';
      }),
    );
    await close(opened);
  });
});

function hostileModel(evil: string): Model {
  const long = 'a/very/long/path/'.repeat(40);
  return model(
    graph({
      nodes: [
        node('Relu', ['in\nput'], [evil], { name: `${evil}\n\u202Egnp.exe` }),
        node('Identity', [evil], ['out'], { name: `${long}<b>bold</b>` }),
      ],
      inputs: [valueInfo('in\nput', DataType.FLOAT, [evil, 3])],
      outputs: [valueInfo('out', DataType.FLOAT, [evil, 3])],
    }),
  );
}
