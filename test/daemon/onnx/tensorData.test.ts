// Values of tensors from every way of storing them, whole and by range.

import assert from 'node:assert/strict';
import { utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { SlipwayError } from '../../../daemon/base/errors';
import { silentTask } from '../../../daemon/base/task';
import { floatTensor, graph, int64Tensor, model, rawTensor } from '../../../daemon/ir/builder';
import { DataType, dataTypeBits, dataTypeName } from '../../../daemon/ir/dataType';
import type { Tensor } from '../../../daemon/ir/tensor';
import { packBits } from '../../../daemon/onnx/bits';
import { decodeTensor, readModel } from '../../../daemon/onnx/readModel';
import { readTexts } from '../../../daemon/onnx/readTexts';
import {
  readFloats,
  readStrings,
  readTensorBytes,
  readTensorValues,
  tensorValuesInMemory,
} from '../../../daemon/onnx/tensorData';
import { writeModel } from '../../../daemon/onnx/writeModel';
import { temporaryFolder } from '../../support/paths';
import { bytesField, joined, varint, varintField } from '../../support/wire';

const folder = temporaryFolder();
const ofType = (type: number, dims: number[], field: Uint8Array) =>
  decodeTensor(joined(...dims.map((dim) => varintField(1, dim)), varintField(2, type), field));

test('int32_data holds every type that it may hold, packed and not', async () => {
  const codes = [1, 0, 3, 2, 1];
  const narrow = [
    DataType.INT32, DataType.INT16, DataType.INT8, DataType.UINT16, DataType.UINT8, DataType.FLOAT16,
    DataType.BFLOAT16, DataType.FLOAT8E4M3FN, DataType.FLOAT8E4M3FNUZ, DataType.FLOAT8E5M2,
    DataType.FLOAT8E5M2FNUZ, DataType.FLOAT8E8M0, DataType.FLOAT6E2M3, DataType.FLOAT6E3M2,
  ]; // prettier-ignore
  for (const type of narrow) {
    for (const field of [
      bytesField(5, joined(...codes.map(varint))),
      joined(...codes.map((code) => varintField(5, code))),
    ]) {
      const { tensor } = await ofType(type, [5], field);
      assert.deepEqual([...(await readTensorValues(tensor))].map(Number), codes, dataTypeName(type));
    }
  }
  const { tensor } = await ofType(DataType.BOOL, [3], bytesField(5, Uint8Array.of(1, 0, 1)));
  assert.deepEqual(await readTensorValues(tensor), Uint8Array.of(1, 0, 1));
});

test('int32_data of types below a byte holds packed pairs and fours', async () => {
  const expected: [number, number[]][] = [
    [DataType.UINT4, [1, 15, 8]],
    [DataType.INT4, [1, -1, -8]],
    [DataType.FLOAT4E2M1, [1, 15, 8]],
  ];
  for (const [type, values] of expected) {
    const { tensor } = await ofType(type, [3], bytesField(5, joined(varint(0xf1), varint(0x08))));
    assert.deepEqual([...(await readTensorValues(tensor))].map(Number), values, dataTypeName(type));
  }
  const two = await ofType(DataType.INT2, [5], bytesField(5, joined(varint(0b11100100), varint(0b10))));
  assert.deepEqual([...(await readTensorValues(two.tensor))].map(Number), [0, 1, -2, -1, -2]);
  const unsigned = await ofType(DataType.UINT2, [4], bytesField(5, varint(0b11100100)));
  assert.deepEqual([...(await readTensorValues(unsigned.tensor))].map(Number), [0, 1, 2, 3]);
});

test('negative int32_data, and the other typed fields', async () => {
  const negative = await ofType(DataType.INT8, [2], bytesField(5, joined(varint(-1n), varint(-128n))));
  assert.deepEqual(await readTensorValues(negative.tensor), Int8Array.of(-1, -128));
  const int64 = await ofType(DataType.INT64, [2], bytesField(7, joined(varint(-1n), varint(2n ** 62n))));
  assert.deepEqual(await readTensorValues(int64.tensor), BigInt64Array.of(-1n, 2n ** 62n));
  const uint64 = await ofType(DataType.UINT64, [1], bytesField(11, varint(2n ** 64n - 1n)));
  assert.deepEqual(await readTensorValues(uint64.tensor), BigUint64Array.of(2n ** 64n - 1n));
  const uint32 = await ofType(DataType.UINT32, [1], bytesField(11, varint(2 ** 32 - 1)));
  assert.deepEqual(await readTensorValues(uint32.tensor), Uint32Array.of(2 ** 32 - 1));
  const doubles = new Uint8Array(new Float64Array([1.5, -2]).buffer);
  const double = await ofType(DataType.DOUBLE, [2], bytesField(10, doubles));
  assert.deepEqual(await readTensorValues(double.tensor), Float64Array.of(1.5, -2));
  const complex = await ofType(DataType.COMPLEX128, [1], bytesField(10, doubles));
  assert.deepEqual(await readTensorValues(complex.tensor), Float64Array.of(1.5, -2));
  const floats = new Uint8Array(new Float32Array([1.5, -2]).buffer);
  const complex64 = await ofType(DataType.COMPLEX64, [1], bytesField(4, floats));
  assert.deepEqual(await readTensorValues(complex64.tensor), Float32Array.of(1.5, -2));
});

test('a Buffer at an odd offset, as readFileSync may give it', async () => {
  const values = new Float64Array([1.5, -2]);
  const bytes = joined(varintField(1, 2), varintField(2, 11), bytesField(9, new Uint8Array(values.buffer)));
  for (let shift = 0; shift < 8; shift += 1) {
    const { tensor } = await decodeTensor(Buffer.concat([Buffer.alloc(shift), bytes]).subarray(shift));
    assert.deepEqual(await readTensorValues(tensor), values);
  }
});

test('texts', async () => {
  const encode = (text: string) => bytesField(6, new TextEncoder().encode(text));
  const { tensor } = await ofType(DataType.STRING, [3], joined(encode('a'), encode(''), encode('ünï')));
  assert.deepEqual(await readStrings(tensor), ['a', '', 'ünï']);
  await assert.rejects(readFloats(tensor), (error: SlipwayError) => error.kind === 'invalidModel');
});

test('texts by range, each page from the last place that is known', async () => {
  const texts = Array.from({ length: 5000 }, (_, i) => `${'ü'.repeat(i % 200)}${i}`);
  texts[10] = 'long'.repeat(200_000);
  const data = joined(...texts.map((text) => bytesField(6, new TextEncoder().encode(text))));
  const { tensor } = await ofType(DataType.STRING, [5000], data);
  const decoder = new TextDecoder();
  // Backwards first: what is not known yet is walked over.
  for (const [start, count] of [
    [4990, 10],
    [0, 12],
    [1020, 10],
    [3000, 1],
    [2047, 2],
    [5000, 0],
  ] as const) {
    const page = await readTexts(tensor, { start, count }, silentTask);
    assert.deepEqual(
      page.map((text) => decoder.decode(text)),
      texts.slice(start, start + count),
    );
  }
  await assert.rejects(readTexts(tensor, { start: 4999, count: 2 }, silentTask), { kind: 'badRequest' });
  // A shape that promises more texts than there are.
  const { tensor: lying } = await ofType(DataType.STRING, [9000], data);
  await assert.rejects(readTexts(lying, { start: 5000, count: 1 }, silentTask), /which has 5000/);
});

test('ranges of every width agree with the whole', async () => {
  for (const type of Object.values(DataType)) {
    const width = dataTypeBits(type);
    if (width === undefined) continue;
    const bytes = Uint8Array.from(
      { length: Math.ceil((23 * width) / 8) },
      (_, index) => (index * 73 + 5) & 255,
    );
    const tensor = rawTensor('w', type, [23], bytes);
    const whole = await readTensorValues(tensor);
    const per = whole.length / 23;
    for (const [start, count] of [
      [0, 23],
      [1, 7],
      [5, 0],
      [9, 14],
      [22, 1],
    ] as const) {
      const part = await readTensorValues(tensor, { start, count });
      assert.deepEqual([...part], [...whole.slice(start * per, (start + count) * per)], dataTypeName(type));
    }
  }
});

test('packing is the opposite of unpacking', () => {
  assert.deepEqual(packBits(Uint8Array.of(1, 2, 3, 4), 6), Uint8Array.of(0x81, 0x30, 0x10));
  assert.deepEqual(packBits(Uint8Array.of(1, 2, 15), 4), Uint8Array.of(0x21, 0x0f));
});

test('integers, halves and small floats as float32', async () => {
  assert.deepEqual(await readFloats(int64Tensor('w', [2], [3n, -4n])), Float32Array.of(3, -4));
  const half = rawTensor('w', DataType.FLOAT16, [2], Uint8Array.of(0, 0x3c, 0, 0xc0));
  assert.deepEqual(await readFloats(half), Float32Array.of(1, -2));
  const brain = rawTensor('w', DataType.BFLOAT16, [1], Uint8Array.of(0x80, 0x3f));
  assert.deepEqual(await readFloats(brain), Float32Array.of(1));
  const float8 = rawTensor('w', DataType.FLOAT8E4M3FN, [2], Uint8Array.of(0x38, 0xb8));
  assert.deepEqual(await readFloats(float8), Float32Array.of(1, -1));
  const int4 = rawTensor('w', DataType.INT4, [3], Uint8Array.of(0xf7, 0x08));
  assert.deepEqual(await readFloats(int4), Float32Array.of(7, -1, -8));
});

test('too few values, wrong ranges and lying shapes give a sentence', async () => {
  const kind = (expected: string) => (error: SlipwayError) => error.kind === expected;
  const short = await ofType(DataType.FLOAT, [3], bytesField(4, new Uint8Array(8)));
  await assert.rejects(readFloats(short.tensor), kind('invalidModel'));
  const lying = await ofType(DataType.INT32, [2 ** 40], bytesField(5, Uint8Array.of(1, 2, 3)));
  await assert.rejects(readFloats(lying.tensor), kind('invalidModel'));
  await assert.rejects(
    readFloats(rawTensor('w', DataType.FLOAT, [2 ** 45], new Uint8Array(4))),
    kind('invalidModel'),
  );
  await assert.rejects(readFloats(floatTensor('w', [2], [1, 2]), { start: 1, count: 2 }), kind('badRequest'));
  await assert.rejects(readFloats(floatTensor('w', [-2], [1, 2])), kind('badRequest'));
  const none: Tensor = { ...floatTensor('w', [2], []), storage: { kind: 'none' } };
  await assert.rejects(readFloats(none), kind('invalidModel'));
  assert.equal((await readFloats({ ...none, dims: [0] })).length, 0);
});

test('small constants are in memory after opening, large ones are read from disk until the file changes', async () => {
  const path = join(folder, 'model.onnx');
  const large = Float32Array.from({ length: 1_000_000 }, (_, index) => index);
  await writeModel(
    model(
      graph({
        nodes: [],
        initializers: [int64Tensor('shape', [2], [1n, -1n]), floatTensor('large', [1000, 1000], large)],
      }),
    ),
    path,
    {},
    silentTask,
  );
  const { model: read } = await readModel(path, silentTask);
  const [small, big] = read!.graph.initializers;
  assert.deepEqual(tensorValuesInMemory(small!), BigInt64Array.of(1n, -1n));
  assert.equal(tensorValuesInMemory(big!), undefined);
  assert.deepEqual(await readFloats(big!), large);
  assert.deepEqual(
    await readTensorBytes(big!, { start: 999_999, count: 1 }),
    new Uint8Array(large.buffer).slice(-4),
  );

  utimesSync(path, new Date(), new Date(Date.now() + 5000));
  const changed = (error: SlipwayError) =>
    error.kind === 'fileSystem' && /changed on disk; open it again/.test(error.message);
  await assert.rejects(readFloats(big!), changed);
  writeFileSync(path, 'shorter');
  await assert.rejects(readFloats(big!), changed);
  assert.deepEqual(tensorValuesInMemory(small!), BigInt64Array.of(1n, -1n));
});
