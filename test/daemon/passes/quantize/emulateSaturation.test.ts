// AVX2's saturating pairs, against sums written out by hand and against a loop over every pair.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentTask } from '../../../../daemon/base/task';
import { floatTensor, node } from '../../../../daemon/ir/builder';
import type { Model } from '../../../../daemon/ir/model';
import { runPass } from '../../../../daemon/passes/pass';
import { emulateSaturation } from '../../../../daemon/passes/quantize/emulateSaturation';
import { defaultScheme } from '../../../../daemon/passes/quantize/scheme';
import { quantizeStatic } from '../../../../daemon/passes/quantize/static';
import { numbers, oneToOne, read, run, type Dims } from '../modelHarness';

const quantized = async (made: Model, reducedRange = false) => {
  const ranges = new Map([
    ['x', { min: 0, max: 255 }],
    ['y', { min: -2e5, max: 2e5 }],
  ]);
  const scheme = { ...defaultScheme, reducedRange };
  return (await runPass(made, quantizeStatic(read, { ranges, scheme }), silentTask)).model;
};
const float = (dims: readonly number[], data: ArrayLike<number>) =>
  ({ x: { type: 'float32', dims, data: Float32Array.from(data) } }) as const;

test('a pair of products above 32,767 ends there', async () => {
  // Inputs of scale 1, weights of scale 1 (127 is the largest): 255·127 + 255·127 = 64,770 becomes 32,767,
  // −64,770 becomes −32,768, and 100·127 + 100·127 = 25,400 fits.
  const w = floatTensor('w', [4, 2], [127, -127, 127, -127, 127, 1, 0, 1]);
  const dims: Dims = ['n', 4];
  const made = oneToOne([node('MatMul', ['x', 'w'], ['y'], { name: 'mul' })], [w], dims);
  const {
    model: emulated,
    dangerous,
    pairs,
  } = await emulateSaturation(await quantized(made), read, silentTask);
  assert.deepEqual([dangerous, pairs], [2, 4]);
  const rows = [255, 255, 10, 0, 100, 100, 10, 0];
  const exact = await run(made, float([2, 4], rows));
  assert.deepEqual(
    [...(exact['y']!.data as Float32Array)],
    [64770 + 1270, -64770 + 10, 25400 + 1270, -25400 + 10],
  );
  const result = await run(emulated, float([2, 4], rows), { graphOptimization: 'disabled' });
  assert.deepEqual(
    [...(result['y']!.data as Float32Array)],
    [32767 + 1270, -32768 + 10, 25400 + 1270, -25400 + 10],
  );
});

test('a convolution pairs neighbouring channels, padding included, as a loop over every pair does', async () => {
  const [inC, outC, side] = [4, 3, 5];
  // One channel's largest weight is 127, so that all scales are 1 and the integers are the weights.
  const values = numbers(outC * inC * 9, 5, 127).map(Math.round);
  for (let o = 0; o < outC; o += 1) values[o * inC * 9] = 127;
  const made = oneToOne(
    [node('Conv', ['x', 'w'], ['y'], { name: 'conv', attributes: { pads: [1n, 1n, 1n, 1n] } })],
    [floatTensor('w', [outC, inC, 3, 3], values)],
    ['n', inC, side, side],
  );
  const integer = await quantized(made);
  // Without the output's rounding, sums can be compared exactly.
  integer.graph.nodes = integer.graph.nodes.filter(({ name }) => !name.startsWith('y_'));
  integer.graph.nodes.find(({ opType }) => opType === 'Conv')!.outputs = ['y'];
  const { model: emulated, dangerous } = await emulateSaturation(integer, read, silentTask);
  assert.ok(dangerous > 0);
  const x = numbers(inC * side * side, 9, 127.5).map((value) => Math.round(value + 127.5));
  const result = await run(emulated, float([1, inC, side, side], x), { graphOptimization: 'disabled' });
  const at = (c: number, row: number, column: number) =>
    row < 0 || column < 0 || row >= side || column >= side ? 0 : x[(c * side + row) * side + column]!;
  const expected: number[] = [];
  for (let o = 0; o < outC; o += 1)
    for (let row = 0; row < side; row += 1)
      for (let column = 0; column < side; column += 1) {
        let sum = 0;
        for (let place = 0; place < 9; place += 1)
          for (let c = 0; c < inC; c += 2) {
            const product = (channel: number) =>
              at(channel, row + Math.floor(place / 3) - 1, column + (place % 3) - 1) *
              values[(o * inC + channel) * 9 + place]!;
            sum += Math.max(-32768, Math.min(32767, product(c) + product(c + 1)));
          }
        expected.push(sum);
      }
  assert.deepEqual([...(result['y']!.data as Float32Array)], expected);
});

test('7-bit weights cannot saturate', async () => {
  const w = floatTensor('w', [4, 2], [127, -127, 127, -127, 127, 1, 0, 1]);
  const made = oneToOne([node('MatMul', ['x', 'w'], ['y'], { name: 'mul' })], [w], ['n', 4]);
  const { dangerous, modified } = await emulateSaturation(await quantized(made, true), read, silentTask);
  assert.deepEqual([dangerous, modified], [0, false]);
});
