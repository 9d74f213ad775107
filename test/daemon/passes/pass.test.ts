import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SlipwayError } from '../../../daemon/base/errors';
import { silentTask } from '../../../daemon/base/task';
import { node } from '../../../daemon/ir/builder';
import { cloneModel } from '../../../daemon/ir/clone';
import { runPass, runPasses, type Pass } from '../../../daemon/passes/pass';
import { frozen, oneToOne, weight } from './modelHarness';

const relu = frozen(oneToOne([node('Relu', ['x'], ['y'])], [], [2]));
const rename = (name: string): Pass => ({
  name,
  run: (model) => ({ model: { ...model, producerName: name }, modified: true }),
});

test('passes run in order and say what they did', async () => {
  const idle: Pass = { name: 'idle', run: (model) => ({ model, modified: false }) };
  const result = await runPasses(relu, [rename('a'), idle, rename('b')], silentTask);
  assert.equal(result.model.producerName, 'b');
  assert.deepEqual(
    result.passes.map(({ name, changed }) => `${name} ${changed}`),
    ['a true', 'idle false', 'b true'],
  );
  assert.equal((await runPasses(relu, [idle], silentTask)).modified, false);
});

test('an unmet requirement is told to the user, a broken promise is a bug', async () => {
  const never: Pass = { ...rename('never'), requires: () => 'It needs a cat.' };
  await assert.rejects(
    async () => runPass(relu, never, silentTask),
    (error) => error instanceof SlipwayError && error.message === 'It needs a cat.',
  );
  const broken: Pass = { ...rename('broken'), ensures: () => 'no cat is left' };
  await assert.rejects(async () => runPass(relu, broken, silentTask), /broken does not hold: no cat is left/);
  const liar: Pass = { name: 'liar', run: (model) => ({ model, modified: true }) };
  await assert.rejects(async () => runPass(relu, liar, silentTask), /returned its input/);
});

test('a cancelled task stops before the next pass', async () => {
  const task = { ...silentTask, signal: AbortSignal.abort() };
  await assert.rejects(async () => runPasses(relu, [rename('a')], task), /Cancelled/);
});

test('a clone shares bytes and nothing else', () => {
  const original = frozen(oneToOne([node('Add', ['x', 'w'], ['y'])], [weight('w', [2])], [2]));
  const copy = cloneModel(original);
  assert.deepEqual(copy, original);
  assert.equal(copy.graph.initializers[0]?.storage, original.graph.initializers[0]?.storage);
  copy.graph.nodes[0]!.inputs[0] = 'other';
  copy.graph.initializers[0]!.dims.push(1);
  assert.deepEqual(original.graph.nodes[0]?.inputs, ['x', 'w']);
});
