// The panels of jobs in a real window, each started from its command: benchmark, profile, evaluation, quantization, a
// recipe; then the history that they leave, in the side bar and as a page.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { FrameLocator } from 'playwright-core';
import { inWindow } from '../support/inWindow';
import { repository, temporaryFolder } from '../support/paths';
import { cliScript, collect } from '../support/runCli';
import { patience, type VscodeWindow, type WindowOptions } from '../support/vscodeWindow';

type OpenWindow = (options: Omit<WindowOptions, 'vsix'>) => Promise<VscodeWindow>;

const pictures = join(repository, 'test-results', 'vscode');
const examples = join(repository, 'examples');

/** Declares the suite; `open` makes a window on a folder. */
export function panels(open: OpenWindow): void {
  test('benchmark, profile, evaluate, quantize and run a recipe from their commands, and find them in Runs', async () => {
    const folder = temporaryFolder('slipway-panels-');
    for (const name of readdirSync(examples))
      if (/\.(onnx|npz)$/.test(name)) copyFileSync(join(examples, name), join(folder, name));
    await inWindow(open({ folder }), async (window) => {
      const { page } = window;
      mkdirSync(pictures, { recursive: true });
      const picture = (name: string) => page.screenshot({ path: join(pictures, `${name}.png`) });

      /** Opens the panel of a job, changes what is named, presses its button and waits for the result. */
      async function run(
        command: string,
        tab: string,
        fill: (panel: FrameLocator) => Promise<void>,
      ): Promise<FrameLocator> {
        await window.runCommand(`Slipway: ${command}…`);
        await page.getByRole('tab', { name: `${tab} resnet.onnx` }).waitFor({ timeout: patience });
        const panel = window.webview();
        await panel
          .getByRole('heading', { level: 1, name: `${tab} resnet.onnx` })
          .waitFor({ timeout: patience });
        await fill(panel);
        await panel.locator('.submit .primary').click();
        await panel.getByRole('group', { name: 'Actions' }).waitFor({ timeout: patience });
        return panel;
      }
      const more = async (panel: FrameLocator, fields: Record<string, string>) => {
        if (!(await panel.locator('details.more').evaluate((one: HTMLDetailsElement) => one.open)))
          await panel.getByText('More options').click();
        for (const [name, value] of Object.entries(fields)) {
          await panel.locator(`#field-${name}`).fill(value);
          await panel.locator(`#field-${name}`).blur();
        }
      };

      await window.openFromExplorer('resnet.onnx');
      await window.webview().locator('canvas.graph').waitFor({ timeout: patience });

      const measured = await run('Benchmark', 'Benchmark', (panel) =>
        more(panel, { maxSeconds: '1', minSamples: '5' }),
      );
      assert.match(await measured.locator('.run-title').innerText(), /resnet\.onnx: [\d.]+ ms a run/);
      assert.equal(await measured.locator('.chart svg[role=img]').count(), 1);
      await picture('panel-benchmark');

      const profiled = await run('Profile', 'Profile', (panel) => more(panel, { maxSeconds: '1' }));
      assert.ok((await profiled.locator('.flame-box').count()) > 20, 'the nodes are in the flame chart');
      await profiled.locator('.roof-words').waitFor();
      await picture('panel-profile');

      const scored = await run('Evaluate', 'Evaluate', async (panel) => {
        await panel.locator('#field-maxSamples').fill('200');
        await panel.locator('#field-maxSamples').blur();
      });
      assert.match(await scored.locator('.run-title').innerText(), /Top-1 \d\d\.\d\d %/);
      await picture('panel-evaluate');

      const quantized = await run('Quantize', 'Quantize', async (panel) => {
        await panel.locator('#method').selectOption('dynamic');
      });
      assert.match(
        await quantized.locator('.run-title').innerText(),
        /resnet\.int8-dynamic\.onnx: 0\.\d+ of the size/,
      );
      await picture('panel-quantize');

      // A recipe: first one whose order cannot be meant, which says so before any work, then prune, repair, quantize.
      const recipe = (name: string, steps: string) =>
        writeFileSync(
          join(folder, name),
          `model: resnet.onnx\noutput: resnet.small.onnx\ncalibration: resnet_calibration.npz\nsteps:\n${steps}`,
        );
      recipe(
        'small.yaml',
        `  - prune: { ratio: 0.5, importance: l2, calibrationSamples: 16 }\n  - quantize: { method: static, calibrationSamples: 16 }\n`,
      );
      recipe('turned.yaml', `  - quantize: { method: static }\n  - prune: { ratio: 0.5 }\n`);
      const done = await run('Run Recipe', 'Run Recipe', async (panel) => {
        const file = panel.locator('#field-recipe');
        await file.locator('option:checked', { hasText: 'small.yaml' }).waitFor({ state: 'attached' });
        await file.selectOption({ label: 'turned.yaml' });
        await panel.locator('.submit .primary').click();
        await panel
          .getByText(/step 2 \(prune\) cannot come after quantize/)
          .first()
          .waitFor({ timeout: patience });
        await picture('panel-recipe-refused');
        await file.selectOption({ label: 'small.yaml' });
      });
      assert.match(await done.locator('.run-title').innerText(), /resnet\.small\.onnx/);
      assert.deepEqual(await done.locator('table tbody tr td:first-child').allInnerTexts(), [
        'resnet.onnx',
        '1. Prune',
        '2. Quantize',
      ]);
      assert.ok(
        statSync(join(folder, 'resnet.small.onnx')).size < 0.2 * statSync(join(folder, 'resnet.onnx')).size,
      );
      await picture('panel-recipe');
      // The recipe itself tells what it gave, and runs again from there.
      await page.locator('.explorer-folders-view .monaco-list-row', { hasText: 'small.yaml' }).dblclick();
      const lenses = page.locator('.codelens-decoration');
      await lenses.filter({ hasText: /resnet\.small\.onnx: .* of the size/ }).waitFor();
      await lenses
        .filter({ hasText: /^\S+ kB, 0\.\d+ of the size/ })
        .first()
        .waitFor();
      await picture('recipe-text');
      await lenses.getByText('Run Recipe').click();
      await page.getByRole('tab', { name: 'Run Recipe resnet.onnx' }).waitFor();
      await window.webview().locator('.submit .primary:enabled').waitFor();

      // The history in the side bar: a click brings a past result.
      await page.locator('.activitybar [aria-label^="Slipway"]').first().click();
      const runs = page.locator('.pane', { has: page.locator('.pane-header', { hasText: 'Runs' }) });
      const rows = runs.locator('.monaco-list-row');
      await rows.filter({ hasText: 'Quantize' }).first().waitFor({ timeout: patience });
      assert.deepEqual(await rows.locator('.label-name').allInnerTexts(), [
        'resnet.onnx',
        'Run Recipe',
        // The one that was refused.
        'Run Recipe',
        'Quantize',
        'Evaluate',
        'Profile',
        'Benchmark',
      ]);
      await picture('runs');

      // A run of the command line comes by itself, and is marked in the page below.
      const command = spawn(
        process.execPath,
        [cliScript(), 'evaluate', 'resnet.onnx', '--data', 'resnet_validation.npz', '--max-samples', '20'],
        {
          cwd: folder,
          env: { ...process.env, SLIPWAY_STATE: window.stateFolder },
          stdio: ['ignore', 'pipe', 'pipe'],
        },
      );
      const ran = await collect(command);
      assert.equal(ran.code, 0, ran.stderr);
      await rows.filter({ hasText: 'Evaluate' }).nth(1).waitFor({ timeout: patience });
      await rows.filter({ hasText: 'Evaluate' }).first().click();
      await window.webview().getByText('What was taken for what').waitFor({ timeout: patience });

      await page.getByRole('tab', { name: /^resnet\.onnx/ }).click();
      await window.runCommand('Slipway: Show History');
      const history = window.webview();
      await history
        .getByRole('heading', { level: 1, name: /History resnet\.onnx/ })
        .waitFor({ timeout: patience });
      await history.locator('.run-table tbody tr').nth(3).waitFor({ timeout: patience });
      assert.equal(await history.getByTitle('Run by the command line').count(), 1);
      await history.getByRole('checkbox').nth(0).check();
      await history.getByRole('checkbox').nth(1).check();
      await history.locator('.two-runs').waitFor();
      await picture('history');
      // A result of the history in a panel that was not open any more.
      await page.getByRole('tab', { name: 'Quantize resnet.onnx' }).click();
      await page.keyboard.press('Control+F4');
      await page.getByRole('tab', { name: 'History resnet.onnx' }).click();
      await window
        .webview()
        .locator('.run-table')
        .getByRole('button', { name: 'Quantize', exact: true })
        .click();
      const again = window.webview();
      await again.getByRole('button', { name: 'Show Differences' }).click({ timeout: patience });
      await page.locator('.pane-header', { hasText: 'Changes' }).waitFor({ timeout: patience });
      await page.locator('iframe.webview.ready').nth(1).waitFor({ timeout: patience });
      await picture('panel-differences');

      await window.runCommand('Slipway: Show Devices');
      const devices = page.locator('.quick-input-list .monaco-list-row');
      await devices.filter({ hasText: 'cpu · ready' }).waitFor({ timeout: patience });
      await devices.filter({ hasText: 'is built without it' }).first().waitFor();
      await picture('devices');
      await page.keyboard.press('Escape');
    });
  });
}
