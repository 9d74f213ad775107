// HardSigmoid and HardSwish in integers: the arithmetic over all bytes, and what ONNX Runtime makes of it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkModel } from '../../../../daemon/analysis/checks';
import { inferShapes } from '../../../../daemon/analysis/shapes';
import { silentTask } from '../../../../daemon/base/task';
import { node } from '../../../../daemon/ir/builder';
import type { Model } from '../../../../daemon/ir/model';
import { runPass, runPasses } from '../../../../daemon/passes/pass';
import { integerGate } from '../../../../daemon/passes/quantize/gates';
import type { Range } from '../../../../daemon/passes/quantize/params';
import { preparePasses } from '../../../../daemon/passes/quantize/prepare';
import { quantizeStatic } from '../../../../daemon/passes/quantize/static';
import {
  difference,
  feedsFor,
  frozen,
  graphText,
  oneToOne,
  optimisedOps,
  read,
  run,
  weight,
  type Dims,
} from '../modelHarness';

const image: Dims = ['n', 4, 8, 8];
const hard = { alpha: Math.fround(1 / 6), beta: 0.5 };
const gate = { alpha: hard.alpha, below: 0.5 / hard.alpha, above: 0.5 / hard.alpha };
const hardSigmoid = (x: number) => Math.min(1, Math.max(0, hard.alpha * x + 0.5));

test('over all bytes a gate gives the HardSigmoid of what they stand for', () => {
  for (const [range, use] of [
    [{ min: -9, max: 11 }, 'product'],
    [{ min: -9, max: 11 }, 'alone'],
    [{ min: -9, max: 11 }, 'other'],
    [{ min: -1, max: 2 }, 'other'],
    [{ min: -0.5, max: 0 }, 'product'],
  ] as const) {
    const made = integerGate(gate, range, use);
    assert.ok(made);
    const { input, output, low, high } = made;
    for (let byte = 0; byte < 256; byte += 1) {
      const x = input.scale * (byte - input.zeroPoint);
      const value = output.scale * (Math.min(high, Math.max(low, byte)) - output.zeroPoint);
      assert.ok(Math.abs(value - hardSigmoid(x)) < 1e-5, `${use} byte ${byte}: ${value} of ${x}`);
    }
    // Everything that matters of the range is covered.
    const largest = input.scale * (255 - input.zeroPoint);
    assert.ok(largest >= (use === 'alone' ? 3 : range.max) - input.scale);
  }
  assert.equal(integerGate(gate, { min: -3, max: 500 }, 'product'), undefined);
});

const w = weight('w', [4, 4, 1, 1], 1, 2);
const v = weight('v', [4, 4, 1, 1], 2, 1);
const b = weight('b', [4], 3);
const ranges = new Map<string, Range>([
  ['x', { min: -2, max: 2 }],
  ['a', { min: -8, max: 8 }],
  ['s', { min: -0.4, max: 8 }],
  ['y', { min: -8, max: 8 }],
]);
const quantized = async (made: Model) => {
  const prepared = (await runPasses(frozen(made), preparePasses(read), silentTask)).model;
  return (await runPass(prepared, quantizeStatic(read, { ranges }), silentTask)).model;
};
const conv = (x: string, weights: string, y: string) =>
  node('Conv', [x, weights, 'b'], [y], { name: `${y}_conv` });

test('HardSwish runs as one product and one clip of bytes, whether kept or written out', async () => {
  const swish = oneToOne(
    [conv('x', 'w', 'a'), node('HardSwish', ['a'], ['s'], { name: 'swish' }), conv('s', 'v', 'y')],
    [w, v, b],
    image,
  );
  const written = oneToOne(
    [
      conv('x', 'w', 'a'),
      node('HardSigmoid', ['a'], ['g'], { name: 'gate', attributes: hard }),
      node('Mul', ['g', 'a'], ['s'], { name: 'swish' }),
      conv('s', 'v', 'y'),
    ],
    [w, v, b],
    image,
    { opset: 13 },
  );
  for (const made of [swish, written]) {
    const integer = await quantized(made);
    assert.equal(
      await optimisedOps(integer),
      'Clip, DequantizeLinear, 2 QLinearConv, QLinearMul, QuantizeLinear',
    );
    const feeds = feedsFor(image);
    assert.ok(difference(await run(made, feeds), await run(integer, feeds)) < 0.03);
    // Two scales around the same bytes are meant, and our own checks know.
    const found = checkModel(integer, { shapes: inferShapes(integer) });
    assert.deepEqual(
      found.filter(({ id }) => id.startsWith('quantization/')),
      [],
    );
  }
});

test('a gate that is read alone loses nothing but the steps, and no unread value stays', async () => {
  const made = oneToOne(
    [
      node('ReduceMean', ['x'], ['p'], { name: 'pool', attributes: { axes: [2n, 3n], keepdims: 1n } }),
      conv('p', 'w', 'a'),
      node('HardSigmoid', ['a'], ['g'], { name: 'gate', attributes: hard }),
      node('Mul', ['x', 'g'], ['m'], { name: 'scale' }),
      conv('m', 'v', 'y'),
    ],
    [w, v, b],
    image,
    { opset: 17 },
  );
  const wide: Range = { min: -2, max: 2 };
  const own = new Map([...ranges, ['p', wide] as const, ['m', wide] as const]);
  const prepared = (await runPasses(made, preparePasses(read), silentTask)).model;
  assert.match(graphText(prepared), /p = GlobalAveragePool\(x\)/u);
  const integer = (await runPass(prepared, quantizeStatic(read, { ranges: own }), silentTask)).model;
  assert.equal(
    await optimisedOps(integer),
    'DequantizeLinear, GlobalAveragePool, 2 QLinearConv, QLinearMul, 2 QuantizeLinear',
  );
  const feeds = feedsFor(image, 2);
  assert.ok(difference(await run(made, feeds), await run(integer, feeds)) < 0.03);
});

test('means that are no global pools stay', async () => {
  const shapes = [{ axes: [1n, 2n], keepdims: 1n }, { axes: [2n, 3n], keepdims: 0n }, { axes: [3n] }];
  for (const attributes of shapes) {
    const made = oneToOne([node('ReduceMean', ['x'], ['y'], { attributes })], [], image);
    assert.match(graphText((await runPasses(made, preparePasses(read), silentTask)).model), /ReduceMean/u);
  }
});
