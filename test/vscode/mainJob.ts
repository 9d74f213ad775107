// The main job in a real window, as a user does it: open by double click, look, compress, read the numbers,
// deploy, ask the server. Both window tests (code-server and the desktop build) run this one suite.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import type { FrameLocator, Page } from 'playwright-core';
import { inWindow } from '../support/inWindow';
import { repository, temporaryFolder } from '../support/paths';
import { patience, until, type VscodeWindow, type WindowOptions } from '../support/vscodeWindow';

type OpenWindow = (options: Omit<WindowOptions, 'vsix'>) => Promise<VscodeWindow>;

const examples = join(repository, 'examples');
const model = 'resnet.onnx';
const pictures = join(repository, 'test-results', 'vscode');

/** A workspace with the example model, its data, and a broken model. */
function workspace(): string {
  const folder = temporaryFolder('slipway-workspace-');
  for (const name of readdirSync(examples)) {
    if (/\.(onnx|npz)$/.test(name)) copyFileSync(join(examples, name), join(folder, name));
  }
  writeFileSync(join(folder, 'broken.onnx'), readFileSync(join(examples, model)).subarray(0, 2000));
  return folder;
}

const hash = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

async function picture(page: Page, name: string): Promise<void> {
  mkdirSync(pictures, { recursive: true });
  await page.screenshot({ path: join(pictures, `${name}.png`) });
}

/** Share of the canvas' pixels that differ from its most common colour. */
const inkOf = (frame: FrameLocator): Promise<number> =>
  frame.locator('canvas.graph').evaluate((canvas: HTMLCanvasElement) => {
    const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
    const colours = new Map<number, number>();
    const pixels = new Uint32Array(data.buffer);
    for (const pixel of pixels) colours.set(pixel, (colours.get(pixel) ?? 0) + 1);
    return 1 - Math.max(...colours.values()) / pixels.length;
  });

async function graphDrawn(frame: FrameLocator): Promise<void> {
  await frame.locator('canvas.graph').waitFor({ timeout: patience });
  await until(
    async () => (await inkOf(frame)) > 0.01,
    patience,
    () => 'The canvas stays empty.',
  );
}

