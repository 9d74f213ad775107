import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Dictionary } from '../../../daemon/base/dictionary';
import { decodeColumns, encodeColumns } from '../../../daemon/protocol/columns';
import { decodeFrame, encodeFrame } from '../../../daemon/protocol/frames';

test('columns of every type come back, also from an unaligned buffer', () => {
  const columns = {
    index: Int32Array.of(1, -2, 3),
    time: Float64Array.of(0.5, Number.NaN),
    x: Float32Array.of(1.5),
    kind: Uint8Array.of(0, 1, 2),
    name: ['', 'Conv_0', 'größer', '日本', 'x'.repeat(1000)],
    none: [],
  };
  const encoded = encodeColumns(columns);
  assert.deepEqual(decodeColumns(encoded), columns);
  const frame = encodeFrame(7, encoded);
  const shifted = new Uint8Array(frame.byteLength + 3);
  shifted.set(frame, 3);
  const decoded = decodeFrame(shifted.subarray(3));
  assert.equal(decoded?.id, 7);
  assert.deepEqual(decodeColumns(decoded.payload), columns);
});

test('texts that repeat travel once', () => {
  const rows = ['Conv', '', 'Conv', 'größer', 'Conv'];
  const repeated = new Dictionary();
  for (const text of rows) repeated.push(text);
  assert.deepEqual(repeated.texts, ['Conv', '', 'größer']);
  const encoded = encodeColumns({ op: repeated, none: new Dictionary() });
  assert.deepEqual(decodeColumns(encoded), { op: rows, none: [] });
  const long = new Dictionary();
  for (let i = 0; i < 1000; i++) long.push('a long text that repeats');
  assert.ok(encodeColumns({ long }).byteLength < 5000);
});

test('an empty table is a table', () => {
  assert.deepEqual(decodeColumns(encodeColumns({})), {});
});
