// Commands whose models run in their own process, ended by real signals while ONNX Runtime is at work.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { floatTensor, node, valueInfo } from '../../../daemon/ir/builder';
import { DataType } from '../../../daemon/ir/dataType';
import type { Model } from '../../../daemon/ir/model';
import { childrenOf } from '../../support/childProcesses';
import { f4, writeNpz } from '../../support/npzWriter';
import { temporaryFolder } from '../../support/paths';
import { cliScript, collect } from '../../support/runCli';
import { endlessModel, writeSmall } from '../../support/smallModels';
import { waitUntil } from '../../support/waiting';

const folder = temporaryFolder('slipway-native-runs-');
const state = join(folder, 'state');
const temporary = join(folder, 'tmp');
const results = join(folder, 'results');
for (const each of [temporary, results]) mkdirSync(each);
const data = writeNpz(join(folder, 'data.npz'), { x: f4([8], [1, 2, 3, 4, 5, 6, 7, 8]) });

/** A layer that can be quantized behind a loop that never ends. */
function endlessLayer(): Model {
  const made = endlessModel();
  const { graph } = made;
  const weights = Float32Array.from({ length: 16 }, (_, i) => Math.sin(i));
  return {
    ...made,
    graph: {
      ...graph,
      nodes: [...graph.nodes, node('MatMul', ['y', 'w'], ['z'], { name: 'layer' })],
      initializers: [...graph.initializers, floatTensor('w', [4, 4], weights)],
      outputs: [valueInfo('z', DataType.FLOAT, [4])],
    },
  };
}

const quantizing = (model: string) => {
  const words = ['quantize', model, '-o', join(results, 'out.onnx'), '--calibration', data, '--no-tune'];
  return spawn(process.execPath, [cliScript(), ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, SLIPWAY_STATE: state, TMPDIR: temporary, TEMP: temporary },
  });
};

const notes = () => {
  const at = join(state, 'running');
  return existsSync(at) ? readdirSync(at) : [];
};
const folders = () => readdirSync(temporary).filter((name) => name.startsWith('slipway-'));

/** Started, and within ONNX Runtime for the first time. */
async function atWork(model: string) {
  const child = quantizing(model);
  await waitUntil('ONNX Runtime is at work', () => notes().includes(`${child.pid}.json`));
  return child;
}

test('Ctrl-C ends a run that never ends; the next command removes what is left', async () => {
  const model = await writeSmall(folder, 'endless.onnx', endlessLayer());
  const child = await atWork(model);
  assert.equal(folders().length, 1);
  child.kill('SIGINT');
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  // At once where ONNX Runtime was running; in order where the signal came just before.
  assert.ok(signal === 'SIGINT' || code === 1, `${code} ${signal}`);
  assert.deepEqual(readdirSync(results), []);
  const stranger = join(temporary, 'slipway-of-somebody-else');
  mkdirSync(stranger);
  // What a process that is gone was writing.
  const gone = spawn(process.execPath, ['-e', '']);
  await once(gone, 'exit');
  mkdirSync(join(temporary, `slipway-fusion-${gone.pid}-abcdef`));
  const note = { words: ['quantize'], folder: '/', output: join(results, 'out.onnx') };
  writeFileSync(join(state, 'running', `${gone.pid}.json`), JSON.stringify(note));
  writeFileSync(join(state, 'running', `${gone.pid}0000.json`), '{"half');

  const other = await collect(quantizing(join(folder, 'missing.onnx')));
  assert.equal(other.code, 1);
  assert.doesNotMatch(other.stderr, /ended within/);
  assert.deepEqual(folders(), ['slipway-of-somebody-else']);
  assert.deepEqual(notes(), []);
  assert.deepEqual(readdirSync(results), []);
});

test('after a crash the same command runs its models elsewhere, where a crash is told', async () => {
  const model = await writeSmall(folder, 'endless.onnx', endlessLayer());
  const child = await atWork(model);
  child.kill('SIGSEGV');
  assert.deepEqual(await once(child, 'exit'), [null, 'SIGSEGV']);
  assert.deepEqual(notes(), [`${child.pid}.json`]);

  const again = quantizing(model);
  const ended = collect(again);
  const runners = () =>
    childrenOf(again.pid!).filter((id) => readFileSync(`/proc/${id}/cmdline`, 'utf8').includes('runner.js'));
  await waitUntil('a runner is there', () => runners().length === 1);
  process.kill(runners()[0]!, 'SIGSEGV');
  const { code, stderr } = await ended;
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^This command ended within ONNX Runtime before: .* models run in a process of their own/,
  );
  assert.match(stderr, /was ended by signal SIGSEGV/);
  assert.deepEqual([notes(), readdirSync(results)], [[], []]);
});
