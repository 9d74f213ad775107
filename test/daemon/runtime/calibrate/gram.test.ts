// Gram matrices from ONNX Runtime against sums by hand: matrices, Conv with strides, pads, dilations and groups.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentTask } from '../../../../daemon/base/task';
import { setScriptFolder } from '../../../../daemon/host/scripts';
import { floatTensor, graph, model, node, valueInfo } from '../../../../daemon/ir/builder';
import { DataType } from '../../../../daemon/ir/dataType';
import type { Model } from '../../../../daemon/ir/model';
import { collectGrams, type GramOptions } from '../../../../daemon/runtime/calibrate/gram';
import type { Feeds } from '../../../../daemon/runtime/runner/session';
import { distFolder } from '../../../support/paths';
import { randomNumbers } from '../../../support/graphs';

setScriptFolder(distFolder);

const random = (count: number, seed: number) => {
  const next = randomNumbers(seed);
  return Float32Array.from({ length: count }, () => next() * 2 - 1);
};

interface ConvCase {
  readonly channels: number;
  readonly group: number;
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly pads: readonly [number, number, number, number];
  readonly dilations: readonly [number, number];
}

/** Rows of group `g` by the definition of Conv. */
function rowsOf(x: Float32Array, batch: number, size: readonly [number, number], g: number, conv: ConvCase) {
  const { channels, group, kernel, strides, pads, dilations } = conv;
  const [height, width] = size;
  const per = channels / group;
  const out = (axis: 0 | 1) =>
    Math.floor(
      (size[axis] + pads[axis] + pads[axis + 2]! - dilations[axis] * (kernel[axis] - 1) - 1) / strides[axis],
    ) + 1;
  const rows: number[][] = [];
  for (let n = 0; n < batch; n += 1) {
    for (let oy = 0; oy < out(0); oy += 1) {
      for (let ox = 0; ox < out(1); ox += 1) {
        const row: number[] = [];
        for (let c = g * per; c < (g + 1) * per; c += 1) {
          for (let ky = 0; ky < kernel[0]; ky += 1) {
            for (let kx = 0; kx < kernel[1]; kx += 1) {
              const y = oy * strides[0] - pads[0] + ky * dilations[0];
              const z = ox * strides[1] - pads[1] + kx * dilations[1];
              const inside = y >= 0 && y < height && z >= 0 && z < width;
              row.push(inside ? x[((n * channels + c) * height + y) * width + z]! : 0);
            }
          }
        }
        rows.push(row);
      }
    }
  }
  return rows;
}

function gramOf(rows: readonly (readonly number[])[], k: number): Float64Array {
  const gram = new Float64Array(k * k);
  for (const row of rows)
    for (let i = 0; i < k; i += 1) for (let j = 0; j < k; j += 1) gram[i * k + j]! += row[i]! * row[j]!;
  return gram;
}

function near(actual: Float64Array, expected: ArrayLike<number>, what: string) {
  assert.equal(actual.length, expected.length, what);
  for (let i = 0; i < actual.length; i += 1)
    assert.ok(Math.abs(actual[i]! - expected[i]!) < 1e-4, `${what} ${i}: ${actual[i]!} ${expected[i]!}`);
}

const batchesOf = (...feeds: readonly Feeds[]) =>
  async function* () {
    for (const each of feeds) yield await Promise.resolve(each);
  };

const convModel = ({ channels, group, kernel, strides, pads, dilations }: ConvCase): Model => {
  const attributes = {
    group: BigInt(group),
    strides: strides.map(BigInt),
    pads: pads.map(BigInt),
    dilations: dilations.map(BigInt),
  };
  const w = floatTensor(
    'w',
    [4, channels / group, ...kernel],
    new Float32Array((4 * channels * kernel[0] * kernel[1]) / group),
  );
  return model(
    graph({
      nodes: [node('Conv', ['x', 'w'], ['y'], { name: 'conv', attributes })],
      inputs: [valueInfo('x', DataType.FLOAT, ['n', channels, 'h', 'w0'])],
      outputs: [valueInfo('y', DataType.FLOAT)],
      initializers: [w],
    }),
  );
};

const cases: Record<string, ConvCase> = {
  pointwise: { channels: 3, group: 1, kernel: [1, 1], strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1] },
  'strides, uneven pads and dilations': { channels: 2, group: 1, kernel: [3, 2], strides: [2, 1], pads: [1, 0, 2, 1], dilations: [1, 2] },
  groups: { channels: 4, group: 2, kernel: [3, 3], strides: [1, 2], pads: [1, 1, 1, 1], dilations: [1, 1] },
  depthwise: { channels: 4, group: 4, kernel: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1], dilations: [2, 2] },
}; // prettier-ignore

