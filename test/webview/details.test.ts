// What the inspector says of a node, in a real browser over models that hold each kind of thing. Pictures of it go to
// test-results/webview.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Page } from 'playwright-core';
import { auditPage } from '../support/accessibility';
import { serveBuilt } from '../support/editorHost';
import { closeEditor, drawn, longModel, openEditor } from '../support/editorPage';
import { repository } from '../support/paths';
import { Pages } from '../support/webPage';

const pictures = join(repository, 'test-results', 'webview');

/** Selects the first node that a search finds, and waits for what the inspector says of it. */
async function select(page: Page, query: string): Promise<void> {
  await page.fill('#search', query);
  await page.waitForFunction(() => /of \d+/.test(document.querySelector('#search-count')!.textContent));
  await page.press('#search', 'Enter');
  await page.waitForSelector('.inspector h3:has-text("Outputs")');
}

describe('inspector of a node', () => {
  let pages: Pages;
  before(async () => {
    mkdirSync(pictures, { recursive: true });
    pages = await Pages.start();
  });
  after(() => pages.stop());

  it('documents the operator at the version that the model uses', async () => {
    for (const theme of ['dark', 'light'] as const) {
      const opened = await openEditor(pages, await serveBuilt(longModel(8)), { theme, height: 900 });
      const { page } = opened;
      await drawn(page);
      await select(page, 'op:conv');
      const section = page.locator('.operator-words');
      assert.match(await section.innerText(), /Convolution: slides learned filters/);
      assert.match(await section.innerText(), /This form since version 11 · the model uses \d+/);
      assert.equal(
        await section.locator('a').getAttribute('href'),
        'https://onnx.ai/onnx/operators/onnx__Conv.html',
      );
      assert.ok(!(await section.innerText()).includes('auto_pad'));
      await section.locator('summary').click();
      assert.match(await section.innerText(), /auto_pad\s+string = NOTSET/);
      assert.match(await section.innerText(), /B\s+double, float, float16 optional/);
      assert.deepEqual(await auditPage(page), []);
      await page.screenshot({ path: join(pictures, `details-operator-${theme}.png`) });
      await closeEditor(opened);
    }
  });
});
