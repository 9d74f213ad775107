import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  addDims,
  broadcastDims,
  ceilDivide,
  divideExactly,
  floorDivide,
  isNonNegative,
  maxDims,
  minDims,
  multiplyDims,
  productOf,
  subtractDims,
} from '../../../daemon/analysis/shapes/dims';
import { evaluated } from '../../support/shapeTruth';

test('sums and products of symbols have one spelling', () => {
  assert.equal(addDims('past', 'seq'), 'past + seq');
  assert.equal(addDims('seq', 'past'), 'past + seq');
  assert.equal(subtractDims(addDims('past', 'seq'), 'past'), 'seq');
  assert.equal(addDims('n', 'n'), '2*n');
  assert.equal(multiplyDims('seq', 'batch'), 'batch*seq');
  assert.equal(multiplyDims(addDims('n', 1), 3), '3*n + 3');
  assert.equal(multiplyDims(multiplyDims('batch', 12), 64), '768*batch');
  assert.equal(subtractDims('n', 'n'), 0);
  assert.equal(subtractDims(0, 'n'), '-1*n');
  assert.equal(addDims(subtractDims(0, 'n'), 'n'), 0);
});

test('division is exact, rounded, or unknown', () => {
  assert.equal(divideExactly('768*batch', 64), '12*batch');
  assert.equal(divideExactly('12*batch*seq', 'batch'), '12*seq');
  assert.equal(divideExactly('batch', 'seq'), null);
  assert.equal(divideExactly(7, 2), null);
  assert.equal(floorDivide('h', 2), 'floor(h/2)');
  assert.equal(floorDivide(addDims('h', -1), 2), 'floor((h + 1)/2) - 1');
  assert.equal(floorDivide('4*h', 2), '2*h');
  assert.equal(ceilDivide(7, 2), 4);
  assert.equal(addDims(floorDivide(addDims('h', -1), 2), 1), 'floor((h + 1)/2)');
  // Two ways to the same size have one spelling: a stride of 2 twice, and one of 4.
  assert.equal(floorDivide(floorDivide(addDims('h', 1), 2), 2), 'floor((h + 1)/4)');
  assert.equal(floorDivide(addDims(floorDivide('h', 3), 5), 2), 'floor((h + 3)/6) + 2');
  assert.equal(ceilDivide('h', 2), 'floor((h + 1)/2)');
  assert.equal(floorDivide('6*h', 4), 'floor(6*h/4)');
  assert.equal(floorDivide(addDims('2*h', 3), 2), 'h + 1');
});

test('the larger and the smaller of two sizes', () => {
  assert.equal(minDims('seq', 512), 'min(512, seq)');
  assert.equal(maxDims(addDims('past', 1), 'past'), 'past + 1');
  assert.equal(minDims(addDims('past', 'seq'), 'past'), 'past');
  assert.equal(maxDims(0, 'seq'), 'seq');
  assert.equal(maxDims(0, subtractDims('seq', 1)), 'max(0, seq - 1)');
  assert.equal(maxDims(null, 1), null);
  assert.equal(isNonNegative(subtractDims('seq', 1)), false);
  assert.equal(isNonNegative(null), false);
});

test('roundings in one spelling are the same numbers', () => {
  for (let h = 0; h < 40; h += 1) {
    for (const [a, b, c, d] of [
      [1, 2, 1, 2],
      [-1, 2, 3, 3],
      [5, 3, -2, 4],
      [0, 7, 6, 2],
    ] as const) {
      const expected = Math.floor((Math.floor((h + a) / b) + c) / d);
      const text = String(floorDivide(addDims(floorDivide(addDims('h', a), b), c), d));
      assert.equal(evaluated(text.replaceAll('h', `n${h}`)), expected, `${text} at ${h}`);
    }
  }
});

test('unknown stays unknown, zero times anything is zero', () => {
  assert.equal(addDims(null, 1), null);
  assert.equal(multiplyDims(null, 0), 0);
  assert.equal(productOf(['n', null]), null);
  assert.equal(productOf([]), 1);
});

test('names that look like expressions, or are absurdly long, do no harm', () => {
  for (const name of [
    'a - b',
    'x*(y',
    ')',
    'a*',
    '* ',
    '2*',
    '',
    ' ',
    'a'.repeat(100_000),
    '('.repeat(5000),
  ]) {
    const sum = addDims(name, 1);
    assert.ok(sum === null || typeof sum === 'string' || typeof sum === 'number');
    assert.equal(addDims(name, 0), name);
    multiplyDims(name, name);
    floorDivide(name, 3);
  }
});

test('broadcasting', () => {
  assert.deepEqual(
    broadcastDims([
      [3, 1],
      ['n', 1, 5],
    ]),
    ['n', 3, 5],
  );
  assert.deepEqual(broadcastDims([['n'], [4]]), [4]);
  assert.deepEqual(broadcastDims([['n'], ['m']]), [null]);
  assert.deepEqual(
    broadcastDims([
      ['n', 2],
      ['n', 1],
    ]),
    ['n', 2],
  );
  assert.deepEqual(broadcastDims([[0], [1]]), [0]);
  assert.equal(broadcastDims([[1], null]), null);
  let seen = '';
  assert.deepEqual(
    broadcastDims(
      [
        [2, 3],
        [2, 4],
      ],
      (a, b) => (seen = `${a.join('×')} ${b.join('×')}`),
    ),
    [2, null],
  );
  assert.equal(seen, '2×3 2×4');
});
