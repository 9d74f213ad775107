// A small decoder of a language model as an exporter writes it, through weight-only quantization of its file: every
// projection, the tied table and its lookup, in both forms; it loads, runs at several lengths and stays near.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentTask } from '../../../../daemon/base/task';
import { compareOutputs } from '../../../../daemon/evaluate/outputError';
import { setScriptFolder } from '../../../../daemon/host/scripts';
import { intAttribute } from '../../../../daemon/ir/attributes';
import { readModel } from '../../../../daemon/onnx/readModel';
import { quantizeWeights, type WeightOnlyRequest } from '../../../../daemon/recipes/weightOnly/weightOnly';
import { llmModel } from '../../../support/llmModel';
import { i8, writeNpz } from '../../../support/npzWriter';
import { distFolder, temporaryFolder } from '../../../support/paths';
import { writeSmall } from '../../../support/smallModels';

setScriptFolder(distFolder);
const folder = temporaryFolder('slipway-language-model-');
const size = { layers: 2, hidden: 64, heads: 4, inner: 128, vocabulary: 320 };
/** Projections of a layer: query, key, value, output, gate, up, down. */
const perLayer = 7;

let state = 5;
const token = () => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state % size.vocabulary;
};
const tokens = (count: number) => Array.from({ length: count }, token);

/** Token rows of one length, the last ones padding. */
const feedsOf = (batch: number, length: number) => ({
  input_ids: { type: 'int64', dims: [batch, length], data: BigInt64Array.from(tokens(batch * length), BigInt) },
  attention_mask: {
    type: 'int64',
    dims: [batch, length],
    data: BigInt64Array.from({ length: batch * length }, (_, i) => (i % length < length - 1 ? 1n : 0n)),
  },
}) as const; // prettier-ignore

const calibration = writeNpz(join(folder, 'tokens.npz'), {
  input_ids: i8([24, 12], tokens(288)),
  attention_mask: i8([24, 12], new Array<number>(288).fill(1)),
});

type Options = Omit<WeightOnlyRequest, 'output'>;
const cases: Record<string, { options: Options; least: number; lookup: string; product: string }> = {
  'int4 of ONNX Runtime': { options: {}, least: 0.88, lookup: 'GatherBlockQuantized', product: 'MatMulNBits' },
  'int4 by GPTQ': { options: { calibration }, least: 0.88, lookup: 'GatherBlockQuantized', product: 'MatMulNBits' },
  'int8, portable': { options: { bits: 8, form: 'blocked' }, least: 0.998, lookup: 'Gather', product: 'MatMul' },
}; // prettier-ignore

for (const [name, { options, least, lookup, product }] of Object.entries(cases)) {
  test(`a decoder in ${name}`, async () => {
    const path = await writeSmall(folder, 'decoder.onnx', llmModel(size));
    const output = join(folder, `${name.replaceAll(/\W+/gu, '-')}.onnx`);
    const result = await quantizeWeights(path, { output, ...options }, silentTask);
    const weights = perLayer * size.layers + 1;
    // The table is one weight of two nodes: its lookup, and the output layer.
    assert.equal(result.weightOnly.layers.length, weights);
    assert.equal(result.quantizedNodes, weights + 1);
    const tied = result.weightOnly.layers.find(({ nodes }) => nodes.length === 2);
    assert.deepEqual(
      [tied?.weight, tied?.nodes.includes('/lm_head/MatMul')],
      ['model.embed_tokens.weight', true],
    );
    // What stays in float multiplies what is computed, or would not shrink: the frequencies of the rotary embedding.
    const why = result.fusion.left.map((each) => each.why);
    const rotary = why.filter((each) => each.startsWith('Its one row would take no less in blocks of 32'));
    assert.equal(rotary.length, 1, why.join());
    const computed = why.filter((each) => each === 'Its weight is computed while the model runs.');
    assert.equal(computed.length + 1, why.length, why.join());
    const { model: made } = await readModel(output, silentTask);
    const { nodes, initializers } = made!.graph;
    const ops = nodes.map(({ opType }) => opType);
    assert.ok(ops.filter((op) => op === product).length >= weights, ops.join());
    assert.ok(ops.includes(lookup));
    // No float weight is left beside its integers, and the table's integers are there once.
    const names = initializers.map(({ name: each }) => each);
    assert.ok(!names.some((each) => /(?:proj|embed_tokens)\.weight$/u.test(each)), names.join());
    assert.equal(names.filter((each) => /^model\.embed_tokens\.weight_q\d$/u.test(each)).length, 1);
    const sizes = [
      [1, 1],
      [1, 7],
      [3, 20],
    ] as const;
    for (const [batch, length] of sizes) {
      const batches = [{ feeds: feedsOf(batch, length), count: batch }];
      const { cosine } = await compareOutputs(path, output, batches, silentTask);
      assert.ok(cosine > least, `${batch} × ${length}: ${cosine}`);
    }
    if (product === 'MatMulNBits') {
      const { accuracyLevel, tried } = result.weightOnly;
      assert.deepEqual(
        tried.map(({ level }) => level),
        [4, 1],
      );
      const written = nodes.filter(({ opType }) => opType === product);
      const levels = new Set(written.map((each) => intAttribute(each, 'accuracy_level', 0)));
      assert.deepEqual([...levels], [accuracyLevel]);
    }
  });
}
