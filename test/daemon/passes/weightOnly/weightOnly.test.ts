// Blocks by hand: their bytes against what ONNX Runtime's MatMulNBits, GatherBlockQuantized and DequantizeLinear make
// of them, and the error of each algorithm on correlated data.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentTask } from '../../../../daemon/base/task';
import { floatTensor, model, graph, node, valueInfo } from '../../../../daemon/ir/builder';
import { DataType } from '../../../../daemon/ir/dataType';
import type { Model } from '../../../../daemon/ir/model';
import { readTensorBytes } from '../../../../daemon/onnx/tensorData';
import { floatToHalf, halfToFloat } from '../../../../daemon/onnx/float16';
import { rawTensor } from '../../../../daemon/ir/builder';
import { runPass } from '../../../../daemon/passes/pass';
import {
  plainFitter,
  codeOf,
  largestCode,
  type BlockFormat,
} from '../../../../daemon/passes/weightOnly/blocks';
import { PackedSink } from '../../../../daemon/passes/weightOnly/layouts';
import { quantizeWeightOnly, type WeightOnlyOptions } from '../../../../daemon/passes/weightOnly/weightOnly';
import type { InputGram } from '../../../../daemon/passes/weightOnly/quantizeMatrix';
import { frozen, numbers, oneToOne, run, weight } from '../modelHarness';

const defaults: WeightOnlyOptions = {
  bits: 4,
  block: 16,
  symmetric: true,
  algorithm: 'plain',
  form: 'nbits',
  accuracyLevel: 1,
  embeddings: true,
};
const quantized = (made: Model, options: Partial<WeightOnlyOptions>) =>
  runPass(
    frozen(made),
    quantizeWeightOnly((tensor, range) => readTensorBytes(tensor, range), { ...defaults, ...options }),
    silentTask,
  );

test('packed bytes: low bits first, rows of channels, zero points padded by row', () => {
  const sink = new PackedSink(40, 2, { bits: 4, block: 16, symmetric: false });
  const codes = Uint8Array.from({ length: 16 }, (_, i) => i);
  for (const n of [0, 1]) for (const b of [0, 1, 2]) sink.put(n, b, codes, b === 2 ? 8 : 16, { scale: n + b / 4, zero: n + b + 1 }); // prettier-ignore
  const whole = [0x10, 0x32, 0x54, 0x76, 0x98, 0xba, 0xdc, 0xfe];
  const last = (zero: number) => [0x10, 0x32, 0x54, 0x76, ...Array<number>(4).fill(zero * 17)];
  assert.deepEqual([...sink.codes], [...whole, ...whole, ...last(3), ...whole, ...whole, ...last(4)]);
  assert.deepEqual([...sink.zeros!], [0x21, 0x03, 0x32, 0x04]);
  assert.deepEqual([...sink.scales], [0, 0.25, 0.5, 1, 1.25, 1.5]);
});

/** What the plain algorithm makes of a K × N weight. */
function expectedWeight(w: Float32Array, k: number, n: number, format: BlockFormat): Float32Array {
  const fitter = plainFitter(format);
  const fit = { scale: 1, zero: 0 };
  const out = new Float32Array(k * n);
  for (let c = 0; c < n; c += 1) {
    for (let first = 0; first < k; first += format.block) {
      const rows = Array.from({ length: Math.min(format.block, k - first) }, (_, i) => first + i);
      const values = Float32Array.from(rows, (row) => w[row * n + c]!);
      fitter(values, undefined, values.length, fit);
      for (const row of rows)
        out[row * n + c] = fit.scale * (codeOf(w[row * n + c]!, fit, largestCode(format.bits)) - fit.zero);
    }
  }
  return out;
}

const identityRows = (k: number) =>
  Float32Array.from({ length: k * k }, (_, i) => (i % (k + 1) === 0 ? 1 : 0));

/** The weight as ONNX Runtime sees it: rows of the identity go in. */
async function weightInside(made: Model, k: number): Promise<Float32Array> {
  const { y } = await run(made, { x: { type: 'float32', dims: [k, k], data: identityRows(k) } });
  return y!.data as Float32Array;
}

