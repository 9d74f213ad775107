// Sound files of every kind of value, other rates, and a folder of them as data.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentTask } from '../../../../daemon/base/task';
import { decodeWav, resample } from '../../../../daemon/evaluate/data/wav';
import { loadDataset } from '../../../../daemon/evaluate/dataset';
import type { SessionValue } from '../../../../daemon/runtime/runner/session';
import { plainBatches } from '../../../support/batches';
import { temporaryFolder } from '../../../support/paths';

const folder = temporaryFolder();

interface Layout {
  readonly format?: number;
  readonly bits?: number;
  readonly channels?: number;
  readonly rate?: number;
}

function wav(data: Uint8Array, { format = 1, bits = 16, channels = 1, rate = 8000 }: Layout = {}): Buffer {
  const header = Buffer.alloc(44);
  header.write('RIFF', 0);
  header.writeUInt32LE(36 + data.length, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(format, 20);
  header.writeUInt16LE(channels, 22);
  header.writeUInt32LE(rate, 24);
  header.writeUInt32LE((rate * channels * bits) / 8, 28);
  header.writeUInt16LE((channels * bits) / 8, 32);
  header.writeUInt16LE(bits, 34);
  header.write('data', 36);
  header.writeUInt32LE(data.length, 40);
  return Buffer.concat([header, data]);
}
const bytes = (values: ArrayBufferView) =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
const pcm = (...values: number[]) => bytes(Int16Array.from(values, (value) => Math.round(value * 32767)));

test('whole numbers of 8 to 32 bits and floating point, channels averaged', () => {
  const kinds: readonly (readonly [Layout, Uint8Array])[] = [
    [{ bits: 8 }, Uint8Array.of(192, 64)],
    [{ bits: 16 }, bytes(Int16Array.of(16384, -16384))],
    [{ bits: 24 }, Uint8Array.of(0, 0, 0x40, 0, 0, 0xc0)],
    [{ bits: 32 }, bytes(Int32Array.of(2 ** 30, -(2 ** 30)))],
    [{ bits: 32, format: 3 }, bytes(Float32Array.of(0.5, -0.5))],
    [{ bits: 64, format: 3 }, bytes(Float64Array.of(0.5, -0.5))],
  ];
  for (const [layout, data] of kinds)
    assert.deepEqual([...decodeWav(wav(data, layout)).samples], [0.5, -0.5], JSON.stringify(layout));
  const stereo = wav(bytes(Int16Array.of(16384, 0, -16384, 16384)), { channels: 2 });
  assert.deepEqual([...decodeWav(stereo).samples], [0.25, 0]);
});

test('a tone keeps its pitch and height at another rate', () => {
  const tone = (rate: number) =>
    Float32Array.from({ length: rate / 2 }, (_, i) => Math.sin((2 * Math.PI * 440 * i) / rate));
  for (const [from, to] of [
    [44_100, 16_000],
    [16_000, 44_100],
    [8000, 16_000],
  ] as const) {
    const made = resample({ rate: from, samples: tone(from) }, to).samples;
    const should = tone(to);
    let worst = 0;
    for (let i = 200; i < should.length - 200; i += 1)
      worst = Math.max(worst, Math.abs(made[i]! - should[i]!));
    assert.ok(worst < 0.01, `${from} → ${to}: ${worst}`);
    assert.equal(made.length, to / 2);
  }
});

test('a tone above half the new rate is gone', () => {
  const high = Float32Array.from({ length: 8000 }, (_, i) => Math.sin((2 * Math.PI * 7000 * i) / 16_000));
  const { samples } = resample({ rate: 16_000, samples: high }, 8000);
  assert.ok(Math.max(...samples.subarray(200, -200).map(Math.abs)) < 0.02);
});

test('what is no sound is said', () => {
  assert.throws(() => decodeWav(Buffer.from('nothing')), /no \.wav file/);
  assert.throws(() => decodeWav(wav(Uint8Array.of(1), { format: 7, bits: 8 })), /format 7, 8 bits/);
  assert.throws(() => decodeWav(wav(new Uint8Array(0)).subarray(0, 36)), /holds no sound/);
});

const audio: SessionValue = { name: 'audio', type: 'float32', dims: ['batch', 4] };

test('a folder of classes: cut, filled with silence, in the order of names', async () => {
  for (const [name, data] of [
    ['no/a.wav', pcm(0.5, 0.5)],
    ['yes/b.wav', pcm(1, 0, -1, 0, 1, 0)],
  ] as const) {
    mkdirSync(join(folder, 'words', name, '..'), { recursive: true });
    writeFileSync(join(folder, 'words', name), wav(data));
  }
  const path = join(folder, 'words');
  await assert.rejects(
    loadDataset(path, [audio], {}, silentTask),
    /has 8000 samples a second\. State the rate/,
  );
  const data = await loadDataset(path, [audio], { preprocess: 'rate=8000' }, silentTask);
  assert.deepEqual(
    [[...data.labels!], data.classNames],
    [
      [0, 1],
      ['no', 'yes'],
    ],
  );
  const half = Math.fround(Math.round(0.5 * 32767) / 32768);
  const one = Math.fround(32767 / 32768);
  assert.deepEqual(await plainBatches(data, 2), [
    [0, 2, ['audio', 'float32', [2, 4], [half, half, 0, 0, one, 0, -one, 0]]],
  ]);
  const picture: SessionValue = { name: 'image', type: 'float32', dims: [1, 3, 8, 8] };
  await assert.rejects(
    loadDataset(path, [picture], { preprocess: 'rate=8000' }, silentTask),
    /input "image" \(float32, 1 × 3 × 8 × 8\) takes no sound/,
  );
});
