// slipway check as a process: exit codes, the JSON that CI reads, severities, SARIF, explanations.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { floatTensor, graph, model, node, valueInfo } from '../../../daemon/ir/builder';
import { DataType } from '../../../daemon/ir/dataType';
import { silentTask } from '../../../daemon/base/task';
import { writeModel } from '../../../daemon/onnx/writeModel';
import { temporaryFolder } from '../../support/paths';
import { runCli } from '../../support/runCli';

const folder = temporaryFolder();
const file = (name: string) => join(folder, name);

interface Checked {
  files: { file: string; errors: number; warnings: number; infos: number }[];
  diagnostics: { file: string; id: string; severity: string; message: string; where?: unknown }[];
}

async function write(name: string, nodes: ReturnType<typeof node>[]): Promise<string> {
  const built = model(
    graph({
      nodes,
      inputs: [valueInfo('x', DataType.FLOAT, [4])],
      outputs: [valueInfo('y', DataType.FLOAT, [4])],
      initializers: [
        floatTensor('a', [512], new Float32Array(512).fill(NaN)),
        floatTensor('b', [512], new Float32Array(512).fill(NaN)),
      ],
    }),
  );
  await writeModel(built, file(name), {}, silentTask);
  return file(name);
}

test('findings of several files as JSON, and the exit code of a gate', async () => {
  const sound = await write('sound.onnx', [node('Relu', ['x'], ['y'], { name: 'r' })]);
  const wrong = await write('wrong.onnx', [node('Relu', ['gone'], ['y'], { name: 'r' })]);
  const both = await runCli('check', sound, wrong, '--json');
  assert.equal(both.code, 1);
  const { files, diagnostics } = JSON.parse(both.stdout) as Checked;
  assert.deepEqual(
    files.map(({ errors, warnings }) => [errors, warnings]),
    [
      [0, 1],
      [1, 1],
    ],
  );
  const ids = diagnostics.filter((each) => each.file === sound).map(({ id }) => id);
  assert.deepEqual(ids, ['safety/non-finite', 'size/duplicate-initializer', 'size/unused-initializer']);
  const error = diagnostics.find(({ severity }) => severity === 'error');
  assert.deepEqual([error?.id, error?.where], ['graph/no-producer', { node: 'r', index: 0, value: 'gone' }]);

  assert.equal((await runCli('check', sound)).code, 0);
  assert.equal((await runCli('check', sound, '--fail-on', 'warning')).code, 1);
  assert.equal((await runCli('check', sound, '--fail-on', 'warning', '--rule', 'safety=off')).code, 0);
  assert.equal((await runCli('check', sound, '--fail-on', 'warning', '--no-weights')).code, 0);
  assert.equal((await runCli('check', wrong, '--fail-on', 'never')).code, 0);
});

test('a file that is no model, SARIF, an explanation, and wrong usage', async () => {
  writeFileSync(file('text.onnx'), 'not a model');
  const broken = await runCli('check', file('text.onnx'), '--json');
  assert.equal(broken.code, 1);
  assert.equal((JSON.parse(broken.stdout) as Checked).diagnostics[0]?.id, 'onnx/not-onnx');

  const sarif = await runCli('check', file('text.onnx'), '--format', 'sarif');
  const { runs } = JSON.parse(sarif.stdout) as { runs: { results: { ruleId: string; level: string }[] }[] };
  assert.deepEqual(
    runs[0]?.results.map(({ ruleId, level }) => [ruleId, level]),
    [['onnx/not-onnx', 'error']],
  );

  const explained = await runCli('check', '--explain', 'quantization/scale');
  assert.match(explained.stdout, /^quantization\/scale: A scale that is zero/);
  const unknown = await runCli('check', file('text.onnx'), '--rule', 'quantisation=off');
  assert.equal(unknown.code, 2);
  assert.match(unknown.stderr, /There is no rule or family "quantisation". Did you mean quantization\?/);
  assert.equal((await runCli('check')).code, 2);
});
