// Sound files as SciPy and Python's own library write and read them, and other rates against SciPy's filter.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { decodeWav, resample } from '../../../../daemon/evaluate/data/wav';
import { metricPeers } from '../../../support/evaluationPeers';
import { temporaryFolder } from '../../../support/paths';
import { askPython } from '../../../support/pythonEnvironment';

const peers = metricPeers();

const script = `
import json, sys, wave
import numpy as np
from scipy.io import wavfile
from scipy.signal import resample_poly
folder = json.load(sys.stdin)
r = np.random.default_rng(7)
answers = []
def full(kind):
    info = np.iinfo(kind)
    return lambda shape: r.integers(info.min, info.max, shape, dtype=kind, endpoint=True)
kinds = [('u8', full(np.uint8)), ('i16', full(np.int16)), ('i32', full(np.int32)),
         ('f32', lambda s: r.uniform(-1, 1, s).astype(np.float32)), ('f64', lambda s: r.uniform(-1, 1, s))]
for name, make in kinds:
    for channels in [1, 2, 3]:
        path = f'{folder}/{name}-{channels}.wav'
        wavfile.write(path, 22050, make((200, channels)) if channels > 1 else make((200,)))
        answers.append(path)
for channels in [1, 2]:
    path = f'{folder}/i24-{channels}.wav'
    with wave.open(path, 'wb') as out:
        out.setnchannels(channels); out.setsampwidth(3); out.setframerate(22050)
        out.writeframes(r.integers(0, 256, 200 * channels * 3, dtype=np.uint8).tobytes())
    answers.append(path)
def normal(data):
    if data.dtype == np.uint8: return (data.astype(float) - 128) / 128
    if data.dtype.kind == 'i': return data.astype(float) / -float(np.iinfo(data.dtype).min)
    return data.astype(float)
read = []
for path in answers:
    rate, data = wavfile.read(path)
    data = normal(data)
    read.append({'path': path, 'rate': rate, 'samples': (data.mean(axis=1) if data.ndim > 1 else data).tolist()})
rates = []
for start, wanted in [(44100, 16000), (16000, 44100), (8000, 16000), (48000, 16000), (22050, 16000)]:
    t = np.arange(start // 4) / start
    # Tones well below half of the lower rate, where every good filter lets all pass.
    x = sum(np.sin(2 * np.pi * f * t + k) / 4 for k, f in enumerate([110, 523, 1310, 2200])).astype(np.float32)
    g = np.gcd(start, wanted)
    y = resample_poly(x.astype(float), wanted // g, start // g, window=('kaiser', 10.0))
    rates.append({'from': start, 'to': wanted, 'given': x.tolist(), 'wanted': y.tolist()})
json.dump({'read': read, 'rates': rates}, sys.stdout)
`;

interface Answers {
  read: { path: string; rate: number; samples: number[] }[];
  rates: { from: number; to: number; given: number[]; wanted: number[] }[];
}

if ('missing' in peers) {
  test(`sound was not held against SciPy: ${peers.missing}`, () => undefined);
} else {
  const { read, rates } = askPython(peers.python, script, temporaryFolder()) as Answers;

  for (const { path, rate, samples } of read)
    test(`reads ${path.split(/[\\/]/).at(-1) ?? path} as SciPy does`, () => {
      const own = decodeWav(readFileSync(join(path)));
      assert.equal(own.rate, rate);
      assert.equal(own.samples.length, samples.length);
      assert.ok(samples.every((value, i) => Math.abs(own.samples[i]! - value) <= 1e-7));
    });

  for (const { from, to, given, wanted } of rates)
    test(`${from} → ${to} samples a second as SciPy's polyphase filter`, (context) => {
      const { samples } = resample({ rate: from, samples: Float32Array.from(given) }, to);
      assert.ok(Math.abs(samples.length - wanted.length) <= 1);
      let [error, power] = [0, 0];
      // Both have nothing beyond the ends to look at.
      for (let i = 100; i < Math.min(samples.length, wanted.length) - 100; i += 1) {
        error += (samples[i]! - wanted[i]!) ** 2;
        power += wanted[i]! ** 2;
      }
      const relative = Math.sqrt(error / power);
      context.diagnostic(`relative error ${relative.toExponential(1)}`);
      assert.ok(relative < 5e-3, `${relative}`);
    });
}
