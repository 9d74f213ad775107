// What the inspector says of a node, in a real browser over models that hold each kind of thing. Pictures of it go to
// test-results/webview.

import assert from 'node:assert/strict';
import { closeSync, mkdirSync, openSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Page } from 'playwright-core';
import { fileRef } from '../../daemon/host/files';
import { floatTensor, graph, int8Tensor, model, node, uint8Tensor, valueInfo } from '../../daemon/ir/builder';
import { DataType } from '../../daemon/ir/dataType';
import type { Model } from '../../daemon/ir/model';
import type { Tensor } from '../../daemon/ir/tensor';
import { auditPage } from '../support/accessibility';
import { serveBuilt } from '../support/editorHost';
import { closeEditor, drawn, longModel, openEditor } from '../support/editorPage';
import { repository, temporaryFolder } from '../support/paths';
import { becomes } from '../support/waiting';
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

  it('shows values of a tensor of 4 GB page by page, and hands it out', async () => {
    const folder = temporaryFolder();
    const rows = 2 ** 20;
    const data = join(folder, 'w.bin');
    // A file with holes: on disk it takes a few pages.
    writeFileSync(data, '');
    truncateSync(data, 4 * rows * 1024);
    const file = openSync(data, 'r+');
    writeSync(file, new Uint8Array(Float32Array.of(12.5, -3).buffer), 0, 8, 4 * (1000 * 1024 + 7));
    writeSync(file, new Uint8Array(Float32Array.of(77).buffer), 0, 4, 4 * (rows * 1024 - 1));
    closeSync(file);
    const big: Tensor = {
      ...floatTensor('big', [rows, 1024], []),
      storage: {
        kind: 'external',
        entries: [{ key: 'location', value: 'w.bin' }],
        bytes: { in: 'file', file: fileRef(data), offset: 0, length: 4 * rows * 1024 },
      },
    };
    const serves = await serveBuilt(
      model(
        graph({
          nodes: [node('MatMul', ['x', 'big'], ['y'], { name: 'matmul' })],
          initializers: [big],
          inputs: [valueInfo('x', DataType.FLOAT, [1, rows])],
          outputs: [valueInfo('y', DataType.FLOAT, [1, 1024])],
        }),
      ),
    );
    let asked = 0;
    serves.statistics = () => {
      asked += 1;
      return new Promise(() => undefined);
    };
    const opened = await openEditor(pages, serves, { height: 900 });
    const { page, host } = opened;
    await drawn(page);
    await select(page, 'matmul');
    await page.click('button:has-text("Show values")');
    await page.waitForSelector('.pager');
    assert.match(await page.innerText('.pager'), /0–63 of 1.073.741.824/);
    await page.click('.pager button[aria-label="Later values"]');
    await page.waitForSelector('.pager:has-text("64–127")');
    await page.fill('.go-to', '1000, 7');
    await page.press('.go-to', 'Enter');
    await page.waitForSelector('.values:has-text("12.5")');
    assert.match(await page.innerText('.values'), /^12\.5\s+−3\.00\s+0\s/);
    await page.screenshot({ path: join(pictures, 'details-values.png') });
    await page.fill('.go-to', '1073741823');
    await page.press('.go-to', 'Enter');
    await page.waitForSelector('.values:has-text("77")');
    assert.ok(await page.isDisabled('.pager button[aria-label="Later values"]'));
    await page.fill('.go-to', '5,2000');
    await page.press('.go-to', 'Enter');
    assert.match(
      await page.$eval('.go-to', (field) => (field as HTMLInputElement).validationMessage),
      /Dimension 1 has 1.024 entries/,
    );
    assert.equal(asked, 1, 'statistics are asked for once');
    await page.click('button:has-text("Save as .npy")');
    await becomes(
      () => host.notes.filter(({ kind }) => kind === 'exportTensor'),
      [{ kind: 'exportTensor', scope: '', name: 'big' }],
    );
    assert.deepEqual(await auditPage(page), []);
    await closeEditor(opened);
  });

  it('leads to the lines of the program that exported the model', async () => {
    const trace =
      'File "/home/me/<b>net<b>.py", line 137, in forward\n    y = self.conv(x)\n' +
      '  File "/venv/lib/python3.11/site-packages/torch/nn/modules/conv.py", line 565, in forward\n    return F.conv2d(input)\n';
    const built = longModel(4);
    built.graph.nodes[0]!.metadataProps = [{ key: 'pkg.torch.onnx.stack_trace', value: trace }];
    for (const theme of ['dark', 'light'] as const) {
      const opened = await openEditor(pages, await serveBuilt(built), { theme, height: 900 });
      const { page, host } = opened;
      await drawn(page);
      await select(page, 'op:conv');
      assert.match(await page.innerText('.frames'), /conv\.py:565.*<b>net<b>\.py:137.*self\.conv/s);
      await page.click('.frames li:not(.library) button');
      await becomes(
        () => host.notes.filter(({ kind }) => kind === 'openSource'),
        [{ kind: 'openSource', file: '/home/me/<b>net<b>.py', line: 137 }],
      );
      assert.deepEqual(await auditPage(page), []);
      await page.screenshot({ path: join(pictures, `details-source-${theme}.png`) });
      await closeEditor(opened);
    }
  });

  it('shows how a layer is quantized as one group, folded in the picture and not', async () => {
    for (const theme of ['dark', 'light'] as const) {
      const opened = await openEditor(pages, await serveBuilt(quantizedModel()), { theme, height: 900 });
      const { page } = opened;
      await drawn(page);
      const items = () => page.locator('#stage [role=treeitem]').count();
      assert.equal(await items(), 4, 'Conv and Relu, an input and an output');
      await select(page, 'op:conv');
      const group = await page.innerText('.quantized');
      assert.match(group, /Input 0 x DQ\s+Type\s+uint8 whole tensor\s+Scale\s+0\.0200\s+Zero point\s+128/);
      assert.match(
        group,
        /Input 1 w DQ\s+Type\s+int8 per channel, axis 0\s+Scale\s+0\.0100 to 0\.0800 8 of them/,
      );
      assert.match(group, /Output 0 c Q/);
      assert.deepEqual(await auditPage(page), []);
      await page.screenshot({ path: join(pictures, `details-quantized-${theme}.png`) });
      await page.click('.quantized button:has-text("Q") >> nth=2');
      await page.waitForFunction(() => document.querySelectorAll('#stage [role=treeitem]').length === 11);
      await drawn(page);
      await page.waitForSelector('.inspector h2:has-text("QuantizeLinear")');
      await page.screenshot({ path: join(pictures, `details-unfolded-${theme}.png`) });
      await page.click('.zoom-bar button[aria-label^="Fold quantization"]');
      await page.waitForFunction(() => document.querySelectorAll('#stage [role=treeitem]').length === 4);
      await closeEditor(opened);
    }
  });

  it('finds nodes by attributes that only the daemon knows', async () => {
    const opened = await openEditor(pages, await serveBuilt(longModel(12)));
    const { page } = opened;
    await drawn(page);
    const count = async (query: string, words: string) => {
      await page.fill('#search', query);
      await page.waitForFunction(
        (wanted) => document.querySelector('#search-count')!.textContent === wanted,
        words,
      );
    };
    await count('attr:pads=1', '1 of 6');
    await count('attr:group=1', '1 of 6');
    await count('attr:kernel_shape=3,3 conv_b', '1 of 3');
    await count('attr:group=2', 'No results');
    await page.press('#search', 'Enter');
    await count('attr:strides', 'No results');
    await closeEditor(opened);
  });
});

