// Scales, zero points and rounded values against numbers computed with onnxruntime.quantization 1.30
// (compute_scale_zp, quantize_data), bit for bit.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentTask } from '../../../../daemon/base/task';
import { crc32 } from 'node:zlib';
import {
  isFiniteRange,
  quantizeValues,
  quantParams,
  rangeOf,
  rint,
  symmetricInt8Range,
  uint8Range,
} from '../../../../daemon/passes/quantize/params';
import { biasScales, leastWeightScale, quantizeBias } from '../../../../daemon/passes/quantize/bias';
import { quantizeWeight, weightScales } from '../../../../daemon/passes/quantize/weights';

/** min, max; uint8 scale, zero point; symmetric int8 scale, zero point; symmetric uint8 scale, zero point. */
const cases: readonly (readonly [number, number, number, number, number, number, number, number])[] = [
  [-1.0, 1.0, 0.007843137718737125, 128, 0.007874015718698502, 0, 0.007843137718737125, 128],
  [0.0, 6.0, 0.0235294122248888, 0, 0.04724409431219101, 0, 0.0470588244497776, 128],
  [0.0, 5.900000095367432, 0.023137254640460014, 0, 0.04645669460296631, 0, 0.04627450928092003, 128],
  [-0.30000001192092896, 2.700000047683716, 0.0117647061124444, 26, 0.021259842440485954, 0, 0.021176470443606377, 128],
  [0.20000000298023224, 3.0999999046325684, 0.012156862765550613, 0, 0.024409448727965355, 0, 0.024313725531101227, 128],
  [-5.0, -1.0, 0.019607843831181526, 255, 0.03937007859349251, 0, 0.03921568766236305, 128],
  [0.0, 0.0, 1.0, 0, 1.0, 0, 1.0, 0],
  [1.0000002153053333e-39, 2.0000004306106665e-39, 1.0, 0, 1.0, 0, 1.0, 0],
  [-9.999999350456404e-39, 9.999999350456404e-39, 1.0, 0, 1.0, 0, 1.0, 0],
  [-0.10000000149011612, 0.10000000149011612, 0.0007843137136660516, 128, 0.0007874015718698502, 0, 0.0007843137136660516, 128],
  [-127.5, 127.5, 1.0, 128, 1.003937005996704, 0, 1.0, 128],
  [-0.0078125, 1.984375, 0.0078125, 1, 0.015625, 0, 0.015563725493848324, 128],
  [-0.0010000000474974513, 123.45600128173828, 0.4841451048851013, 0, 0.9720944762229919, 0, 0.9682823419570923, 128],
  [-2.435699939727783, 7.111299991607666, 0.037439215928316116, 65, 0.055994488298892975, 0, 0.05577490106225014, 128],
  [-1.5, 0.5, 0.007843137718737125, 191, 0.011811023578047752, 0, 0.0117647061124444, 128],
  [0.0, 255.0, 1.0, 0, 2.007874011993408, 0, 2.0, 128],
  [-0.5, 254.5, 1.0, 0, 2.003937005996704, 0, 1.996078372001648, 128],
  [-1.5, 253.5, 1.0, 2, 1.996062994003296, 0, 1.9882352352142334, 128],
  [-2.5, 252.5, 1.0, 2, 1.9881889820098877, 0, 1.9803920984268188, 128],
]; // prettier-ignore

for (const [min, max, scale, zeroPoint, int8Scale, int8Zero, uint8Scale, uint8Zero] of cases) {
  test(`range ${min} to ${max}`, () => {
    const range = { min, max };
    assert.deepEqual(quantParams(range, uint8Range), { scale, zeroPoint });
    assert.deepEqual(quantParams(range, symmetricInt8Range, true), { scale: int8Scale, zeroPoint: int8Zero });
    assert.deepEqual(quantParams(range, uint8Range, true), { scale: uint8Scale, zeroPoint: uint8Zero });
  });
}

test('rounding is half to even', () => {
  const given = [
    0.5,
    1.5,
    2.5,
    -0.5,
    -1.5,
    -2.5,
    0.49999999999999994,
    2.4999999,
    1e15 + 0.5,
    -1e15 - 0.5,
    1e300,
  ];
  assert.deepEqual(
    given.map((x) => rint(x) + 0),
    [0, 2, 2, 0, -2, -2, 0, 2, 1e15, -1e15, 1e300],
  );
});