for (const [name, conv] of Object.entries(cases)) {
  test(`Conv: ${name}`, async () => {
    const size = [7, 6] as const;
    const feed = (seed: number, batch: number) => random(batch * conv.channels * 42, seed);
    const [a, b] = [feed(1, 2), feed(2, 3)];
    const feeds = [
      { x: { type: 'float32', dims: [2, conv.channels, ...size], data: a } as const },
      { x: { type: 'float32', dims: [3, conv.channels, ...size], data: b } as const },
    ];
    const found = await collectGrams(convModel(conv), ['conv'], batchesOf(...feeds), {}, silentTask);
    const gram = found.get('conv')!;
    assert.equal(gram.groups, conv.group);
    for (let g = 0; g < conv.group; g += 1) {
      const rows = [...rowsOf(a, 2, size, g, conv), ...rowsOf(b, 3, size, g, conv)];
      assert.equal(gram.rows, rows.length);
      const part = gram.gram.subarray(g * gram.k ** 2, (g + 1) * gram.k ** 2);
      near(part, gramOf(rows, gram.k), `group ${g}`);
      const mean = Array.from(
        { length: gram.k },
        (_, i) => rows.reduce((sum, row) => sum + row[i]!, 0) / rows.length,
      );
      near(gram.mean.subarray(g * gram.k, (g + 1) * gram.k), mean, `mean ${g}`);
    }
  });
}

/** q and k read x, o reads q's output, g is a Gemm with both operands turned. */
const matrices = (opset = 17): Model =>
  model(
    graph({
      nodes: [
        node('MatMul', ['x', 'wq'], ['q'], { name: 'q' }),
        node('MatMul', ['x', 'wk'], ['k'], { name: 'k' }),
        node('MatMul', ['q', 'wo'], ['o'], { name: 'o' }),
        node('Gemm', ['z', 'wg'], ['g'], { name: 'g', attributes: { transA: 1n, transB: 1n } }),
      ],
      inputs: [valueInfo('x', DataType.FLOAT, ['n', 's', 5]), valueInfo('z', DataType.FLOAT, [3, 'rows'])],
      outputs: ['k', 'o', 'g'].map((name) => valueInfo(name, DataType.FLOAT)),
      initializers: [
        floatTensor('wq', [5, 4], random(20, 5)),
        floatTensor('wk', [5, 2], random(10, 6)),
        floatTensor('wo', [4, 2], random(8, 7)),
        floatTensor('wg', [2, 3], random(6, 8)),
      ],
    }),
    { opset },
  );
const x = random(2 * 7 * 5, 11);
const z = random(3 * 9, 12);
const matrixFeeds: Feeds = {
  x: { type: 'float32', dims: [2, 7, 5], data: x },
  z: { type: 'float32', dims: [3, 9], data: z },
};
const rowsX = Array.from({ length: 14 }, (_, row) => [...x.subarray(row * 5, row * 5 + 5)]);
const all = ['q', 'k', 'o', 'g'];
const matrixGrams = (options: GramOptions, opset?: number) =>
  collectGrams(matrices(opset), all, batchesOf(matrixFeeds, matrixFeeds), options, silentTask);

test('matrices: shared inputs share one Gram, in one pass and in many', async () => {
  for (const options of [{}, { byteBudget: 1 }]) {
    const found = await matrixGrams(options);
    assert.deepEqual([...found.keys()].sort(), [...all].sort());
    assert.equal(found.get('q'), found.get('k'));
    assert.deepEqual([found.get('q')!.rows, found.get('o')!.k, found.get('g')!.k], [28, 4, 3]);
    near(found.get('q')!.gram, gramOf([...rowsX, ...rowsX], 5), 'q');
    const rowsZ = Array.from({ length: 9 }, (_, row) => [0, 1, 2].map((k) => z[k * 9 + row]!));
    near(found.get('g')!.gram, gramOf([...rowsZ, ...rowsZ], 3), 'g');
  }
});

test('matrices: old opset, centred, few rows', async () => {
  const centred = (await matrixGrams({ centred: true }, 11)).get('q')!;
  const means = centred.mean;
  near(
    centred.gram,
    gramOf(
      [...rowsX, ...rowsX].map((row) => row.map((value, i) => value - means[i]!)),
      5,
    ),
    'centred',
  );
  const few = (await matrixGrams({ maxRows: 14, total: 2 })).get('q')!;
  // All rows of the first batch, then every second one.
  assert.equal(few.rows, 14 + 7);
  near(few.gram, gramOf([...rowsX, ...rowsX.filter((_, row) => row % 2 === 0)], 5), 'few');
});

test('what cannot be measured is said', async () => {
  const refused = (made: Model, names: string[], pattern: RegExp) =>
    assert.rejects(() => collectGrams(made, names, batchesOf(matrixFeeds), {}, silentTask), pattern);
  await refused(matrices(9), ['q'], /operator set 10 or newer, and this model uses 9/);
  const computed = matrices();
  computed.graph.nodes[1]!.inputs[1] = 'q';
  await refused(computed, ['k'], /node "k" \(MatMul\).*not a constant/);
  await assert.rejects(() => collectGrams(matrices(), ['q'], batchesOf(), {}, silentTask), /set is empty/);
  const broken = { ...matrixFeeds, x: { type: 'float32', dims: [1, 1, 5], data: Float32Array.of(1, NaN, 0, 0, 0) } } as const; // prettier-ignore
  const found = await collectGrams(matrices(), all, batchesOf(broken), {}, silentTask);
  assert.deepEqual([...found.keys()], ['g']);
});