/** A convolution and a Relu between Q and DQ, the weight quantized per channel. */
function quantizedModel(): Model {
  const scales = Float32Array.from({ length: 8 }, (_, i) => 0.01 * (i + 1));
  const weights = new Array<number>(8 * 8 * 9).fill(3);
  return model(
    graph({
      nodes: [
        node('QuantizeLinear', ['in', 's', 'z'], ['xq'], { name: 'quantize_in' }),
        node('DequantizeLinear', ['xq', 's', 'z'], ['x'], { name: 'dequantize_in' }),
        node('DequantizeLinear', ['wq', 'ws', 'wz'], ['w'], { name: 'w', attributes: { axis: 0n } }),
        node('Conv', ['x', 'w'], ['c'], {
          name: 'conv',
          attributes: { kernel_shape: [3n, 3n], pads: [1n, 1n, 1n, 1n] },
        }),
        node('QuantizeLinear', ['c', 's', 'z'], ['cq'], { name: 'quantize_c' }),
        node('DequantizeLinear', ['cq', 's', 'z'], ['c2'], { name: 'dequantize_c' }),
        node('Relu', ['c2'], ['r'], { name: 'relu' }),
        node('QuantizeLinear', ['r', 's', 'z'], ['rq'], { name: 'quantize_r' }),
        node('DequantizeLinear', ['rq', 's', 'z'], ['out'], { name: 'dequantize_r' }),
      ],
      inputs: [valueInfo('in', DataType.FLOAT, ['batch', 8, 32, 32])],
      outputs: [valueInfo('out', DataType.FLOAT, ['batch', 8, 32, 32])],
      initializers: [
        floatTensor('s', [], [0.02]),
        uint8Tensor('z', [], [128]),
        int8Tensor('wq', [8, 8, 3, 3], weights),
        floatTensor('ws', [8], scales),
        int8Tensor('wz', [8], new Array<number>(8).fill(0)),
      ],
    }),
  );
}