for (const form of ['nbits', 'blocked'] as const) {
  for (const bits of [2, 4, 8] as const) {
    for (const symmetric of [true, false]) {
      if (form === 'blocked' && bits === 2) continue;
      test(`${form}, ${bits} bits, ${symmetric ? 'symmetric' : 'asymmetric'}: the very weights in ONNX Runtime`, async () => {
        for (const [k, n] of [
          [48, 5],
          [64, 3],
          [37, 6],
        ] as const) {
          // prettier-ignore
          for (const transposed of [false, true]) {
            const w = numbers(k * n, k + n);
            const stored = transposed
              ? Float32Array.from({ length: k * n }, (_, i) => w[(i % k) * n + Math.floor(i / k)]!)
              : w;
            const made = oneToOne(
              [
                transposed
                  ? node('Gemm', ['x', 'w'], ['y'], { name: 'g', attributes: { transB: 1n } })
                  : node('MatMul', ['x', 'w'], ['y'], { name: 'm' }),
              ],
              [floatTensor('w', transposed ? [n, k] : [k, n], stored)],
              ['m', k],
              form === 'blocked' ? { opset: 21, irVersion: 10 } : {},
            );
            const result = await quantized(made, { bits, symmetric, form });
            const inside = await weightInside(result.model, k);
            const expected = expectedWeight(w, k, n, { bits, block: 16, symmetric });
            for (let i = 0; i < expected.length; i += 1) {
              const [a, b] = [inside[i]!, expected[i]!];
              // 8-bit MatMulNBits multiplies integers whatever the level.
              const allowed = bits === 8 ? 0.01 : 2e-6;
              assert.ok(Math.abs(a - b) <= allowed, `${k}×${n} ${transposed} at ${i}: ${a}, not ${b}`);
            }
          }
        }
      });
    }
  }
}

test('a lookup gives the very rows of the table', async () => {
  for (const bits of [4, 8] as const) {
    for (const symmetric of [true, false]) {
      const table = numbers(200 * 32, 4);
      const made = model(
        graph({
          nodes: [node('Gather', ['table', 'ids'], ['y'], { name: 'embed' })],
          inputs: [valueInfo('ids', DataType.INT64, ['n'])],
          outputs: [valueInfo('y', DataType.FLOAT)],
          initializers: [floatTensor('table', [200, 32], table)],
        }),
      );
      const { model: result } = await quantized(made, { bits, symmetric, embeddingBits: bits });
      assert.equal(result.graph.nodes[0]!.opType, 'GatherBlockQuantized');
      const ids = BigInt64Array.of(0n, 7n, 199n);
      const { y } = await run(result, { ids: { type: 'int64', dims: [3], data: ids } });
      // Rows of the table are columns of the weight.
      const turned = Float32Array.from(
        { length: 6400 },
        (_, i) => table[(i % 200) * 32 + Math.floor(i / 200)]!,
      );
      const expected = expectedWeight(turned, 32, 200, { bits, block: 16, symmetric });
      ids.forEach((id, row) => {
        for (let i = 0; i < 32; i += 1) {
          const difference = Math.abs(Number(y!.data[row * 32 + i]) - expected[i * 200 + Number(id)]!);
          assert.ok(difference < 1e-6, `${bits} ${symmetric} ${id} ${i}`);
        }
      });
    }
  }
});

/** Rows of correlated numbers, and their Gram matrix. */
function correlated(rows: number, k: number) {
  const mixing = numbers(k * k, 31);
  const x = new Float32Array(rows * k);
  for (let r = 0; r < rows; r += 1) {
    const source = numbers(16, r + 1000);
    const own = numbers(k, r + 9000, 0.3);
    for (let i = 0; i < k; i += 1) {
      let value = own[i]!;
      for (let j = 0; j < 16; j += 1) value += mixing[i * k + j]! * source[j]!;
      x[r * k + i] = value * (1 + (i % 7));
    }
  }
  const gram = new Float64Array(k * k);
  for (let r = 0; r < rows; r += 1)
    for (let i = 0; i < k; i += 1)
      for (let j = 0; j < k; j += 1) gram[i * k + j]! += x[r * k + i]! * x[r * k + j]!;
  return { x, gram };
}

