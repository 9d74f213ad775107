// Numbers and names as people read them.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  bytes,
  count,
  duration,
  exactBytes,
  milliseconds,
  percent,
  plural,
  signed,
  three,
  whole,
} from '../../webview/ui/format';
import { elide, shapeText, visible } from '../../webview/ui/text';

const table = (convert: (value: number) => string, rows: readonly (readonly [number, string])[]) =>
  assert.deepEqual(
    rows.map(([value]) => convert(value)),
    rows.map(([, text]) => text),
  );

describe('numbers', () => {
  it('have three significant digits', () => {
    table(three, [
      [0, '0'],
      [2.4123, '2.41'],
      [0.26966, '0.270'],
      [12.345, '12.3'],
      [999.6, '1000'],
      [9.999, '10.0'],
      [0.09996, '0.100'],
      [1234.5, '1235'],
      [-0.5, '−0.500'],
      [1.23e-9, '1.23e−9'],
      [Infinity, '–'],
    ]);
  });

  it('name their unit', () => {
    table(bytes, [
      [0, '0 bytes'],
      [1, '1 byte'],
      [999, '999 bytes'],
      [1000, '1.00 kB'],
      [758_302, '758 kB'],
      [999_600, '1.00 MB'],
      [2_812_089, '2.81 MB'],
      [10_000_000_000, '10.0 GB'],
    ]);
    assert.equal(exactBytes(2_812_089), '2\u202f812\u202f089 bytes');
    table(count, [
      [37, '37'],
      [702_782, '703 k'],
      [26_300_000, '26.3 M'],
    ]);
    assert.equal(milliseconds(0.4123), '0.412 ms');
    assert.equal(percent(0.9456), '94.6 %');
    table(duration, [
      [10, '1 s'],
      [40_400, '40 s'],
      [125_000, '2 min 5 s'],
      [120_000, '2 min'],
    ]);
  });

  it('carry their sign', () => {
    table(signed, [
      [-0.1, '−0.1'],
      [0.26, '+0.3'],
      [-0.04, '0.0'],
      [0, '0.0'],
    ]);
    assert.equal(whole(-1234567), '−1\u202f234\u202f567');
    assert.equal(plural(1, 'node'), '1 node');
    assert.equal(plural(2, 'node'), '2 nodes');
  });
});

describe('untrusted text', () => {
  it('shows control and invisible characters as symbols', () => {
    assert.equal(visible('a\nb\tc\u0000\u007f'), 'a␊b␉c␀␡');
    assert.equal(visible('exe\u202Egpj'), 'exe⟨202E⟩gpj');
    assert.equal(visible('a\u200bb\ufeff'), 'a⟨200B⟩b⟨FEFF⟩');
    assert.equal(visible('\ud800x'), '\ufffdx');
    assert.equal(visible('层/α😀'), '层/α😀');
  });

  it('loses its middle when it is long', () => {
    assert.equal(elide('short', 10), 'short');
    assert.equal(elide('/model/layers.12/attention/MatMul', 20), '/model/lay…on/MatMul');
    assert.equal(Array.from(elide('😀'.repeat(50), 9)).length, 9);
    assert.ok(elide('x'.repeat(1e6), 40).length === 40);
  });

  it('writes shapes', () => {
    assert.equal(shapeText(['batch', 3, null]), 'batch×3×?');
    assert.equal(shapeText([]), 'scalar');
    assert.equal(shapeText(null), '');
  });
});
