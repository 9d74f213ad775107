// Latency as the target: the search for how much goes, on layers whose time is known, and the table that every form of
// convolution is timed for. The whole way, on a real model, is in pruneBudgets.test.ts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentTask } from '../../../../daemon/base/task';
import { node } from '../../../../daemon/ir/builder';
import type { Step } from '../../../../daemon/passes/prune/channels/budget';
import { analyseChannels } from '../../../../daemon/passes/prune/channels/analyse';
import { search, type Try } from '../../../../daemon/recipes/prune/latencyBudget';
import { latencyTable } from '../../../../daemon/recipes/prune/latencyTable';
import { oneToOne, weight } from '../../passes/modelHarness';

/** Steps of these prices, from `total` down. */
function stepsOf(prices: readonly number[], total = 100): Step[] {
  let left = total;
  return prices.map((price) => ({ components: [], left: (left -= price) }));
}

/** Searches where a model of which the table says `predicted` really takes `time(predicted)`. */
async function searched(
  steps: readonly Step[],
  wanted: number,
  time: (predicted: number) => number,
  others: readonly number[] = [],
): Promise<Try[]> {
  const tries: Try[] = [];
  const measure = (taken: readonly Step[]) => {
    const predicted = taken.at(-1)!.left / 100;
    tries.push({ taken, predicted, share: time(predicted) });
    return Promise.resolve(tries.at(-1)!);
  };
  const after = (taken: readonly Step[]) =>
    others.map((price): Step => ({ components: [], left: (taken.at(-1)?.left ?? 100) - price }));
  await search(steps, 100, wanted, measure, after);
  return tries;
}

const even = stepsOf(Array.from({ length: 90 }, () => 1));
for (const [what, time] of [
  ['the table is right', (predicted: number) => predicted],
  ['the table promises too little', (predicted: number) => Math.max(0.05, 1 - 1.4 * (1 - predicted))],
  ['the table promises too much', (predicted: number) => 1 - 0.6 * (1 - predicted)],
  ['the first channels bring nothing', (predicted: number) => (predicted > 0.7 ? 1 : predicted + 0.3)],
  ['time falls with the square', (predicted: number) => predicted ** 2],
] as const) {
  test(`the search ends near what is wanted: ${what}`, async () => {
    for (const wanted of [0.8, 0.6, 0.5]) {
      const tries = await searched(even, wanted, time);
      const { share } = tries.at(-1)!;
      assert.ok(share <= wanted && share >= 0.95 * wanted, `${wanted}: ${share}`);
      assert.ok(tries.length <= 8);
    }
  });
}

test('where a step is too large, a smaller one of another layer takes its place', async () => {
  const coarse = stepsOf([20, 20, 20, 20]);
  const tries = await searched(coarse, 0.7, (predicted) => predicted, [20, 12, 3]);
  assert.deepEqual(
    tries.map(({ share }) => Math.round(share * 100)),
    [60, 80, 68],
  );
});

test('what cannot be reached ends with all that can go', async () => {
  const tries = await searched(stepsOf([10, 10, 10]), 0.5, (predicted) => predicted);
  assert.deepEqual(
    tries.map(({ taken }) => taken.length),
    [3],
  );
});

test('every form of convolution is timed at its widths, and narrower is never dearer', async () => {
  const chain: [string, string, number[], Record<string, bigint>][] = [
    ['plain', 'Conv', [64, 8, 3, 3], {}],
    ['grouped', 'Conv', [64, 16, 3, 3], { group: 4n }],
    ['depthwise', 'Conv', [64, 1, 3, 3], { group: 64n }],
    ['multiplied', 'Conv', [128, 1, 1, 1], { group: 64n }],
    ['transposed', 'ConvTranspose', [128, 64, 2, 2], {}],
    ['groupedTransposed', 'ConvTranspose', [64, 16, 2, 2], { group: 4n }],
    ['depthwiseTransposed', 'ConvTranspose', [64, 1, 2, 2], { group: 64n }],
    ['last', 'Conv', [8, 64, 1, 1], {}],
  ];
  const made = oneToOne(
    chain.map(([name, op, , attributes], i) =>
      node(op, [i === 0 ? 'x' : chain[i - 1]![0], `w${i}`], [i === chain.length - 1 ? 'y' : name], {
        name,
        attributes,
      }),
    ),
    chain.map(([, , dims], i) => weight(`w${i}`, dims, i + 1)),
    ['batch', 8, 12, 12],
  );
  const structure = await analyseChannels(made, new Map(), silentTask);
  const options = { denseMs: 1000, threads: 1, align: 16, bind: { batch: 1 } };
  const { price, points } = await latencyTable(structure, options, silentTask);
  const cut = new Set(structure.units.flatMap(({ axes }) => axes));
  assert.ok(structure.units.length >= 4);
  console.log(`${points} shapes timed, ${(price.total - price.fixed).toFixed(3)} ms of layers`);
  // The whole of all eight, and three widths of each of their axes that can be cut.
  assert.equal(points, 8 + 3 * 11);
  for (const axis of cut) {
    const now = price.fresh();
    let before = 0;
    for (const gone of [0.25, 0.5, 0.75]) {
      const gain = now.gain(new Map([[axis, gone]]));
      assert.ok(gain >= before - 1e-9, `${axis.value} ${axis.axis}: ${gain} after ${before}`);
      before = gain;
    }
  }
});
