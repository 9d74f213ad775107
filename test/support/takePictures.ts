// The pictures of the README and of the walkthrough, taken in a real window: `npm run pictures`. What they show is
// measured while they are taken, so the machine should be doing nothing else.

import { copyFileSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { inWindow } from './inWindow';
import { packedVsix } from './packedVsix';
import { repository, temporaryFolder } from './paths';
import { VscodeWindow } from './vscodeWindow';
import { rests } from './webPage';

const pictures = join(repository, 'docs', 'images');
const examples = join(repository, 'examples');
const model = 'resnet.onnx';

/** A folder with the example model and its data, of a name that reads well in a picture. */
function workspace(): string {
  const folder = join(temporaryFolder('slipway-pictures-'), 'models');
  mkdirSync(folder);
  for (const name of readdirSync(examples))
    if (/\.(onnx|npz)$/.test(name)) copyFileSync(join(examples, name), join(folder, name));
  return folder;
}

const open = (theme: string) =>
  VscodeWindow.open({
    folder: workspace(),
    vsix: packedVsix(),
    settings: { 'workbench.colorTheme': theme },
  });

/** Takes one picture; the pointer stands where it marks nothing. */
async function take({ page }: VscodeWindow, name: string): Promise<void> {
  await page.mouse.move(640, 893);
  await page.locator('.workbench-hover').waitFor({ state: 'hidden' });
  await rests(page, 500);
  await page.screenshot({ path: join(pictures, `${name}.png`) });
}

async function openModel(window: VscodeWindow): Promise<void> {
  await window.openFromExplorer(model);
  await window.webview().locator('.zoom-bar').waitFor({ timeout: 60_000 });
  await window.webview().locator('#stage[aria-busy=false]').waitFor({ timeout: 60_000 });
}

/** Opens a panel by its command, runs it, and waits for the result. */
async function runPanel(window: VscodeWindow, command: string): Promise<void> {
  await window.runCommand(`Slipway: ${command}…`);
  await window.webview().getByRole('heading', { level: 1, name: command }).waitFor({ timeout: 30_000 });
  await window.webview().locator('.submit .primary').click();
  await window.webview().getByRole('group', { name: 'Actions' }).waitFor({ timeout: 180_000 });
}

test('pictures of the window', async () => {
  await inWindow(open('Default Light Modern'), async (window) => {
    await openModel(window);
    await take(window, 'editor-light');
    await window.runCommand('Slipway: Compress and Benchmark');
    await window
      .webview()
      .getByRole('button', { name: /^Deploy / })
      .first()
      .waitFor({ timeout: 240_000 });
    await take(window, 'results-light');
    await window.page.getByRole('tab', { name: new RegExp(`^${model}`) }).click();
    await runPanel(window, 'Profile');
    await take(window, 'profile-light');
    await window.page.getByRole('tab', { name: new RegExp(`^${model}`) }).click();
    await runPanel(window, 'Measure Sensitivity');
    await window.webview().getByRole('button', { name: 'Sensitivity on the graph' }).click();
    await window.webview().locator('.overlay-ramp').waitFor({ timeout: 60_000 });
    await take(window, 'sensitivity-light');
  });
  await inWindow(open('Default Dark Modern'), async (window) => {
    await openModel(window);
    await take(window, 'editor-dark');
    await window.runCommand('Slipway: Compress by Hand…');
    const ways = window.webview().locator('.way-bytes');
    await ways.nth(8).waitFor({ timeout: 120_000 });
    await take(window, 'compress-by-hand-dark');
    await window.page.getByRole('tab', { name: new RegExp(`^${model}`) }).click();
    await window.runCommand('Slipway: Deploy to Local Server');
    await window.page
      .locator('.notification-list-item-message', { hasText: 'answers at' })
      .waitFor({ timeout: 60_000 });
    await window.page.locator('.activitybar [aria-label^="Slipway"]').first().click();
    await window.page
      .locator('.pane-body .monaco-list-row', { hasText: 'http://' })
      .waitFor({ timeout: 30_000 });
    await take(window, 'deployed-dark');
  });
});
