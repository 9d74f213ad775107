// What returns to integers at the end of a search for accuracy.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bringBack } from '../../../../daemon/recipes/quantize/bringBack';

/** Layers that stay when only these are needed, and what was asked on the way. */
async function left(reverted: string, needed: string, most?: number) {
  const asked: string[] = [];
  const holds = (names: readonly string[]) => {
    asked.push(names.join(''));
    return Promise.resolve(needed.split('').every((name) => names.includes(name)));
  };
  const kept = await bringBack(reverted.split(''), holds, most);
  return { kept: kept.join(''), asked };
}

test('layers return as long as the drop holds, halves first', async () => {
  const { kept, asked } = await left('abcdefgh', 'g');
  assert.equal(kept, 'g');
  assert.deepEqual(asked.slice(0, 3), ['abcd', 'efgh', 'ef']);
  assert.ok(asked.length <= 8, asked.join(' '));
  assert.equal((await left('abcde', 'abcde')).kept, 'abcde');
  assert.equal((await left('abcde', 'ae')).kept, 'ae');
});

test('never asked for nothing in float, nor more often than allowed', async () => {
  assert.deepEqual(await left('a', 'a'), { kept: 'a', asked: [] });
  const { asked } = await left('ab', 'a');
  assert.ok(!asked.includes(''));
  const few = await left('abcdefgh', 'h', 2);
  assert.deepEqual(few, { kept: 'efgh', asked: ['abcd', 'efgh'] });
});
