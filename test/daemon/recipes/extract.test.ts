// Parts of models as models of their own: what they read and give, and that they compute what the whole does.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { silentTask } from '../../../daemon/base/task';
import { floatTensor, graph, int64Tensor, model, node, valueInfo } from '../../../daemon/ir/builder';
import { DataType } from '../../../daemon/ir/dataType';
import type { Model } from '../../../daemon/ir/model';
import { readModel } from '../../../daemon/onnx/readModel';
import { writeModel } from '../../../daemon/onnx/writeModel';
import { extractPart, type ExtractChoice } from '../../../daemon/recipes/extract';
import { functionModel } from '../../support/functionModel';
import { loopModel } from '../../support/loopModel';
import { OrtWorker, type OrtFeed } from '../../support/ort';
import { temporaryFolder } from '../../support/paths';

const folder = temporaryFolder();
const ort = new OrtWorker();
after(() => ort.close());

/** x → Relu → Mul by a constant → Add x → Sigmoid → y, and Neg of the product → z. */
const chain = model(
  graph({
    name: 'chain',
    nodes: [
      node('Relu', ['x'], ['r'], { name: 'relu' }),
      node('Reshape', ['w', 'shape'], ['c'], { name: 'constant' }),
      node('Mul', ['r', 'c'], ['m'], { name: 'mul' }),
      node('Add', ['m', 'x'], ['s'], { name: 'add' }),
      node('Sigmoid', ['s'], ['y']),
      node('Neg', ['m'], ['z'], { name: 'neg' }),
    ],
    initializers: [floatTensor('w', [4], new Float32Array([1, 2, 3, 4])), int64Tensor('shape', [2], [1, 4])],
    inputs: [valueInfo('x', DataType.FLOAT, ['batch', 4])],
    outputs: [valueInfo('y', DataType.FLOAT, ['batch', 4]), valueInfo('z', DataType.FLOAT, ['batch', 4])],
  }),
);

let made = 0;

async function extract(whole: Model, choice: ExtractChoice) {
  const source = join(folder, `whole${++made}.onnx`);
  await writeModel(whole, source, {}, silentTask);
  const read = (await readModel(source, silentTask)).model!;
  const result = await extractPart(read, source, choice, join(folder, `part${made}.onnx`), {}, silentTask);
  const part = (await readModel(result.file, silentTask)).model!;
  return { result, part, source };
}

const names = (values: readonly { name: string }[]) => values.map(({ name }) => name);

test('between two nodes: what comes from outside is read, constants come along, and the end alone is given', async () => {
  const { result, part } = await extract(chain, { from: ['mul'], to: ['y'] });
  assert.deepEqual(names(result.inputs), ['r', 'x']);
  assert.deepEqual(names(result.outputs), ['y']);
  assert.deepEqual(result.inputs[0], { name: 'r', dtype: 'float', shape: ['batch', 4] });
  assert.deepEqual(names(part.graph.nodes), ['constant', 'mul', 'add', '']);
  assert.deepEqual(names(part.graph.initializers), ['w', 'shape']);
});

test('up to a value, behind a node, and nodes by position', async () => {
  const upTo = await extract(chain, { to: ['m'] });
  assert.deepEqual([names(upTo.result.inputs), names(upTo.result.outputs)], [['x'], ['m']]);
  const behind = await extract(chain, { from: ['add'] });
  assert.deepEqual([names(behind.result.inputs), names(behind.result.outputs)], [['m', 'x'], ['y']]);
  const chosen = await extract(chain, { nodes: [2] });
  assert.deepEqual([names(chosen.result.inputs), names(chosen.result.outputs)], [['r'], ['m']]);
  assert.equal(chosen.result.nodes, 2);
  assert.deepEqual(names((await extract(chain, { to: [2] })).result.outputs), ['m']);
});

test('two parts one after the other compute what the whole computes', async () => {
  const x = Float32Array.from({ length: 8 }, (_, i) => i / 3 - 1);
  const feed = (name: string, data: Float32Array): OrtFeed => ({ name, type: 'float32', dims: [2, 4], data });
  const run = async (path: string, feeds: OrtFeed[]) => {
    const answer = await ort.run(path, feeds);
    assert.ok('outputs' in answer, JSON.stringify(answer));
    return answer.outputs.map(({ data }) => data as Float32Array);
  };
  const first = await extract(chain, { to: ['mul'] });
  const second = await extract(chain, { from: ['add'], to: ['y'] });
  const [whole] = await run(first.source, [feed('x', x)]);
  const [m] = await run(first.result.file, [feed('x', x)]);
  const [y] = await run(second.result.file, [feed('m', m!), feed('x', x)]);
  assert.deepEqual(y, whole);
});

test('a body reads what it takes from outside; functions that are called come along', async () => {
  const body = await extract(loopModel(), { scope: 'loop/body' });
  assert.ok(names(body.result.inputs).includes('w'));
  const call = await extract(functionModel(), { from: ['block_one'], to: ['block_one'] });
  assert.equal(call.part.functions.length, functionModel().functions.length);
});

test('what cannot be said is refused in words', async () => {
  const cases: readonly [ExtractChoice, RegExp][] = [
    [{}, /Say which part/],
    [{ scope: 'nowhere' }, /no graph and no scope "nowhere"/],
    [{ to: ['nobody'] }, /no node and no value that is called "nobody"/],
    [{ from: ['neg'], to: ['add'] }, /No way leads from neg to add/],
    [{ nodes: [99] }, /there is no 99/],
  ];
  for (const [choice, says] of cases) await assert.rejects(extract(chain, choice), says);
  await assert.rejects(
    extract(functionModel(), { scope: 'function local:Scale' }),
    /Parts of functions cannot/,
  );
  const strange = model(
    graph({
      nodes: [
        node('Strange', ['x'], ['a'], { domain: 'com.acme' }),
        node('Relu', ['a'], ['y'], { name: 'r' }),
      ],
      inputs: [valueInfo('x', DataType.FLOAT, [1])],
      outputs: [valueInfo('y', DataType.FLOAT, [1])],
    }),
  );
  await assert.rejects(extract(strange, { from: ['r'] }), /Nothing is known of the type of "a"/);
});
