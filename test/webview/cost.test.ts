// The cost of a model in the page: free dimensions bound, their values in shapes and in the table, the chart of
// arithmetic intensity. Pictures go to test-results/webview.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { auditPage } from '../support/accessibility';
import { serveBuilt } from '../support/editorHost';
import { canvasText, closeEditor, drawn, longModel, openEditor, someModel } from '../support/editorPage';
import { repository } from '../support/paths';
import { becomes, waitUntil } from '../support/waiting';
import { Pages, rests } from '../support/webPage';

const pictures = join(repository, 'test-results', 'webview');

describe('cost', () => {
  let pages: Pages;
  before(async () => {
    mkdirSync(pictures, { recursive: true });
    pages = await Pages.start();
  });
  after(() => pages.stop());

  it('bound dimensions reach shapes, details and the table, and are kept', async () => {
    const serves = await serveBuilt(longModel(8));
    const opened = await openEditor(pages, serves);
    const { page, host } = opened;
    await drawn(page);
    await page.getByRole('button', { name: 'Cost by operator and scope' }).click();
    const pane = page.getByRole('region', { name: 'Cost of the model' });
    const cells = (row: string) =>
      pane
        .locator('tbody tr', { hasText: row })
        .first()
        .locator('td')
        .evaluateAll((list) => list.map((each) => each.getAttribute('title') ?? each.textContent.trim()));
    // Two convolutions of 8 to 8 channels, 3 × 3, at 32 × 32, in each of two blocks; the padding keeps the size.
    const macs = 4 * (32 * 32 * 8 * 8 * 9);
    await pane.locator('tbody tr').first().waitFor();
    assert.ok(
      (await cells('Conv')).some((cell) => cell.replaceAll(/\D/g, '') === String(macs)),
      (await cells('Conv')).join(' | '),
    );
    const before = await canvasText(page);
    await page.getByRole('spinbutton', { name: 'Value of the dimension batch' }).fill('16');
    await page.keyboard.press('Enter');
    await pane.getByText('one run with batch = 16').waitFor();
    await page.waitForFunction(
      (wanted) =>
        [...document.querySelectorAll('.cost-pane td')].some(
          (cell) => cell.getAttribute('title')?.replaceAll(/\D/g, '') === wanted,
        ),
      String(16 * macs),
    );
    assert.notEqual(await canvasText(page), before, 'labels on the edges tell the bound shape');
    await pane.getByRole('button', { name: 'Conv', exact: true }).click();
    await rests(page);
    await page.focus('#stage');
    for (let i = 0; i < 3; i++) await page.keyboard.press('Alt+ArrowDown');
    await page.locator('.inspector', { hasText: '16×8×32×32' }).waitFor();
    await page.getByRole('button', { name: 'Show in text' }).click();
    const texts = () => host.notes.flatMap((note) => (note.kind === 'openText' ? [note.node ?? ''] : []));
    await waitUntil('a text is asked for', () => texts().length > 0);
    assert.match(texts().join(), /^(conv|relu|add)_/);
    await rests(page, 300);
    const state = await opened.state();
    assert.deepEqual((state as { bind: object }).bind, { batch: 16 });
    await pane.getByRole('button', { name: /Save the rows of all operators/ }).click();
    await becomes(
      () => host.notes.filter(({ kind }) => kind === 'saveCost'),
      [{ kind: 'saveCost', by: 'op' }],
    );
    await closeEditor(opened);
    const again = await openEditor(pages, serves, { state });
    await drawn(again.page);
    await again.page.focus('#stage');
    for (let i = 0; i < 3; i++) await again.page.keyboard.press('Alt+ArrowDown');
    await again.page.locator('.inspector', { hasText: '16×8×32×32' }).waitFor();
    await closeEditor(again);
  });

  it('by scope and as a chart, in both themes', async () => {
    const serves = await someModel();
    for (const theme of ['dark', 'light'] as const) {
      const opened = await openEditor(pages, serves, { theme, width: 1280, height: 900 });
      const { page } = opened;
      await drawn(page);
      await page.getByRole('button', { name: 'Cost by operator and scope' }).click();
      const pane = page.getByRole('region', { name: 'Cost of the model' });
      await pane.locator('tbody tr').first().waitFor();
      await page.screenshot({ path: join(pictures, `cost-operators-${theme}.png`) });
      await pane.getByRole('button', { name: 'Scopes' }).click();
      await pane.getByText('The whole model').waitFor();
      await page.screenshot({ path: join(pictures, `cost-scopes-${theme}.png`) });
      await pane.getByRole('button', { name: 'Arithmetic intensity' }).click();
      await pane.getByRole('img', { name: /operations for each byte/ }).waitFor();
      assert.ok((await pane.locator('.node-point').count()) > 10);
      await page.screenshot({ path: join(pictures, `cost-chart-${theme}.png`) });
      await auditPage(page);
      await pane.locator('.node-point').first().click({ force: true });
      await page.locator('.inspector h2', { hasNotText: 'Model' }).first().waitFor();
      await pane.getByRole('button', { name: 'Hide the cost' }).click();
      assert.equal(await pane.count(), 0);
      await closeEditor(opened);
    }
  });
});