/** Declares the suite; `open` makes a window on a folder. */
export function mainJob(open: OpenWindow): void {
  test('open by double click, compress, read the numbers, deploy, ask the server', async () => {
    const folder = workspace();
    const before = hash(join(folder, model));
    await inWindow(open({ folder }), async (window) => {
      const { page } = window;

      await window.openFromExplorer(model);
      const editor = window.webview();
      await graphDrawn(editor);
      await editor.getByText('opset 17').waitFor();
      await picture(page, 'editor-light');

      // Find a node and look at it.
      const search = editor.getByLabel('Find a node by name or operator');
      await search.fill('Gemm');
      await search.press('Enter');
      await editor.locator('.inspector').getByText('transB').filter({ visible: true }).first().waitFor();
      await picture(page, 'editor-node');

      await window.runCommand('Slipway: Compress and Benchmark');
      const tab = page.getByRole('tab', { name: `Compress ${model}` });
      await tab.waitFor({ timeout: patience });
      const results = window.webview();
      await results.getByText('int8 static').first().waitFor({ timeout: patience });
      await picture(page, 'results-running');
      await results
        .getByText(/faster|slower/)
        .first()
        .waitFor({ timeout: patience });
      await results
        .getByRole('button', { name: /Deploy/ })
        .first()
        .waitFor({ timeout: patience });
      const text = await results.locator('body').innerText();
      assert.match(text, /top-1/i, 'accuracy was measured on the data beside the model');
      assert.match(text, /\d+(\.\d+)?× faster/);
      await picture(page, 'results-light');
      assert.equal(hash(join(folder, model)), before, 'the original is untouched');
      assert.ok(
        readdirSync(folder).some((name) => /^resnet\.int8.*\.onnx$/.test(name)),
        'a compressed model was written',
      );
      assert.deepEqual(
        readdirSync(folder).filter((name) => /tmp|partial/.test(name)),
        [],
        'nothing half-written is left',
      );

      const url = await deployFromPalette(window);
      const answer = await askServer(url);
      assert.equal(answer.length, 62, 'one score for each of the 62 characters');
      await picture(page, 'deployed');
    });
  });

  test('a job is cancelled from its panel, and a killed daemon costs nothing but a moment', async () => {
    const folder = workspace();
    await inWindow(open({ folder }), async (window) => {
      await window.openFromExplorer(model);
      await graphDrawn(window.webview());
      const files = readdirSync(folder).sort();
      await window.webview().getByRole('button', { name: 'Compress and Benchmark' }).click();
      const results = window.webview();
      await results.getByRole('button', { name: 'Cancel' }).click({ timeout: patience });
      await results
        .getByText(/cancelled/i)
        .first()
        .waitFor({ timeout: patience });
      await picture(window.page, 'results-cancelled');
      const left = readdirSync(folder).sort();
      assert.deepEqual(
        left.filter((name) => !files.includes(name) && !/\.int8(-dynamic)?\.onnx$/.test(name)),
        [],
        'only finished models are left',
      );

      process.kill(window.daemonProcess(), 'SIGKILL');
      await window.page.getByRole('tab', { name: new RegExp(`^${model}`) }).click();
      const editor = window.webview();
      await graphDrawn(editor);
      const search = editor.getByLabel('Find a node by name or operator');
      await search.fill('Gemm');
      await search.press('Enter');
      await editor
        .locator('.inspector')
        .getByText('transB')
        .filter({ visible: true })
        .first()
        .waitFor({ timeout: patience });
    });
  });

  test('a broken file is explained, and dark and high-contrast themes are drawn', async () => {
    const folder = workspace();
    await inWindow(
      open({ folder, settings: { 'workbench.colorTheme': 'Default Dark Modern' } }),
      async (window) => {
        const { page } = window;

        await window.openFromExplorer('broken.onnx');
        await window
          .webview()
          .getByText(/truncated|ends/i)
          .first()
          .waitFor({ timeout: patience });
        await picture(page, 'broken-dark');
        await window.openFromExplorer(model);
        await graphDrawn(window.webview());
        await picture(page, 'editor-dark');
      },
    );
    await inWindow(
      open({ folder, settings: { 'workbench.colorTheme': 'Default High Contrast' } }),
      async (contrast) => {
        await contrast.openFromExplorer(model);
        await graphDrawn(contrast.webview());
        await picture(contrast.page, 'editor-high-contrast');
      },
    );
  });

  test('Restricted Mode: inspecting works, running does not', async () => {
    const folder = workspace();
    await inWindow(open({ folder, restricted: true }), async (window) => {
      await window.openFromExplorer(model);
      const editor = window.webview();
      await graphDrawn(editor);
      assert.equal(await editor.getByRole('button', { name: 'Compress and Benchmark' }).isDisabled(), true);
      await window.expectInPalette('Slipway: Inspect');
      await window.expectNotInPalette('Slipway: Compress and Benchmark', 'Slipway: Compare With…');
      await picture(window.page, 'restricted');
    });
  });
}

/** Deploys the example from the palette and reads the URL out of the notification. */
async function deployFromPalette(window: VscodeWindow): Promise<string> {
  const { page } = window;
  await page.getByRole('tab', { name: new RegExp(`^${model}`) }).click();
  await window.runCommand('Slipway: Deploy to Local Server');
  const message = page.locator('.notification-list-item-message', { hasText: 'answers at http://127.0.0.1' });
  await message.waitFor({ timeout: patience });
  const url = /http:\/\/127\.0\.0\.1:\d+/.exec(await message.innerText())?.[0];
  assert.ok(url, 'the notification names the URL');
  return url;
}

/** Sends one real request in the Open Inference Protocol and returns the scores. */
async function askServer(url: string): Promise<number[]> {
  const name = basename(model, '.onnx');
  const metadata = (await (await fetch(`${url}/v2/models/${name}`)).json()) as {
    inputs: { name: string; datatype: string; shape: number[] }[];
  };
  const [input] = metadata.inputs;
  assert.ok(input);
  const shape = input.shape.map((dim) => (dim < 0 ? 1 : dim));
  const data = Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => (i % 7) / 7);
  const response = await fetch(`${url}/v2/models/${name}/infer`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      id: 'first',
      inputs: [{ name: input.name, datatype: input.datatype, shape, data }],
    }),
  });
  const answer = (await response.json()) as { id: string; outputs: { data: number[] }[] };
  assert.equal(response.status, 200, JSON.stringify(answer));
  assert.equal(answer.id, 'first');
  return answer.outputs[0]!.data;
}
