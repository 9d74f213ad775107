// Two ways out of the inspector in a real window: to the line of Python that a node comes from, and a weight saved as a
// NumPy array through the window's own dialog.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { silentTask } from '../../daemon/base/task';
import { floatTensor, graph, model, node, valueInfo } from '../../daemon/ir/builder';
import { DataType } from '../../daemon/ir/dataType';
import { writeModel } from '../../daemon/onnx/writeModel';
import { patience, until, type VscodeWindow } from '../support/vscodeWindow';

const source = ['import torch', '', 'def forward(x, w):', '    return torch.matmul(x, w)  # here', ''];

/** Puts a model whose node knows its line, and the file with that line, into a folder. */
export async function writeTraced(folder: string): Promise<void> {
  const matmul = node('MatMul', ['x', 'w'], ['y'], { name: 'matmul' });
  // Exported elsewhere: the file is found in the workspace by its name.
  const trace = `File "/home/somebody/project/traced_net.py", line 4, in forward\n    ${source[3]!.trim()}`;
  matmul.metadataProps.push({ key: 'pkg.torch.onnx.stack_trace', value: trace });
  const built = model(
    graph({
      nodes: [matmul],
      inputs: [valueInfo('x', DataType.FLOAT, [1, 4])],
      outputs: [valueInfo('y', DataType.FLOAT, [1, 2])],
      initializers: [
        floatTensor(
          'w',
          [4, 2],
          Float32Array.from({ length: 8 }, (_, i) => i + 0.5),
        ),
      ],
    }),
  );
  await writeModel(built, join(folder, 'traced.onnx'), {}, silentTask);
  writeFileSync(join(folder, 'traced_net.py'), source.join('\n'));
}

/** Opens the model of `writeTraced`, follows its node to its line, saves its weight, and closes all editors again. */
export async function sourceAndTensor(window: VscodeWindow, folder: string): Promise<void> {
  const { page } = window;
  await window.openFromExplorer('traced.onnx');
  const inspector = window.webview().locator('.inspector');
  await window.webview().locator('#search:enabled').waitFor({ timeout: patience });
  await window.webview().locator('#search').fill('matmul');
  await window.webview().locator('#search').press('Enter');
  const link = inspector.locator('button', { hasText: 'traced_net.py:4' });
  await link.waitFor({ timeout: patience });

  // The weight first: the source takes the focus to another group of editors.
  await inspector.locator('button', { hasText: 'Save as .npy' }).click();
  const dialog = page.locator('.quick-input-widget', { hasText: 'Save Tensor' });
  const path = dialog.locator('input.input');
  await until(
    async () => (await path.inputValue()).endsWith('w.npy'),
    patience,
    () => 'The dialog does not propose w.npy.',
  );
  await path.press('Enter');
  const file = join(folder, 'w.npy');
  await until(
    () => Promise.resolve(existsSync(file) && statSync(file).size === 128 + 32),
    patience,
    () => 'w.npy is not written.',
  );
  const saved = readFileSync(file);
  assert.equal(saved.subarray(1, 6).toString('latin1'), 'NUMPY');
  assert.equal(saved.readFloatLE(128 + 4), 1.5);

  await link.click();
  await page
    .locator('.tabs-container .tab', { hasText: 'traced_net.py' })
    .first()
    .waitFor({ timeout: patience });
  // The cursor stands on the line.
  await page
    .locator('.statusbar-item', { hasText: /Ln 4, Col 1\b/ })
    .first()
    .waitFor({ timeout: patience });
  await window.runCommand('View: Close All Editors');
  await page.locator('.tabs-container .tab').first().waitFor({ state: 'detached', timeout: patience });
}