test('GPTQ with blocks of 32 is at least 15 % below round to nearest on correlated data', async () => {
  const [k, n, rows] = [160, 48, 800];
  const { gram } = correlated(rows, k);
  const fresh = correlated(rows + 100, k).x.subarray(rows * k);
  const made = oneToOne(
    [node('MatMul', ['x', 'w'], ['y'], { name: 'm' })],
    [weight('w', [k, n], 77)],
    ['m', k],
  );
  const grams = new Map<string, InputGram>([['m', { k, gram }]]);
  const feeds = { x: { type: 'float32', dims: [100, k], data: fresh } } as const;
  const exact = (await run(made, feeds))['y']!.data as Float32Array;
  const norm = Math.hypot(...exact);
  for (const symmetric of [true, false]) {
    const errors = new Map<string, number>();
    const variants: Record<string, Partial<WeightOnlyOptions>> = {
      plain: {},
      rtn: { algorithm: 'rtn' },
      awq: { algorithm: 'awq' },
      gptq: { algorithm: 'gptq' },
      'gptq, act-order': { algorithm: 'gptq', actOrder: true },
    };
    for (const [name, variant] of Object.entries(variants)) {
      const result = await quantized(made, { block: 32, symmetric, grams, ...variant });
      const got = (await run(result.model, feeds))['y']!.data as Float32Array;
      const error = Math.hypot(...got.map((value, i) => value - exact[i]!)) / norm;
      errors.set(name, error);
      const told = result.layers[0]!.error;
      assert.equal(told.of, 'output');
      // Told of other rows than these, so nearly the same.
      assert.ok(Math.abs(told.relative / error - 1) < 0.25, `${name}: ${told.relative} told, ${error} seen`);
    }
    const plain = errors.get('plain')!;
    console.log([...errors].map(([name, error]) => `${name} ${error.toFixed(4)} (${((error / plain - 1) * 100).toFixed(0)} %)`).join(', ')); // prettier-ignore
    assert.ok(errors.get('rtn')! < plain);
    assert.ok(errors.get('awq')! < plain);
    assert.ok(errors.get('gptq')! < 0.85 * plain);
    assert.ok(errors.get('gptq, act-order')! < 0.85 * plain);
  }
});

test('blocks of zeros, dead inputs, a constant block and half floats', async () => {
  const w = numbers(64 * 4, 5);
  w.fill(0, 0, 16 * 4);
  w.fill(0.25, 16 * 4, 32 * 4);
  const made = oneToOne(
    [node('MatMul', ['x', 'w'], ['y'], { name: 'm' })],
    [floatTensor('w', [64, 4], w)],
    ['m', 64],
  );
  for (const algorithm of ['plain', 'rtn', 'hqq', 'k-quant', 'gptq'] as const) {
    const symmetric = algorithm !== 'hqq' && algorithm !== 'k-quant';
    const gram = new Float64Array(64 * 64);
    for (let i = 20; i < 64; i += 1) gram[i * 65] = 2;
    const grams = new Map<string, InputGram>([['m', { k: 64, gram }]]);
    const { model: result } = await quantized(made, { algorithm, symmetric, ...(algorithm === 'gptq' ? { grams } : {}) }); // prettier-ignore
    const inside = await weightInside(result, 64);
    for (let i = 0; i < 64; i += 1)
      assert.ok(Math.abs(inside[i]!) < 1e-6, `${algorithm} ${i}: ${inside[i]!}`);
    for (let i = 80; i < 128; i += 1) assert.ok(Math.abs(inside[i]! - 0.25) < 0.01, `${algorithm} ${i}: ${inside[i]!}`); // prettier-ignore
  }
  const halves = Uint16Array.from(w, floatToHalf);
  const half = oneToOne(
    [
      node('Cast', ['x'], ['h'], { name: 'narrow', attributes: { to: 10n } }),
      node('MatMul', ['h', 'w'], ['z'], { name: 'm' }),
      node('Cast', ['z'], ['y'], { name: 'widen', attributes: { to: 1n } }),
    ],
    [rawTensor('w', DataType.FLOAT16, [64, 4], new Uint8Array(halves.buffer))],
    ['m', 64],
  );
  const { model: result } = await quantized(half, { bits: 4, algorithm: 'rtn' });
  const inside = await weightInside(result, 64);
  for (let i = 0; i < 256; i += 1) assert.ok(Math.abs(inside[i]! - halfToFloat(halves[i]!)) < 0.09, `${i}`);
});

test('a weight with two users is quantized once, and other nodes are untouched', async () => {
  const made = oneToOne(
    [
      node('MatMul', ['x', 'w'], ['a'], { name: 'one' }),
      node('Tanh', ['a'], ['t'], { name: 'tanh' }),
      node('MatMul', ['t', 'w'], ['y'], { name: 'two' }),
    ],
    [weight('w', [32, 32], 5)],
    ['m', 32],
  );
  const { model: result, layers, quantizedNodes } = await quantized(made, {});
  assert.deepEqual(quantizedNodes, ['one', 'two']);
  assert.equal(layers.length, 1);
  assert.deepEqual(result.graph.nodes.map(({ name, opType }) => `${name} ${opType}`), ['one MatMulNBits', 'tanh Tanh', 'two MatMulNBits']); // prettier-ignore
  assert.deepEqual(result.graph.initializers.map(({ name }) => name), ['w_q4', 'w_scales']); // prettier-ignore
  assert.deepEqual(result.graph.nodes[1], made.graph.nodes[1]);
});
