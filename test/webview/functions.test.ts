// Functions of the model in the real page over the real daemon: opened and closed where they are called.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import type { Page } from 'playwright-core';
import { silentTask } from '../../daemon/base/task';
import { writeModel } from '../../daemon/onnx/writeModel';
import { auditPage } from '../support/accessibility';
import { serveByDaemon } from '../support/daemonEditor';
import { pagesOverDaemon } from '../support/daemonPages';
import { closeEditor, drawn, openEditor } from '../support/editorPage';
import { functionModel } from '../support/functionModel';
import { repository, temporaryFolder } from '../support/paths';

const pictures = join(repository, 'test-results', 'webview');

/** Waits until so many boxes are drawn. */
const boxes = (page: Page, count: number) =>
  page.waitForFunction(
    (wanted) =>
      document.querySelector('#stage')?.getAttribute('aria-busy') === 'false' &&
      document.querySelectorAll('[role=treeitem]').length === wanted,
    count,
  );

async function find(page: Page, query: string): Promise<void> {
  await page.fill('#search', query);
  await page.press('#search', 'Enter');
  await page.waitForSelector('.inspector h3:has-text("Outputs")');
}

describe('functions of a model', () => {
  const folder = temporaryFolder();
  const path = join(folder, 'functions.onnx');
  const over = pagesOverDaemon(folder);
  before(async () => {
    mkdirSync(pictures, { recursive: true });
    await writeModel(functionModel(), path, {}, silentTask);
  });

  it('open where they are called, and close again', async () => {
    const opened = await openEditor(over.pages, serveByDaemon(over.client, path));
    const { page } = opened;
    await drawn(page);
    await boxes(page, 6);
    await find(page, 'block_two');
    const item = page.locator('[role=treeitem][aria-selected=true]');
    assert.equal(await item.getAttribute('aria-expanded'), 'false');
    await page.click('.inspector button:text("Open Function")');
    // Three nodes and two pills inside, and the frame in place of the call.
    await boxes(page, 11);
    await page.waitForSelector('.inspector button:text("Close Function")');
    assert.equal(await item.getAttribute('aria-expanded'), 'true');

    await find(page, 'matmul');
    const inside = page.locator('.inspector');
    await page.waitForSelector('.inspector :text("2×4")');
    assert.match(await inside.innerText(), /matmul/);
    // The weight that this call gives its function can be looked at.
    await inside
      .locator('button', { hasText: /values/i })
      .first()
      .click();
    await page.waitForSelector('.inspector :text("115")');

    // By keyboard, a function in the function.
    await find(page, 'op:scale');
    await page.focus('#stage');
    await page.keyboard.press('Space');
    await boxes(page, 14);
    await find(page, 'op:leakyrelu');
    assert.match(await inside.innerText(), /0\.25/);
    assert.deepEqual(await auditPage(page), []);
    await page.screenshot({ path: join(pictures, 'functions-dark.png') });

    await find(page, 'block_one');
    await page.keyboard.press('Escape');
    await page.waitForFunction(() =>
      JSON.stringify((window as unknown as { keptState: unknown }).keptState ?? '').includes(
        '#2/function/#1/function',
      ),
    );
    const state = await opened.state();
    await closeEditor(opened);

    const again = await openEditor(over.pages, serveByDaemon(over.client, path), { state });
    await boxes(again.page, 14);
    await again.page.focus('#stage');
    await find(again.page, 'matmul');
    await again.page.press('#search', 'Escape');
    await closeEditor(again);
  });

  it('open by levels like scopes, and are searched by attribute', async () => {
    const opened = await openEditor(over.pages, serveByDaemon(over.client, path));
    const { page } = opened;
    await drawn(page);
    await boxes(page, 6);
    await page.focus('#stage');
    await page.keyboard.press('2');
    await boxes(page, 16);
    await page.keyboard.press('3');
    await boxes(page, 22);
    // Two functions in functions state the attribute; the graph itself has none.
    await page.fill('#search', 'attr:alpha=0.25');
    await page.waitForSelector('#search-count:text("of 2")');
    await page.focus('#stage');
    await page.keyboard.press('1');
    await boxes(page, 6);
    await page.click('button[aria-label^="Open one level more"]');
    await boxes(page, 16);
    await closeEditor(opened);
  });
});
