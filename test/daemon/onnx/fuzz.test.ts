// Whatever the bytes, reading never throws, and what it gives can be written again.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { graph, model, node } from '../../../daemon/ir/builder';
import type { Model } from '../../../daemon/ir/model';
import { encodeModel } from '../../../daemon/onnx/encodeModel';
import { modelTensors } from '../../../daemon/onnx/modelTensors';
import { decodeModel } from '../../../daemon/onnx/readModel';
import { readFloats, readStrings, readTensorBytes } from '../../../daemon/onnx/tensorData';
import { SlipwayError } from '../../../daemon/base/errors';
import { everyFeature, nestedBodies } from '../../support/everyFeature';
import { modelDifference } from '../../support/sameModel';

/** A small generator of numbers below `limit` (xorshift), the same in every run. */
function numbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

/** Reads bytes; reads every tensor; writes and reads again. Nothing but a SlipwayError may come out. */
async function survive(bytes: Uint8Array): Promise<boolean> {
  const { model: found, diagnostics } = await decodeModel(bytes);
  assert.ok(found !== undefined || diagnostics.some((one) => one.severity === 'error'));
  if (!found) return false;
  for (const { tensor } of modelTensors(found)) {
    for (const readValues of [readTensorBytes, readFloats, readStrings]) {
      try {
        await readValues(tensor);
      } catch (error) {
        assert.ok(error instanceof SlipwayError, String(error));
      }
    }
  }
  const again = await decodeModel(await encodeModel(found));
  if (isWhole(diagnostics)) assert.equal(await modelDifference(found, again.model ?? found), undefined);
  return true;
}

/** Text that is not UTF-8 and numbers beyond 2^53 change once when they are written; the rest must not. */
const isWhole = (diagnostics: readonly { id: string }[]) =>
  !diagnostics.some((one) => /not-utf8|dims|two-payloads|attribute-values/.test(one.id));

const built: Model = everyFeature({ strange: true });

test('a model cut after every byte', async () => {
  const bytes = await encodeModel(built);
  let withModel = 0;
  for (let length = 0; length < bytes.length; length += length < 3000 ? 1 : 61) {
    withModel += Number(await survive(bytes.subarray(0, length)));
  }
  assert.ok(withModel > 1000);
});

test('a model with random bytes changed', async () => {
  const bytes = await encodeModel(built);
  const random = numbers(1);
  for (let round = 0; round < 1000; round += 1) {
    const changed = bytes.slice();
    for (let flips = 1 + random(8); flips > 0; flips -= 1) {
      // Mostly near the front, where the lengths of the large messages are.
      const at = random(3) === 0 ? random(64) : random(bytes.length);
      changed[at] = random(4) === 0 ? 255 : random(256);
    }
    await survive(changed);
  }
});

test('a deeply nested model with random bytes changed', async () => {
  const branch = node('If', ['c'], ['y'], { attributes: { then_branch: nestedBodies(60) } });
  const bytes = await encodeModel(model(graph({ nodes: [branch] })));
  const random = numbers(7);
  for (let round = 0; round < 200; round += 1) {
    const changed = bytes.slice();
    for (let flips = 1 + random(4); flips > 0; flips -= 1) changed[random(bytes.length)] = random(256);
    await survive(changed);
  }
});

test('random bytes', async () => {
  const random = numbers(42);
  for (let round = 0; round < 1500; round += 1) {
    await survive(Uint8Array.from({ length: random(300) }, () => (random(2) ? random(256) : random(16))));
  }
});

test('a body full of half messages takes linear time', async () => {
  // Groups, strange fields and wrong types one inside the other.
  for (const pattern of [[0x0a, 0x7f], [0x0b], [0x2a, 0x05], [0x3a, 0xff, 0xff, 0xff, 0x07], [0x80]]) {
    const bytes = Uint8Array.from({ length: 200_000 }, (_, index) => pattern[index % pattern.length]!);
    await survive(bytes);
  }
});
