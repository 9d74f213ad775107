import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { silentTask } from '../../../../daemon/base/task';
import { setScriptFolder } from '../../../../daemon/host/scripts';
import { floatTensor, graph, model, node, valueInfo } from '../../../../daemon/ir/builder';
import { DataType } from '../../../../daemon/ir/dataType';
import { collectRanges } from '../../../../daemon/runtime/calibrate/calibrate';
import type { Feeds } from '../../../../daemon/runtime/runner/session';
import { distFolder } from '../../../support/paths';

setScriptFolder(distFolder);
// Others use the common folder at the same time.
const own = mkdtempSync(join(tmpdir(), 'slipway-test-calibrate-'));
process.env['TMPDIR'] = own;
after(() => rmSync(own, { recursive: true, force: true }));

/** y = relu(x + [1, -2]), z = log(y): a chain whose values are easy to follow. */
const chain = (opset: number) =>
  model(
    graph({
      nodes: [
        node('Add', ['x', 'shift'], ['sum'], { name: 'add' }),
        node('Relu', ['sum'], ['y'], { name: 'relu' }),
        node('Log', ['y'], ['z'], { name: 'log' }),
      ],
      inputs: [valueInfo('x', DataType.FLOAT, ['batch', 2])],
      outputs: [valueInfo('y', DataType.FLOAT, ['batch', 2]), valueInfo('z', DataType.FLOAT, ['batch', 2])],
      initializers: [floatTensor('shift', [2], [1, -2])],
    }),
    { opset },
  );

async function* batches(...rows: number[][]): AsyncGenerator<Feeds> {
  for (const row of rows) {
    await Promise.resolve();
    yield { x: { type: 'float32', dims: [row.length / 2, 2], data: Float32Array.from(row) } };
  }
}

const leftovers = () => readdirSync(tmpdir()).filter((name) => name.startsWith('slipway-calibrate-'));

test('ranges are those computed by hand, over all batches, in every form of the reductions', async () => {
  for (const opset of [9, 13, 17, 18, 21]) {
    const data = batches([1, 2, 3, 4], [-5, 6]);
    const {
      ranges,
      diagnostics,
      batches: count,
    } = await collectRanges(chain(opset), ['x', 'sum', 'y', 'x'], data, {}, silentTask);
    assert.deepEqual(
      [...ranges],
      [
        ['x', { min: -5, max: 6 }],
        ['sum', { min: -4, max: 4 }],
        ['y', { min: 0, max: 4 }],
      ],
      `opset ${opset}`,
    );
    assert.deepEqual([diagnostics, count], [[], 2]);
  }
  assert.deepEqual(leftovers(), []);
});

test('values that are infinite or not numbers are named and left out', async () => {
  const { ranges, diagnostics } = await collectRanges(
    chain(17),
    ['x', 'y', 'z'],
    batches([3, 4], [3, 2], [3, Number.NaN], [3, 5]),
    {},
    silentTask,
  );
  assert.deepEqual([...ranges.keys()], []);
  assert.deepEqual(
    diagnostics.map(({ id, where }) => [id, where?.value]),
    [
      ['calibrate/not-finite', 'x'],
      ['calibrate/not-finite', 'y'],
      ['calibrate/not-finite', 'z'],
    ],
  );
  const log = await collectRanges(chain(17), ['y', 'z'], batches([3, 4], [3, 2]), {}, silentTask);
  assert.deepEqual([...log.ranges], [['y', { min: 0, max: 4 }]]);
  assert.match(log.diagnostics[0]!.message, /Value "z" became infinite or not a number/);
});

test('half floats are measured too', async () => {
  const half = model(
    graph({
      nodes: [node('Mul', ['x', 'x'], ['y'])],
      inputs: [valueInfo('x', DataType.FLOAT16, ['n'])],
      outputs: [valueInfo('y', DataType.FLOAT16, ['n'])],
    }),
  );
  async function* data(): AsyncGenerator<Feeds> {
    await Promise.resolve();
    yield { x: { type: 'float16', dims: [2], data: Uint16Array.of(0xc000, 0x3c00) } }; // -2, 1
  }
  const { ranges } = await collectRanges(half, ['x', 'y'], data(), {}, silentTask);
  assert.deepEqual(
    [...ranges.values()],
    [
      { min: -2, max: 1 },
      { min: 1, max: 4 },
    ],
  );
});

test('no data, wrong data and cancelling end with a sentence and no temporary files', async () => {
  await assert.rejects(
    collectRanges(chain(17), ['x'], batches(), {}, silentTask),
    /calibration set is empty/,
  );
  async function* wrong(): AsyncGenerator<Feeds> {
    await Promise.resolve();
    yield { pixels: { type: 'float32', dims: [1, 2], data: new Float32Array(2) } };
  }
  await assert.rejects(collectRanges(chain(17), ['x'], wrong(), {}, silentTask), {
    kind: 'badRequest',
    message: 'model.onnx needs input "x" (float32 batch×2), which was not given. Given: "pixels".',
  });
  const stop = new AbortController();
  async function* endless(): AsyncGenerator<Feeds> {
    for (;;) yield* batches([1, 2]);
  }
  const running = collectRanges(
    chain(17),
    ['x'],
    endless(),
    {},
    { signal: stop.signal, report: () => undefined },
  );
  setTimeout(() => stop.abort(), 500);
  await assert.rejects(running, { kind: 'cancelled' });
  assert.deepEqual(leftovers(), []);
});

test('progress tells the batches', async () => {
  const reports: unknown[] = [];
  const task = {
    signal: new AbortController().signal,
    report: (progress: unknown) => reports.push(progress),
  };
  await collectRanges(chain(17), ['x'], batches([1, 2], [3, 4]), { total: 2 }, task);
  assert.deepEqual(reports, [
    { stage: 'Calibrating', done: 1, total: 2 },
    { stage: 'Calibrating', done: 2, total: 2 },
  ]);
});
