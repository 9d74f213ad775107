// Models that want to hurt, in the real page over the real daemon: drawn, or refused with a reason; nothing in a name is
// ever interpreted; the page answers all the while.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Page } from 'playwright-core';
import { silentTask } from '../../daemon/base/task';
import type { Model } from '../../daemon/ir/model';
import { writeModel } from '../../daemon/onnx/writeModel';
import { serveByDaemon } from '../support/daemonEditor';
import { pagesOverDaemon } from '../support/daemonPages';
import { closeEditor, drawn, openEditor, type EditorPage } from '../support/editorPage';
import {
  cyclicModel,
  denseModel,
  longNamesModel,
  markupModel,
  nestedModel,
  notNumbersModel,
} from '../support/hostileModels';
import { temporaryFolder } from '../support/paths';

/** The page still paints, its search and its keys still work, and nobody took it over. */
async function alive({ page }: EditorPage): Promise<void> {
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)));
  if (await page.isEnabled('#search')) {
    await page.fill('#search', 'op:relu');
    await page.press('#search', 'Escape');
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'stage');
  }
  await page.click('button[aria-label="Hide the inspector"]');
  await page.waitForSelector('.inspector', { state: 'detached' });
  assert.equal(await page.title(), 'Test');
  // Names are text: none of them has become an element.
  assert.equal(await page.locator('img, b, script:not([src])').count(), 0);
}

const inspectorText = (page: Page) => page.locator('.inspector').innerText();

describe('hostile models in the page', () => {
  const folder = temporaryFolder();
  const over = pagesOverDaemon(folder);

  /** `look` sees the page once it shows a picture or says why there is none. */
  const check = (name: string, build: () => Model, look: (opened: EditorPage) => Promise<void>) =>
    void it(name, async () => {
      const path = join(folder, `${name.replaceAll(/\W/g, '-')}.onnx`);
      await writeModel(build(), path, {}, silentTask);
      const opened = await openEditor(over.pages, serveByDaemon(over.client, path));
      await opened.page.waitForFunction(
        () =>
          document.querySelector('.message') !== null ||
          (document.querySelector('#stage')?.getAttribute('aria-busy') === 'false' &&
            document.querySelector('[role=treeitem]') !== null),
      );
      await look(opened);
      await alive(opened);
      await closeEditor(opened);
    });

  check(
    'cycles',
    () => cyclicModel(1000),
    async ({ page }) => {
      await drawn(page);
      await page.waitForSelector('.inspector:has-text("cycle")');
    },
  );

  check(
    'too many edges',
    () => denseModel(800),
    async ({ page }) => {
      const message = page.locator('.message');
      assert.match(await message.innerText(), /The graph is not drawn: its 800 nodes read 320,\d{3} values/);
      assert.match(await message.innerText(), /Draw It Anyway/);
      // The bar tells of the model all the same.
      await page.waitForSelector('.top-bar:has-text("opset")');
    },
  );

  check(
    'names of 120 KB',
    () => longNamesModel(12),
    async ({ page }) => {
      await drawn(page);
      await page.focus('#stage');
      await page.keyboard.press('Home');
      await page.keyboard.press('Alt+ArrowDown');
      await page.waitForSelector('.inspector h3:has-text("Outputs")');
      assert.match(await inspectorText(page), /aaa…/);
      // The producer of a value with such a name is found.
      await page.keyboard.press('Alt+ArrowDown');
      await page.waitForSelector('.inspector button[title^="Go to the producer of aaa"]');
      const longest = await page.evaluate(() =>
        Math.max(
          ...[...document.querySelectorAll('*')].map((e) =>
            e.children.length === 0 ? e.textContent.length : 0,
          ),
        ),
      );
      assert.ok(longest < 5000, `${longest} characters in one place`);
    },
  );

  check(
    'markup and control characters',
    () => markupModel(),
    async ({ page }) => {
      await drawn(page);
      await page.waitForSelector('.top-bar:has-text("opset")');
      for (let step = 0; step < 3; step++) {
        await page.focus('#stage');
        await page.keyboard.press('Alt+ArrowDown');
        await page.waitForSelector('.inspector h2');
      }
      await page.waitForSelector('.inspector h3:has-text("Outputs")');
      const text = await page.evaluate(() => document.body.innerText);
      assert.match(text, /<script>/);
      assert.doesNotMatch(text, /[\u0000\u0007\u202e\u2066]/);
    },
  );

  check(
    'weights that are no numbers',
    () => notNumbersModel(),
    async ({ page }) => {
      await drawn(page);
      await page.fill('#search', 'mul');
      await page.press('#search', 'Enter');
      await page.waitForSelector('.inspector h3:has-text("Outputs")');
      await page
        .locator('.inspector button', { hasText: /values/i })
        .first()
        .click();
      await page.waitForSelector('.inspector:has-text("NaN")');
      assert.match(await inspectorText(page), /∞|Infinity|inf/i);
    },
  );

  check(
    'bodies nested 200 deep',
    () => nestedModel(200),
    async ({ page }) => {
      await drawn(page);
      for (let depth = 0; depth < 5; depth++) {
        await page.fill('#search', 'op:if');
        await page.press('#search', 'Enter');
        await page.locator('.inspector button[title$="then_branch"]').click();
        const path = Array.from({ length: depth + 1 }, () => 'if/then_branch').join('/');
        await page.waitForSelector(`.breadcrumb .here[title="${path}"]`);
        await drawn(page);
      }
    },
  );
});
