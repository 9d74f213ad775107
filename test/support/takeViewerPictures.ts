// Takes the pictures of docs/viewer.md: the built page over the built daemon and the shared models (`node
// scripts/pictures.mjs viewer`).

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { silentTask } from '../../daemon/base/task';
import { writeModel } from '../../daemon/onnx/writeModel';
import { serveByDaemon } from './daemonEditor';
import { connect, startDaemon } from './daemonProcess';
import { drawn, openEditor } from './editorPage';
import { functionModel } from './functionModel';
import { loopModel } from './loopModel';
import { distFolder, repository, sharedFolder, temporaryFolder } from './paths';
import type { ThemeName } from './themes';
import { Pages } from './webPage';

async function find(page: Page, query: string): Promise<void> {
  await page.fill('#search', query);
  await page.press('#search', 'Enter');
  await page.waitForSelector('.inspector h3:has-text("Outputs")');
}

/** Selects by search and leaves no marks of the search behind. */
async function select(page: Page, query: string): Promise<void> {
  await find(page, query);
  await page.fill('#search', '');
  await page.focus('#stage');
}

async function main(): Promise<void> {
  const shared = sharedFolder();
  if (shared === undefined) throw new Error('The shared models are not here.');
  const models = join(shared, 'models');
  const folder = temporaryFolder();
  const pages = await Pages.start();
  const daemon = await startDaemon(join(folder, 'state'));
  const client = await connect(daemon);
  const take = async (
    name: string,
    path: string,
    theme: ThemeName,
    show: (page: Page) => Promise<void>,
  ): Promise<void> => {
    const { page } = await openEditor(pages, serveByDaemon(client, path), {
      theme,
      fileName: path.split('/').pop()!,
    });
    await drawn(page);
    await page.waitForFunction(() => document.querySelector('.top-bar')?.textContent.includes('opset'));
    await show(page);
    await drawn(page);
    // Fonts and what the daemon still says.
    await page.waitForTimeout(500);
    await page.screenshot({ path: join(repository, 'docs', 'images', `viewer-${name}.png`) });
    await page.context().close();
  };
  const bert = join(models, 'bert', 'bert_dynamo.onnx');
  const resnet = join(models, 'resnet', 'resnet.onnx');
  await take('scopes', bert, 'light', async (page) => {
    await page.focus('#stage');
    await page.keyboard.press('3');
    await drawn(page);
    await page.fill('#search', 'layers');
    await page.press('#search', 'Enter');
    await page.waitForSelector('.stepper');
    await page.fill('#search', '');
    await page.focus('#stage');
    await page.keyboard.press('-');
  });
  await take('source', bert, 'dark', (page) => select(page, 'op:softmax'));
  await take('values', resnet, 'light', async (page) => {
    await select(page, 'op:conv');
    const shows = page.locator('.inspector button', { hasText: /values/i });
    await shows.first().click();
    await page.waitForSelector('.histogram, .inspector svg');
    await page.locator('.inspector h3:has-text("Inputs")').scrollIntoViewIfNeeded();
    await page.evaluate(() => {
      const heading = [...document.querySelectorAll('.inspector h3')].find((each) =>
        each.textContent.includes('Inputs'),
      );
      heading?.scrollIntoView({ block: 'start' });
    });
  });
  const int8 = join(folder, 'resnet_int8.onnx');
  const quantize = ['quantize', resnet, '-o', int8, '--no-history', '--no-tune'];
  const samples = ['--calibration', join(models, 'resnet', 'resnet_calibration.npz')];
  const command = [join(distFolder, 'slipway.js'), ...quantize, ...samples];
  const done = spawnSync(process.execPath, command, { encoding: 'utf8' });
  if (done.status !== 0) throw new Error(done.stderr);
  await take('quantized', int8, 'dark', (page) => select(page, '/4/a/a.0/Conv'));
  await take('weights', resnet, 'light', async (page) => {
    await page.selectOption('.overlay-choice', { label: 'Weights' });
    await page.click('.overlay-bar button[aria-label^="Show the table"]');
    await page.waitForSelector('.value-table');
    await page.locator('.value-table [role=row], .value-table tr').nth(1).click();
  });
  const loop = join(folder, 'loop.onnx');
  await writeModel(loopModel(), loop, {}, silentTask);
  await take('nested', loop, 'dark', async (page) => {
    await find(page, 'loop');
    await page.focus('#stage');
    await page.keyboard.press('Space');
    await page.waitForSelector('.breadcrumb');
    await drawn(page);
    await select(page, 'choice');
  });
  const functions = join(folder, 'functions.onnx');
  await writeModel(functionModel(), functions, {}, silentTask);
  await take('functions', functions, 'light', async (page) => {
    await select(page, 'block_one');
    await page.keyboard.press('Space');
    await page.waitForSelector('.inspector button:text("Close Function")');
    await select(page, 'matmul');
  });
  client.close();
  await daemon.stop();
  await pages.stop();
}

void main();
