// Half and bfloat16 conversions against the definition, over all codes and at the rounding edges.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DataType } from '../../../daemon/ir/dataType';
import {
  bfloat16ToFloat,
  bfloat16sToFloats,
  floatToBfloat16,
  floatToHalf,
  floatsToBfloat16s,
  floatsToHalves,
  halfToFloat,
  halvesToFloats,
} from '../../../daemon/onnx/float16';
import { smallFloatTable } from '../../../daemon/onnx/smallFloats';

test('every half survives the way to float32 and back', () => {
  for (let bits = 0; bits < 65536; bits += 1) {
    const value = halfToFloat(bits);
    if (Number.isNaN(value)) assert.ok(Number.isNaN(halfToFloat(floatToHalf(value))));
    else assert.equal(floatToHalf(value), bits);
  }
});

test('rounding to half is to nearest, ties to even', () => {
  const cases: [number, number][] = [
    [1 + 2 ** -11, 0x3c00],
    [1 + 3 * 2 ** -11, 0x3c02],
    [1 + 2 ** -11 + 2 ** -20, 0x3c01],
    [65504, 0x7bff],
    [65519.99, 0x7bff],
    [65520, 0x7c00],
    [-1e9, 0xfc00],
    [2 ** -25, 0],
    [2 ** -25 * 1.01, 1],
    [2 ** -24 * 1.5, 2],
    [2 ** -14 - 2 ** -26, 0x0400],
    [-0, 0x8000],
    [Infinity, 0x7c00],
  ];
  for (const [value, bits] of cases) assert.equal(floatToHalf(value), bits, String(value));
});

test('every bfloat16 survives, and rounding is to nearest, ties to even', () => {
  for (let bits = 0; bits < 65536; bits += 1) {
    const value = bfloat16ToFloat(bits);
    if (Number.isNaN(value)) assert.ok(Number.isNaN(bfloat16ToFloat(floatToBfloat16(value))));
    else assert.equal(floatToBfloat16(value), bits);
  }
  assert.equal(floatToBfloat16(1 + 2 ** -8), 0x3f80);
  assert.equal(floatToBfloat16(1 + 3 * 2 ** -8), 0x3f82);
  assert.equal(floatToBfloat16(3.4e38), 0x7f80);
});

test('arrays convert as single values do', () => {
  const values = Float32Array.of(0, 1, -2.5, 1e-7, 70000, NaN);
  assert.deepEqual(floatsToHalves(values), Uint16Array.from(values, floatToHalf));
  assert.deepEqual(floatsToBfloat16s(values), Uint16Array.from(values, floatToBfloat16));
  const bits = Uint16Array.of(0, 0x3c00, 0x7c00, 0x8001, 0x7e00);
  assert.deepEqual(halvesToFloats(bits), Float32Array.from(bits, halfToFloat));
  assert.deepEqual(bfloat16sToFloats(bits), Float32Array.from(bits, bfloat16ToFloat));
});

test('small floats have the values of their papers', () => {
  const value = (type: number, code: number) => smallFloatTable(type)?.[code];
  assert.equal(value(DataType.FLOAT8E4M3FN, 0x7e), 448);
  assert.ok(Number.isNaN(value(DataType.FLOAT8E4M3FN, 0x7f)));
  assert.equal(value(DataType.FLOAT8E4M3FN, 0x01), 2 ** -9);
  assert.equal(value(DataType.FLOAT8E4M3FNUZ, 0x7f), 240);
  assert.ok(Number.isNaN(value(DataType.FLOAT8E4M3FNUZ, 0x80)));
  assert.equal(value(DataType.FLOAT8E5M2, 0x7b), 57344);
  assert.equal(value(DataType.FLOAT8E5M2, 0xfc), -Infinity);
  assert.equal(value(DataType.FLOAT8E5M2FNUZ, 0x7f), 57344);
  assert.equal(value(DataType.FLOAT8E8M0, 127), 1);
  assert.ok(Number.isNaN(value(DataType.FLOAT8E8M0, 255)));
  assert.deepEqual([...smallFloatTable(DataType.FLOAT4E2M1)!.slice(0, 8)], [0, 0.5, 1, 1.5, 2, 3, 4, 6]);
  assert.equal(value(DataType.FLOAT6E2M3, 0x1f), 7.5);
  assert.equal(value(DataType.FLOAT6E3M2, 0x1f), 28);
  assert.equal(smallFloatTable(DataType.FLOAT), undefined);
});
