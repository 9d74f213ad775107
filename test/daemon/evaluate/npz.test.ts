import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { inflateSync } from 'node:zlib';
import { silentTask } from '../../../daemon/base/task';
import { openArrays } from '../../../daemon/evaluate/npz';
import { f4, i8, npyBytes, npzBytes } from '../../support/npzWriter';
import { temporaryFolder } from '../../support/paths';

const folder = temporaryFolder();
let count = 0;
function file(bytes: Uint8Array): string {
  const path = join(folder, `${(count += 1)}.npz`);
  writeFileSync(path, bytes);
  return path;
}

async function readAll(bytes: Uint8Array, rows?: number) {
  const arrays = await openArrays(file(bytes), silentTask);
  try {
    const read: Record<string, unknown> = {};
    for (const array of arrays.arrays)
      read[array.name] = [array.type, array.dims, await array.read(rows, silentTask)];
    return read;
  } finally {
    arrays.close();
  }
}

const base64 = (text: string) => Buffer.from(text, 'base64');

test('reads what NumPy 2.4 wrote, compressed and stored', async () => {
  const compressed = base64(
    'UEsDBC0AAAAIAAAAIQCJv5wz//////////8FABQAeC5ucHkBABAAmAAAAAAAAABWAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG6TZqKuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GsY6CkaaOgq1CmQDLgYwaLADEvYMDA5A3ADEC+wBUEsDBC0AAAAIAAAAIQCis9BL//////////8JABQAbGFiZWwubnB5AQAQAJgAAAAAAAAASgAAAAAAAACb7BfqGxDJyFDGUK2eklqcXKRupaBuk2mhrqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RrGOpo6CrUKFAAuRgZUAOMDAFBLAQItAy0AAAAIAAAAIQCJv5wzVgAAAJgAAAAFAAAAAAAAAAAAAACAAQAAAAB4Lm5weVBLAQItAy0AAAAIAAAAIQCis9BLSgAAAJgAAAAJAAAAAAAAAAAAAACAAY0AAABsYWJlbC5ucHlQSwUGAAAAAAIAAgBqAAAAEgEAAAAA',
  );
  assert.deepEqual(await readAll(compressed), {
    x: ['float32', [3, 2], Float32Array.of(0, 0.25, 0.5, 0.75, 1, 1.25)],
    label: ['int64', [3], BigInt64Array.of(1n, 0n, 1n)],
  });
  assert.deepEqual(await readAll(compressed, 2), {
    x: ['float32', [3, 2], Float32Array.of(0, 0.25, 0.5, 0.75)],
    label: ['int64', [3], BigInt64Array.of(1n, 0n)],
  });
  const stored = base64(
    'UEsDBC0AAAAAAAAAIQCgREtb//////////8HABQAaWRzLm5weQEAEACgAAAAAAAAAKAAAAAAAAAAk05VTVBZAQB2AHsnZGVzY3InOiAnPGk4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDIpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoBAAAAAAAAAAIAAAAAAAAAAwAAAAAAAAAEAAAAAAAAAFBLAQItAy0AAAAAAAAAIQCgREtboAAAAKAAAAAHAAAAAAAAAAAAAACAAQAAAABpZHMubnB5UEsFBgAAAAABAAEANQAAANkAAAAAAA==',
  );
  assert.deepEqual(await readAll(stored), { ids: ['int64', [2, 2], BigInt64Array.of(1n, 2n, 3n, 4n)] });
});

/** .npy files of NumPy 2.4, deflated to keep the literals short. */
const npyFiles: readonly (readonly [what: string, deflated: string, values: readonly unknown[]])[] = [
  [
    'Fortran order',
    'eNqb7BfqGxDJyFDGUK2eklqcXKRupaBuk2mirqOgnpZfVFKUmBefX5SSChIPKSpNBQoXZyQWpAK5GkY6CsaaOgq1CuQDLgYgYAZiRiBmAWImIGYFYgDcHBtT',
    ['int32', [2, 3], Int32Array.of(0, 1, 2, 3, 4, 5)],
  ],
  [
    'big-endian',
    'eNqb7BfqGxDJyFDGUK2eklqcXKRupaBul2ahrqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RpGOpo6CrUKFAAu+x8MYHAAQjEAACOVHVY=',
    ['float64', [2], Float64Array.of(1.5, -2)],
  ],
  [
    'half floats as patterns',
    'eNqb7BfqGxDJyFDGUK2eklqcXKRupaBuk2akrqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RrGOpo6CrUKFAAuBov/1QwNAP0bHYo=',
    ['float16', [3], Uint16Array.of(0x3800, 0x7bff, 0x8000)],
  ],
  [
    'bool',
    'eNqb7BfqGxDJyFDGUK2eklqcXKRupaBek2SorqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RpGOpo6CrUKFAAuRgYAoZgbkw==',
    ['bool', [2], Uint8Array.of(1, 0)],
  ],
  [
    'text',
    'eNqb7BfqGxDJyFDGUK2eklqcXKRupaBuE2qsrqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RrGOpo6CrUKFACuRAYEyADil1D8NJWBQScdIg4AbS0fwA==',
    ['string', [3], ['a', 'héé', '日本']],
  ],
  [
    'bytes',
    'eNqb7BfqGxDJyFDGUK2eklqcXKRupaBeE2ykrqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RpGOpo6CrUKFACuxKRkBgDWJRyq',
    ['string', [2], ['ab', 'c']],
  ],
  [
    'a scalar',
    'eNqb7BfqGxDJyFDGUK2eklqcXKRupaBuk2airqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RqaOgq1ChQBLgYGBwcAuVcbuw==',
    ['float32', [], Float32Array.of(3)],
  ],
  [
    'uint64',
    'eNqb7BfqGxDJyFDGUK2eklqcXKRupaBuU2qhrqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RqGOpo6CrUKFACu/1AAAFlvI2M=',
    ['uint64', [1], BigUint64Array.of(2n ** 64n - 1n)],
  ],
  [
    'int8',
    'eNqb7BfqGxDJyFDGUK2eklqcXKRupaBek2morqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RpGOpo6CrUKFACuhnoApgkcmA==',
    ['int8', [2], Int8Array.of(-128, 127)],
  ],
];
for (const [what, deflated, values] of npyFiles)
  test(`reads ${what}`, async () => {
    assert.deepEqual(await readAll(inflateSync(base64(deflated))), { '': values });
  });

