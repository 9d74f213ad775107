// Stack traces that exporters leave beside nodes, as frames.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { nodeDetails } from '../../../daemon/analysis/nodeDetails';
import { sourceFrames } from '../../../daemon/analysis/sourceFrames';
import { silentTask } from '../../../daemon/base/task';
import { readModel } from '../../../daemon/onnx/readModel';
import { sharedFolder } from '../../support/paths';

const of = (value: string, key = 'pkg.torch.onnx.stack_trace') => sourceFrames([{ key, value }]);

test('frames of a Python trace, the innermost first', () => {
  const frames = of(
    `File "/home/me/net.py", line 137, in forward\n    y = self.conv(x)\n` +
      `  File "/venv/lib/python3.11/site-packages/torch/nn/modules/conv.py", line 565, in forward\n    return self._conv_forward(\n        input)\n`,
  );
  assert.deepEqual(frames, [
    {
      file: '/venv/lib/python3.11/site-packages/torch/nn/modules/conv.py',
      line: 565,
      function: 'forward',
      code: 'return self._conv_forward(',
      library: true,
    },
    { file: '/home/me/net.py', line: 137, function: 'forward', code: 'y = self.conv(x)', library: false },
  ]);
  assert.deepEqual(of('File "C:\\me\\net.py", line 3')[0], {
    file: 'C:\\me\\net.py',
    line: 3,
    function: '',
    code: '',
    library: false,
  });
});

test('the older exporter wrote them into doc_string', () => {
  const old = sourceFrames(
    [],
    '/venv/site-packages/torch/nn/functional.py(2478): batch_norm\n/home/me/net.py(12): forward\n',
  );
  assert.deepEqual(
    old.map(({ file, line, function: within, library }) => [file, line, within, library]),
    [
      ['/venv/site-packages/torch/nn/functional.py', 2478, 'batch_norm', true],
      ['/home/me/net.py', 12, 'forward', false],
    ],
  );
  assert.equal(sourceFrames([], '# /home/me/net.py:12:0')[0]!.line, 12);
  assert.deepEqual(sourceFrames([], 'A plain sentence about net.py, which is long.'), []);
});

test('text that is no trace, or too much of one', () => {
  assert.deepEqual(of(''), []);
  assert.deepEqual(of('File "", line 1'), []);
  assert.deepEqual(of('File "a.py", line 99999999999999999999'), []);
  assert.equal(of('File "a.py", line 1\n'.repeat(100_000)).length, 64);
  assert.deepEqual(of(`File "${'a'.repeat(5_000_000)}`), []);
  assert.deepEqual(sourceFrames([], 'a.py('.repeat(100_000)), []);
  assert.deepEqual(sourceFrames([], `${' #'.repeat(5000)}${'x'.repeat(4000)}`), []);
});

test('a model of the PyTorch exporter', async (context) => {
  const shared = sharedFolder();
  if (shared === undefined) {
    context.skip('the shared models are not here');
    return;
  }
  const { model } = await readModel(join(shared, 'models/mobilenetv3/mobilenetv3_dynamo.onnx'), silentTask);
  const conv = model!.graph.nodes.findIndex(({ opType }) => opType === 'Conv');
  const { frames } = nodeDetails(model!, undefined, conv);
  assert.ok(frames!.length >= 3);
  assert.ok(frames!.every(({ line }) => line > 0));
  const own = model!.graph.nodes.map((_, row) => nodeDetails(model!, undefined, row).frames ?? []);
  assert.ok(own.some((list) => list.some(({ library, file }) => !library && file.endsWith('nets.py'))));
});
