// JSON of requests: integers of any length survive, and hostile texts are refused before they cost memory.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exactDigits, parseJson } from '../../../daemon/serve/jsonText';

const parse = (text: string) => parseJson(Buffer.from(text));

test('plain JSON is what JSON.parse gives', () => {
  const texts = [
    '{"a":[1,2.5,-3e2,"x\\"[1234567890123456789]",true,null]}',
    '[0.12345678901234567890]',
    '"\\\\"',
    '1',
  ];
  for (const text of texts) assert.deepEqual(parse(text), JSON.parse(text));
});

test('long integers keep every digit, wherever they stand', () => {
  const [a, b, c, d] = parse(
    '[9007199254740993,-12345678901234567890,{"k":1234567890123456},"1234567890123456789"]',
  ) as unknown[];
  assert.equal(exactDigits(a), '9007199254740993');
  assert.equal(exactDigits(b), '-12345678901234567890');
  assert.equal(exactDigits((c as { k: unknown }).k), '1234567890123456');
  assert.equal(d, '1234567890123456789');
});

test('long fractions and exponents are numbers, and leading zeros stay an error', () => {
  assert.deepEqual(parse('[1234567890123456789.5,1e400,1234567890123456789e1]'), [1234567890123456800, Infinity, 12345678901234567000]); // prettier-ignore
  assert.throws(() => parse('[0000000000000000001]'), /not valid JSON/);
});

test('a client cannot pass an exact integer of its own making', () => {
  assert.equal(exactDigits({ ' exact integer': '1); drop' }), undefined);
  assert.equal(exactDigits({ ' exact integer': 5 }), undefined);
  assert.equal(exactDigits('9007199254740993'), undefined);
});

test('nesting and containers are bounded, brackets inside strings do not count', () => {
  assert.throws(() => parse('['.repeat(1_000_000)), /nests deeper than 64/);
  assert.throws(() => parse('{"a":'.repeat(65)), /nests deeper than 64/);
  assert.throws(() => parse(`[${'[],'.repeat(4_000_001)}[]]`), /more than 4000000 arrays/);
  assert.deepEqual(parse(`["${'['.repeat(1000)}\\"${'{'.repeat(1000)}"]`), [
    `${'['.repeat(1000)}"${'{'.repeat(1000)}`,
  ]);
});

test('no payload in what is said about broken JSON', () => {
  assert.throws(
    () => parse('{"secret":"hunter2" oops'),
    (error: Error) => !error.message.includes('hunter2') && error.message.includes('not valid JSON'),
  );
});