const refused: readonly (readonly [what: string, bytes: () => Uint8Array, message: RegExp])[] = [
  ['an empty file', () => new Uint8Array(0), /is empty\. Name an \.npz file/],
  ['another kind of file', () => Buffer.from('hello, this is text'), /neither an \.npz nor an \.npy file/],
  [
    'complex numbers',
    () =>
      inflateSync(
        base64(
          'eNqb7BfqGxDJyFDGUK2eklqcXKRupaBuk2yhrqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RqGOpo6CrUKFAAuBjBosAcALs4cGA==',
        ),
      ),
    /element type "<c8" is none that a model takes/,
  ],
  [
    'pickled objects',
    () => npyBytes({ descr: '|O', shape: [1], bytes: new Uint8Array(8) }),
    /Python objects/,
  ],
  [
    'structured arrays',
    () =>
      inflateSync(
        base64(
          'eNqb7BfqGxDJyFDGUK2eklqcXKRupRCtoZ6orqOgbpNpoq6po6ChngTmpQF5sUBGWn5RSVFiXnx+UUoqSLlbYk5xKlC8OCOxIBXI1zDUAeqqVSAGcDEygIEDADrSHX0=',
        ),
      ),
    /structured array/,
  ],
  [
    'a cut-off .npy',
    () => npyBytes(f4([4], [1, 2, 3, 4])).subarray(0, 136),
    /cut off.*takes 16 bytes.*8 are there/,
  ],
  ['a cut-off header', () => npyBytes(f4([4], [1, 2, 3, 4])).subarray(0, 40), /cut off in its header/],
  [
    'a shape beyond all memory',
    () => npyBytes({ descr: '<f4', shape: [2 ** 40, 2 ** 40], bytes: new Uint8Array(0) }),
    /impossible/,
  ],
  [
    'a shape beyond the file',
    () => npyBytes({ descr: '<f4', shape: [1000, 1000, 1000], bytes: new Uint8Array(64) }),
    /cut off/,
  ],
  [
    'a cut-off archive',
    () => npzBytes({ x: f4([4], [1, 2, 3, 4]) }).slice(0, 150),
    /directory at its end is missing/,
  ],
];
for (const [what, bytes, message] of refused)
  test(`refuses ${what}`, async () => {
    await assert.rejects(readAll(bytes()), (error: Error & { kind?: string }) => {
      assert.equal(error.kind, 'badRequest');
      assert.match(error.message, message);
      return true;
    });
  });

test('a damaged value is noticed by its checksum', async () => {
  const bytes = Buffer.from(npzBytes({ x: f4([4], [1, 2, 3, 4]) }, 0));
  bytes[bytes.indexOf(Buffer.from(Float32Array.of(3).buffer))]! ^= 1;
  await assert.rejects(readAll(bytes), /array "x" in .* is damaged: its checksum is wrong/);
});

test('damaged compressed data is a sentence', async () => {
  const bytes = Buffer.from(
    npzBytes({
      x: f4(
        [640],
        Array.from({ length: 640 }, (_, i) => Math.sin(i)),
      ),
    }),
  );
  bytes.fill(0xff, 1000, 1100);
  await assert.rejects(readAll(bytes), /"x(.npy)?" is (damaged|longer than)/);
});

test('a bomb is refused by what it states or by what it gives', async () => {
  // 32 MB of zeros in 32 kB, whose directory states 4 GB.
  const bytes = Buffer.from(
    npzBytes({ x: { descr: '|u1', shape: [2 ** 25], bytes: new Uint8Array(2 ** 25) } }),
  );
  const record = bytes.lastIndexOf(Buffer.from('PK\x01\x02', 'latin1'));
  const states = (size: number) => {
    const copy = Buffer.from(bytes);
    copy.writeUInt32LE(size, record + 24);
    return copy;
  };
  await assert.rejects(readAll(states(0xfffffff0)), /impossible sizes/);
  await assert.rejects(readAll(states(200)), /longer than the directory says/);
});

test('arrays of any names and entries that are no arrays are listed as they are', async () => {
  assert.deepEqual(await readAll(npzBytes({ 'a/b': i8([2], [5, -6]), 'mit Leerzeichen': f4([0, 3], []) })), {
    'a/b': ['int64', [2], BigInt64Array.of(5n, -6n)],
    'mit Leerzeichen': ['float32', [0, 3], new Float32Array(0)],
  });
});

test('random bytes behind a valid start never crash', async () => {
  const good = Buffer.from(
    npzBytes({ x: f4([8, 4], new Array<number>(32).fill(1)), label: i8([8], [1, 2, 3, 4, 5, 6, 7, 8]) }),
  );
  let state = 1;
  const random = (below: number) => (state = (state * 48271) % 0x7fffffff) % below;
  for (let round = 0; round < 300; round += 1) {
    const bytes = Buffer.from(good);
    for (let i = 0; i < 4; i += 1) bytes[4 + random(bytes.length - 4)] = random(256);
    try {
      await readAll(bytes);
    } catch (error) {
      assert.equal((error as { kind?: string }).kind, 'badRequest', String(error));
    }
  }
});
