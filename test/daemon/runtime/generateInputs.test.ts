import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freeDimensions, generateInputs } from '../../../daemon/runtime/generateInputs';
import type { SessionValue } from '../../../daemon/runtime/runner/session';

const value = (
  name: string,
  type: SessionValue['type'],
  ...dims: (number | string | null)[]
): SessionValue => ({ name, type, dims });

const dimsOf = (made: ReturnType<typeof generateInputs>) =>
  Object.fromEntries(Object.entries(made.feeds).map(([name, { dims }]) => [name, dims]));

test('free dimensions: the batch, what is bound, and 1 for the rest', () => {
  const inputs = [
    value('image', 'float32', 'batch', 3, 'height', null),
    value('state', 'float32', 2, 'N', 8),
  ];
  assert.deepEqual(freeDimensions(inputs), ['batch', 'height', 'image[3]', 'N']);
  const plain = generateInputs(inputs);
  assert.deepEqual(dimsOf(plain), { image: [1, 3, 1, 1], state: [2, 1, 8] });
  assert.deepEqual(plain.assumed, { batch: 1, height: 1, 'image[3]': 1, N: 1 });
  const asked = generateInputs(inputs, { batch: 4, bind: { height: 32 } });
  assert.deepEqual(dimsOf(asked), { image: [4, 3, 32, 1], state: [2, 4, 8] });
  assert.deepEqual(asked.assumed, { 'image[3]': 1 });
  assert.equal(asked.batch, 4);
  assert.equal(generateInputs(inputs, { bind: { batch: 8 } }).batch, 8);
});

test('a first dimension is a batch unless its name says otherwise', () => {
  assert.deepEqual(dimsOf(generateInputs([value('x', 'float32', 'samples', 4)], { batch: 2 })), {
    x: [2, 4],
  });
  assert.deepEqual(dimsOf(generateInputs([value('x', 'float32', null, 4)], { batch: 2 })), { x: [2, 4] });
  assert.throws(() => generateInputs([value('x', 'float32', 'seq_len', 4)], { batch: 2 }), /no free batch/);
});

test('a fixed batch is what it is', () => {
  const inputs = [value('x', 'float32', 4, 3)];
  assert.equal(generateInputs(inputs).batch, 4);
  assert.equal(generateInputs(inputs, { batch: 4 }).batch, 4);
  assert.throws(() => generateInputs(inputs, { batch: 2 }), {
    message:
      'The model\'s inputs have no free batch dimension ("x" 4×3), so it cannot run with batch 2. Leave the batch out, or export the model with a free batch.',
  });
});

test('values repeat, and suit their types', () => {
  const inputs = [
    value('x', 'float32', 1000),
    value('h', 'float16', 1000),
    value('ids', 'int64', 100),
    value('attention_mask', 'int64', 100),
    value('on', 'bool', 100),
    value('words', 'string', 2),
  ];
  const { feeds } = generateInputs(inputs);
  assert.deepEqual(feeds, generateInputs(inputs).feeds);
  assert.notDeepEqual(feeds, generateInputs(inputs, { seed: 2 }).feeds);
  const floats = feeds['x']!.data as Float32Array;
  assert.ok(Math.abs(floats.reduce((sum, x) => sum + x, 0) / 1000) < 0.15);
  const ids = feeds['ids']!.data as BigInt64Array;
  assert.ok(ids.includes(0n) && ids.includes(1n) && ids.every((id) => id === 0n || id === 1n));
  assert.ok((feeds['attention_mask']!.data as BigInt64Array).every((bit) => bit === 1n));
  // Half floats near 1 have exponent 15; none may be infinite or not a number (exponent 31).
  const halves = feeds['h']!.data as Uint16Array;
  assert.ok(halves.every((bits) => ((bits >> 10) & 31) < 18));
  assert.ok(halves.some((bits) => bits & 0x8000) && halves.some((bits) => !(bits & 0x8000)));
  assert.deepEqual(feeds['words']!.data, ['', '']);
});