test('20,000 values round as in the tool', async () => {
  const values = Float32Array.from(
    { length: 20000 },
    (_, i) => (((i * 2654435761) % 2 ** 32) / 2 ** 32) * 8 - 3,
  );
  const range = rangeOf(values);
  const params = quantParams(range, uint8Range);
  assert.deepEqual(params, { scale: 0.03137065842747688, zeroPoint: 96 });
  const unsigned = new Uint8Array(values.length);
  quantizeValues(values, params, uint8Range, unsigned);
  assert.equal(crc32(unsigned), 1135347095);
  const scales = (await weightScales(values, [values.length], undefined, silentTask))!;
  assert.deepEqual([...scales], [0.03936627879738808]);
  const signed = await quantizeWeight(values, [values.length], undefined, scales, silentTask);
  assert.equal(crc32(new Uint8Array(signed.buffer)), 4208072587);
});

const matrix = Float32Array.from({ length: 24 }, (_, i) => {
  if (i === 5 || (i >= 12 && i < 18)) return 0;
  return Math.fround(Math.fround(((i * 7919 + 13) % 997) / 331) - 1.5);
});
const rows = [
  [-127, 120, 105, 90, 75, 0],
  [127, 85, 43, 0, -42, -84],
  [0, 0, 0, 0, 0, 0],
  [127, 112, 97, 82, 67, 52],
];

test('weights per channel and per tensor', async () => {
  const scales = (await weightScales(matrix, [4, 6], 0, silentTask))!;
  // The tool gives the row of zeros the scale 1, with which its bias would be rounded coarsely.
  assert.deepEqual(
    [...scales],
    [0.011501772329211235, 0.0040797400288283825, 0.011525561101734638, 0.011525561101734638],
  );
  assert.deepEqual([...(await quantizeWeight(matrix, [4, 6], 0, scales, silentTask))], rows.flat());
  const turned = Float32Array.from({ length: 24 }, (_, i) => matrix[(i % 4) * 6 + Math.floor(i / 4)]!);
  assert.deepEqual([...(await weightScales(turned, [6, 4], 1, silentTask))!], [...scales]);
  assert.deepEqual(
    [...(await quantizeWeight(turned, [6, 4], 1, scales, silentTask))],
    Array.from({ length: 24 }, (_, i) => rows[i % 4]![Math.floor(i / 4)]),
  );
  const whole = (await weightScales(matrix, [4, 6], undefined, silentTask))!;
  assert.deepEqual([...whole], [0.011525561101734638]);
  assert.deepEqual(
    [...(await quantizeWeight(matrix, [4, 6], undefined, whole, silentTask))],
    [-127, 120, 105, 90, 75, 0, 45, 30, 15, 0, -15, -30, 0, 0, 0, 0, 0, 0, 127, 112, 97, 82, 67, 52],
  );
});

test('weights of zeros, of nothing, and of no numbers', async () => {
  assert.deepEqual([...(await weightScales(new Float32Array(6), [2, 3], 0, silentTask))!], [1, 1]);
  assert.deepEqual([...(await weightScales(new Float32Array(0), [2, 0], 0, silentTask))!], [1, 1]);
  assert.equal(await weightScales(Float32Array.of(1, NaN), [2], undefined, silentTask), undefined);
  assert.equal(await weightScales(Float32Array.of(1, -Infinity), [2], undefined, silentTask), undefined);
  assert.deepEqual(rangeOf(Float32Array.of(1, NaN, -3)), { min: NaN, max: NaN });
  assert.deepEqual(rangeOf(new Float32Array(0)), { min: 0, max: 0 });
});

test('ranges that a scale can be made of', () => {
  assert.equal(isFiniteRange({ min: 0, max: 0 }), true);
  assert.equal(isFiniteRange({ min: -3.4e38, max: 3.4e38 }), false);
  assert.equal(isFiniteRange({ min: 0, max: Infinity }), false);
  assert.equal(isFiniteRange({ min: NaN, max: NaN }), false);
  assert.equal(isFiniteRange(undefined), false);
});

test('a bias has the product of the scales and fits into int32', () => {
  const scales = biasScales(Math.fround(0.02), Float32Array.of(0.5, 0.25));
  assert.deepEqual(
    [...scales],
    [Math.fround(Math.fround(0.02) * 0.5), Math.fround(Math.fround(0.02) * 0.25)],
  );
  assert.deepEqual([...quantizeBias(Float32Array.of(1, -1), scales)], [100, -200]);
  const least = leastWeightScale(1000, 1e-6);
  assert.ok(least > 1000 / 2 ** 31 / 1e-6);
  const q = quantizeBias(Float32Array.of(1000), biasScales(1e-6, Float32Array.of(least)));
  assert.ok(q[0]! < 2 ** 31 - 1 && q[0]! > 2 ** 30);
});
