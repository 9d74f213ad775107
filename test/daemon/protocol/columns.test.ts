import assert from 'node:assert/strict';
import { test } from 'node:test';
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

test('an empty table is a table', () => {
  assert.deepEqual(decodeColumns(encodeColumns({})), {});
});
