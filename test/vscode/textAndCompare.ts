// What a node leads to, and two models side by side in a real window, with linked selection and a list of changes; and a model as text, with
// outline and go to definition.

import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { inWindow } from '../support/inWindow';
import { repository, temporaryFolder } from '../support/paths';
import { runCli } from '../support/runCli';
import { patience, until, type VscodeWindow, type WindowOptions } from '../support/vscodeWindow';
import { sourceAndTensor, writeTraced } from './sourceAndTensor';

type OpenWindow = (options: Omit<WindowOptions, 'vsix'>) => Promise<VscodeWindow>;

const pictures = join(repository, 'test-results', 'vscode');

/** Declares the suite; `open` makes a window on a folder. */
export function textAndCompare(open: OpenWindow): void {
  test('source and weight of a node, two models side by side, and a model as text', async () => {
    const folder = temporaryFolder('slipway-compare-');
    const before = join(folder, 'resnet.onnx');
    const after = join(folder, 'small.onnx');
    copyFileSync(join(repository, 'examples', 'resnet.onnx'), before);
    const made = await runCli('quantize', before, '-o', after, '--method', 'dynamic');
    assert.equal(made.code, 0, made.stderr);
    await writeTraced(folder);
    await inWindow(open({ folder }), async (window) => {
      const { page } = window;
      mkdirSync(pictures, { recursive: true });
      const picture = (name: string) => page.screenshot({ path: join(pictures, `${name}.png`) });
      await sourceAndTensor(window, folder);
      await window.openFromExplorer('resnet.onnx');
      await window.webview().locator('canvas.graph').waitFor({ timeout: patience });

      await window.runCommand('Slipway: Open as Text');
      const editor = page.locator('.monaco-editor .view-lines').first();
      await editor.getByText('opset_import').first().waitFor({ timeout: patience });
      await editor.getByText('opset_import').first().click();
      await picture('text');
      // The outline knows the nodes: go to one by its name.
      await goToSymbol(page, 'gemm', 'Gemm');
      await editor.getByText('Gemm').first().waitFor();
      await picture('text-node');

      // The tab is there again after a reload, with its text and with language features.
      await window.reload();
      await editor.getByText('Gemm').first().waitFor({ timeout: patience });
      await editor.getByText('Gemm').first().click();
      await goToSymbol(page, 'flatten', 'Flatten');
      await editor.getByText('Flatten').first().waitFor();
      await picture('text-restored');

      await window.runCommand('Slipway: Compare With…');
      // The text's own model counts as the one before.
      await page.locator('.quick-input-widget input[placeholder*="as the model before"]').waitFor();
      await page.locator('.quick-input-widget .monaco-list-row', { hasText: 'small.onnx' }).first().click();
      const group = page
        .locator('.pane-body .monaco-list-row', { hasText: 'Fused, folded and rewritten' })
        .first();
      await group.waitFor({ timeout: patience });
      await page.locator('iframe.webview.ready').nth(1).waitFor({ timeout: patience });
      await picture('compare');
      const other = page
        .locator('.pane-body .monaco-list-row', { hasText: /Fused|Weights|Attributes/ })
        .first();
      await other.click();
      await page.keyboard.press('ArrowRight');
      const change = page.locator('.pane-body .monaco-list-row[aria-level="2"]').first();
      await change.waitFor({ timeout: patience });
      await change.click();
      await until(
        async () => {
          const shown = [window.webview(0), window.webview(1)].map((frame) =>
            frame.locator('[aria-live]').first().innerText(),
          );
          return (await Promise.all(shown)).every((text) => text.startsWith('Selected:'));
        },
        patience,
        () => 'A change does not select its nodes in both editors.',
      );
      await picture('compare-selected');
    });
  });
}

/** Goes to a symbol of the editor in front by its name; waits until the outline has it. */
async function goToSymbol(page: Page, typed: string, shown: string): Promise<void> {
  const input = page.locator('.quick-input-widget input.input');
  const row = page.locator('.quick-input-widget .monaco-list-row', { hasText: shown }).first();
  // The outline is empty while the daemon starts, and the list does not wait for it: then it is asked again.
  await until(
    async () => {
      await page.keyboard.press('Control+Shift+O');
      await input.waitFor({ timeout: 5000 });
      await input.fill(`@${typed}`);
      const found = await row.waitFor({ timeout: 5000 }).then(
        () => true,
        () => false,
      );
      if (!found) await page.keyboard.press('Escape');
      return found;
    },
    patience,
    () => `The outline has no "${shown}".`,
  );
  await page.keyboard.press('Enter');
}
