// The model editor's page for tests: opened over a model, looked at, and what tests ask of it.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { DataType } from '../../daemon/ir/dataType';
import { floatTensor, graph, model, node, valueInfo } from '../../daemon/ir/builder';
import type { Model } from '../../daemon/ir/model';
import { editorHost, serveBuilt, serveFile, type FakeEditorHost } from './editorHost';
import { sharedFolder } from './paths';
import { becomes } from './waiting';
import { rests, workerSource, type OpenPage, type PageOptions, type Pages } from './webPage';

type Serves = Parameters<typeof editorHost>[2];

export type EditorPage = OpenPage & { host: FakeEditorHost };

/** Opens the editor's page over what `serves` answers. */
export async function openEditor(
  pages: Pages,
  serves: Serves,
  options: PageOptions & { trusted?: boolean; fileName?: string } = {},
): Promise<EditorPage> {
  const { trusted = true, fileName = 'model.onnx' } = options;
  const source = await workerSource();
  let host: FakeEditorHost | undefined;
  const opened = await pages.open('editor', options, (port) => {
    host = editorHost(port, { workerSource: source, trusted, fileName }, serves);
  });
  return { ...opened, host: host! };
}

/** Closes the page and checks that nothing was wrong in it. */
export async function closeEditor({ page, complaints }: OpenPage): Promise<void> {
  await page.context().close();
  assert.deepEqual(complaints, []);
}

/** A trained ResNet where the shared models are there, else a chain that the test builds. */
export async function someModel() {
  const shared = sharedFolder();
  if (shared !== undefined) return serveFile(join(shared, 'models', 'resnet', 'resnet.onnx'));
  process.stdout.write('No shared models here: the page is tested with a built one.\n');
  return serveBuilt(longModel(60));
}

/** Residual blocks: Conv, Relu, Conv, Add, about `nodes` nodes. */
export function longModel(nodes: number): Model {
  const list = [];
  const initializers = [floatTensor('w', [8, 8, 3, 3], new Float32Array(576))];
  let stream = 'x';
  for (let i = 0; list.length < nodes; i++) {
    list.push(
      node('Conv', [stream, 'w'], [`a${i}`], {
        name: `conv_a_${i}`,
        attributes: { kernel_shape: [3n, 3n], pads: [1n, 1n, 1n, 1n] },
      }),
      node('Relu', [`a${i}`], [`b${i}`], { name: `relu_${i}` }),
      node('Conv', [`b${i}`, 'w'], [`c${i}`], {
        name: `conv_b_${i}`,
        attributes: { kernel_shape: [3n, 3n], pads: [1n, 1n, 1n, 1n] },
      }),
      node('Add', [`c${i}`, stream], [`s${i}`], { name: `add_${i}` }),
    );
    stream = `s${i}`;
  }
  return model(
    graph({
      nodes: list,
      initializers,
      inputs: [valueInfo('x', DataType.FLOAT, ['batch', 8, 32, 32])],
      outputs: [valueInfo(stream, DataType.FLOAT, ['batch', 8, 32, 32])],
    }),
  );
}

export const drawn = (page: Page) =>
  page.waitForFunction(
    () =>
      document.querySelector('#stage')?.getAttribute('aria-busy') === 'false' &&
      document.querySelectorAll('[role=treeitem]').length > 0 &&
      document.querySelector('.zoom-bar')?.checkVisibility() === true,
  );

/** The selected item of the graph; empty when nothing is. */
export const selected = async (page: Page) => {
  await rests(page);
  return page.evaluate(
    () => document.querySelector('[role=treeitem][aria-selected=true]')?.textContent.trim() ?? '',
  );
};

/** The canvas as text, to compare two states of it. */
export const canvasText = async (page: Page) => {
  await rests(page);
  return page.evaluate(() => document.querySelector<HTMLCanvasElement>('canvas.graph')!.toDataURL());
};

/** Does something that changes the picture, and waits until it has. */
export async function changes(page: Page, act: () => Promise<unknown>): Promise<void> {
  const was = await canvasText(page);
  await act();
  await becomes(async () => (await canvasText(page)) !== was, true);
}

export async function wheel(page: Page, dx: number, dy: number, zoom = false): Promise<void> {
  await page.mouse.move(400, 400);
  if (zoom) await page.keyboard.down('Control');
  await page.mouse.wheel(dx, dy);
  if (zoom) await page.keyboard.up('Control');
}

/** Number of different colours on the canvas. */
export const colours = (page: Page) =>
  page.evaluate(() => {
    const canvas = document.querySelector<HTMLCanvasElement>('canvas.graph')!;
    const pixels = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height).data;
    return new Set(new Uint32Array(pixels.buffer)).size;
  });
