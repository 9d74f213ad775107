// Bodies of Loop and If in the real page over the real daemon: entered, left, and kept when the file changes.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import type { Page } from 'playwright-core';
import { silentTask } from '../../daemon/base/task';
import { graph, model, node } from '../../daemon/ir/builder';
import { writeModel } from '../../daemon/onnx/writeModel';
import { auditPage } from '../support/accessibility';
import { serveByDaemon } from '../support/daemonEditor';
import { pagesOverDaemon } from '../support/daemonPages';
import { closeEditor, drawn, openEditor, selected } from '../support/editorPage';
import { loopModel, square } from '../support/loopModel';
import { repository, temporaryFolder } from '../support/paths';

const pictures = join(repository, 'test-results', 'webview');
const shows = (page: Page, way: string) =>
  page.waitForFunction((wanted) => {
    const words = document.querySelector('.breadcrumb')?.textContent.replaceAll(/\s+/g, ' ').trim() ?? '';
    return words === wanted && document.querySelector('#stage')?.getAttribute('aria-busy') === 'false';
  }, way);

async function find(page: Page, query: string): Promise<void> {
  await page.fill('#search', query);
  await page.press('#search', 'Enter');
  await page.waitForFunction(
    (name) => document.querySelector('[role=treeitem][aria-selected=true]')?.textContent.includes(name),
    query,
  );
  await page.focus('#stage');
}

describe('bodies of a model', () => {
  const folder = temporaryFolder();
  const path = join(folder, 'loop.onnx');
  const over = pagesOverDaemon(folder);
  before(async () => {
    mkdirSync(pictures, { recursive: true });
    await writeModel(loopModel(), path, {}, silentTask);
  });

  it('are entered and left step by step, and kept when the file changes', async () => {
    const opened = await openEditor(over.pages, serveByDaemon(over.client, path));
    const { page } = opened;
    await drawn(page);
    await find(page, 'loop');
    assert.match(await selected(page), /body: 4 nodes/);
    await page.keyboard.press('Space');
    await shows(page, 'main graph loop/body');
    await find(page, 'choice');
    assert.match(await selected(page), /then: 1 node, else: 2 nodes/);
    await page.click('.inspector button:text("loop/body/choice/else_branch")');
    await shows(page, 'main graph loop/body choice/else_branch');
    // What the branch takes from the main graph stands where it comes in.
    await page.waitForSelector(
      '[role=treeitem]:has-text("Input h, 4×4 float, from outside, feeds MatMul product")',
      {
        state: 'attached',
      },
    );
    await find(page, 'product');
    await page.screenshot({ path: join(pictures, 'nested-dark.png') });
    assert.deepEqual(await auditPage(page), []);

    // The file changes while the branch is shown: the same node of the same branch.
    await writeModel(loopModel(), path, { overwrite: true }, silentTask);
    opened.host.channel.notify({ kind: 'modelChanged', exists: true });
    await shows(page, 'main graph loop/body choice/else_branch');
    assert.match(await selected(page), /product/);

    await page.click('.breadcrumb button:text("loop/body")');
    await shows(page, 'main graph loop/body');
    await page.click('.breadcrumb button:text("main graph")');
    await shows(page, '');

    // Where the body is gone after a change, the main graph is shown.
    await find(page, 'loop');
    await page.keyboard.press('Space');
    await shows(page, 'main graph loop/body');
    const plain = graph({
      nodes: [node('Relu', ['x'], ['y'])],
      inputs: [square('x')],
      outputs: [square('y')],
    });
    await writeModel(model(plain, { opset: 17 }), path, { overwrite: true }, silentTask);
    opened.host.channel.notify({ kind: 'modelChanged', exists: true });
    await shows(page, '');
    await page.waitForFunction(() => document.querySelectorAll('[role=treeitem]').length === 3);
    await closeEditor(opened);
  });
});
