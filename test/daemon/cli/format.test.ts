import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  count,
  megabytes,
  milliseconds,
  plural,
  ratio,
  scaled,
  share,
  significant,
} from '../../../daemon/cli/format';
import { progressBar } from '../../../daemon/cli/progressBar';
import { renderList, renderTable } from '../../../daemon/cli/table';

test('three significant digits, an exponent only for next to nothing', () => {
  const cases: readonly (readonly [number, string])[] = [
    [0, '0'],
    [1, '1.00'],
    [0.012345, '0.0123'],
    [0.00099951, '0.00100'],
    [9.996, '10.0'],
    [123.4, '123'],
    [1234, '1230'],
    [1e9, '1000000000'],
    [-2.345, '-2.35'],
    [NaN, '–'],
    [Infinity, '–'],
  ];
  for (const [value, text] of cases) assert.equal(significant(value), text);
});

test('units', () => {
  assert.equal(megabytes(2_812_089), '2.81 MB');
  assert.equal(milliseconds(0.4567), '0.457 ms');
  assert.equal(count(1_234_567), '1,234,567');
  assert.equal(count(12), '12');
  assert.deepEqual([0, 36, 999_600, 21_800_000, 4.1e9].map(scaled), [
    '0',
    '36',
    '1.00 M',
    '21.8 M',
    '4.10 G',
  ]);
  assert.equal(plural(1, 'sample'), '1 sample');
  assert.equal(plural(2000, 'sample'), '2,000 samples');
  assert.equal(share({ value: 0.9461, low: 0.935, high: 0.9551 }), '94.6 % (93.5–95.5)');
  assert.equal(ratio({ p50Ratio: 2.3149, low: 2.28, high: 2.35 }), '2.31× (2.28–2.35)');
});

test('a table, numbers to the right', () => {
  const text = renderTable(
    [{ title: 'Model' }, { title: 'p50', align: 'right' }],
    [
      ['a', '1 ms'],
      ['漢字', '12.3 ms'],
    ],
  );
  assert.equal(text, 'Model      p50\n─────  ───────\na         1 ms\n漢字   12.3 ms');
  assert.equal(
    renderList([
      ['Size', '1 MB'],
      ['', 'x'],
    ]),
    '  Size  1 MB\n        x',
  );
});

test('a progress line on a terminal, and nothing elsewhere', () => {
  let written = '';
  const output = (isTTY: boolean) => ({ isTTY, columns: 60, write: (text: string) => (written += text) });
  const silent = progressBar(output(false));
  silent.show({ stage: 'Reading', done: 1, total: 2 });
  silent.clear();
  assert.equal(written, '');
  const bar = progressBar(output(true));
  bar.show({ stage: 'Reading', done: 1, total: 2 });
  assert.equal(written, `\r\x1b[2KReading  ${'━'.repeat(12)}${'╌'.repeat(12)}  1/2`);
  bar.clear();
  assert.ok(written.endsWith('\r\x1b[2K'));
});
