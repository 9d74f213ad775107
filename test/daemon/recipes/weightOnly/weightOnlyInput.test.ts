// What weight-only quantization says of files that it cannot take, or not whole: where, why, and what to do; nothing is
// left behind.

import assert from 'node:assert/strict';
import { existsSync, readdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { SlipwayError, type ErrorKind } from '../../../../daemon/base/errors';
import { silentTask } from '../../../../daemon/base/task';
import { setScriptFolder } from '../../../../daemon/host/scripts';
import { graph, model, node, valueInfo } from '../../../../daemon/ir/builder';
import { DataType } from '../../../../daemon/ir/dataType';
import type { Model, Node } from '../../../../daemon/ir/model';
import type { Tensor } from '../../../../daemon/ir/tensor';
import { readModel } from '../../../../daemon/onnx/readModel';
import { writeModel } from '../../../../daemon/onnx/writeModel';
import { quantizeWeights, type WeightOnlyRequest } from '../../../../daemon/recipes/weightOnly/weightOnly';
import { f4, writeNpz } from '../../../support/npzWriter';
import { distFolder, temporaryFolder } from '../../../support/paths';
import { writeSmall } from '../../../support/smallModels';
import { numbers, oneToOne, weight } from '../../passes/modelHarness';

setScriptFolder(distFolder);
const folder = temporaryFolder('slipway-weight-input-');
let count = 0;
const save = (made: Model) => writeSmall(folder, `model-${(count += 1)}.onnx`, made);

type Options = Omit<WeightOnlyRequest, 'output'>;
const quantize = (path: string, options: Options = {}) =>
  quantizeWeights(path, { output: join(folder, `out-${(count += 1)}.onnx`), ...options }, silentTask);

async function refuses(path: string, options: Options, kind: ErrorKind, pattern: RegExp) {
  const output = join(folder, 'never.onnx');
  await assert.rejects(quantizeWeights(path, { output, ...options }, silentTask), (error) => {
    assert.ok(error instanceof SlipwayError, String(error));
    assert.equal(error.kind, kind, error.message);
    assert.match(error.message, pattern);
    return true;
  });
  assert.ok(!existsSync(output));
}

/** x → the nodes → y, with square weights of 32. */
const square = (nodes: Node[], more: Tensor[] = []) =>
  oneToOne(nodes, [weight('w', [32, 32]), ...more], ['n', 32]);
const product = (output: string) => node('MatMul', ['x', 'w'], [output], { name: 'product' });

/** Why each node stays in float. */
const reasons = async (made: Model, options: Options = {}) => {
  const { fusion } = await quantize(await save(made), options);
  return Object.fromEntries(fusion.left.map((each) => [each.node, each.why]));
};

test('products that cannot be taken are named with the reason, and the others are taken', async () => {
  const odd = square(
    [
      product('a'),
      node('MatMul', ['a', 'cube'], ['b'], { name: 'batched' }),
      node('Gemm', ['a', 'w2'], ['c'], { name: 'scaled', attributes: { alpha: 0.5 } }),
      node('Gemm', ['a', 'w3', 'bias'], ['d'], { name: 'halved', attributes: { beta: 0.5 } }),
      node('Transpose', ['a'], ['t'], { name: 'turn', attributes: { perm: [1n, 0n] } }),
      node('MatMul', ['a', 't'], ['e'], { name: 'computed' }),
      node('MatMul', ['fixed', 'w4'], ['f'], { name: 'constant' }),
      node('ReduceSum', ['b'], ['s0'], { attributes: { keepdims: 0n } }),
      node('ReduceSum', ['c'], ['s1'], { attributes: { keepdims: 0n } }),
      node('ReduceSum', ['d'], ['s2'], { attributes: { keepdims: 0n } }),
      node('ReduceSum', ['e'], ['s3'], { attributes: { keepdims: 0n } }),
      node('ReduceSum', ['f'], ['s4'], { attributes: { keepdims: 0n } }),
      node('Sum', ['s0', 's1', 's2', 's3', 's4'], ['y'], { name: 'sum' }),
    ],
    [
      weight('cube', [2, 32, 8], 2),
      weight('w2', [32, 32], 3),
      weight('w3', [32, 32], 4),
      weight('w4', [32, 32], 5),
      weight('fixed', [4, 32], 6),
      weight('bias', [32], 7),
    ],
  );
  assert.deepEqual(await reasons(odd), {
    batched: 'Its weight is not a matrix.',
    scaled: 'It scales its product.',
    halved: 'It scales its bias.',
    computed: 'Its weight is computed while the model runs.',
    constant: 'Its input is a constant.',
  });
});

test('a model whose only products cannot be taken is refused with the reason of one', async () => {
  const made = oneToOne(
    [node('Transpose', ['x'], ['t']), node('MatMul', ['x', 't'], ['y'], { name: 'self' })],
    [],
    [4, 4],
  );
  await refuses(await save(made), {}, 'unsupported', /None of the model's layers could be quantized\. MatMul "self": Its weight is computed while the model runs/u); // prettier-ignore
});

test('rows of a table that the block does not divide are looked up in float, and a product pads them', async () => {
  const lookup = (width: number) =>
    model(
      graph({
        nodes: [
          node('Gather', ['table', 'ids'], ['e'], { name: 'embed' }),
          node('MatMul', ['e', 'w'], ['y'], { name: 'product' }),
        ],
        inputs: [valueInfo('ids', DataType.INT64, ['n'])],
        outputs: [valueInfo('y', DataType.FLOAT, ['n', 32])],
        initializers: [weight('table', [128, width], 1), weight('w', [width, 32], 2)],
      }),
      { opset: 17 },
    );
  assert.deepEqual(await reasons(lookup(72)), {
    embed: 'Its rows of 72 are no multiple of the block of 32.',
  });
  assert.deepEqual(await reasons(lookup(64)), {});
  assert.deepEqual(await reasons(lookup(64), { blockSize: 128 }), {
    embed: 'Its rows of 64 are no multiple of the block of 128.',
  });
});

test('a weight that others read stays whole: a stranger, an output, a body', async () => {
  const shared = square([product('a'), node('Mul', ['a', 'w'], ['y'], { name: 'stranger' })]);
  shared.graph.inputs[0] = valueInfo('x', DataType.FLOAT, [32, 32]);
  await refuses(
    await save(shared),
    {},
    'unsupported',
    /MatMul "product": It shares its weight with node "stranger"/u,
  );
  const shown = square([product('y')]);
  shown.graph.outputs.push(valueInfo('w', DataType.FLOAT, [32, 32]));
  await refuses(
    await save(shown),
    {},
    'unsupported',
    /MatMul "product": It shares its weight with the output "w"/u,
  );
});

test('somebody’s own operator stays as it is, and the model, which cannot be run here, is quantized', async () => {
  const own = { ...node('Sharpen', ['a'], ['y'], { name: 'own' }), domain: 'my.ops' };
  const custom = square([product('a'), own]);
  custom.opsetImports.push({ domain: 'my.ops', version: 1 });
  const path = await save(custom);
  const output = join(folder, 'own.int4.onnx');
  const result = await quantizeWeights(path, { output }, silentTask);
  assert.equal(result.quantizedNodes, 1);
  assert.equal(result.error, null);
  const said = result.diagnostics.find(({ id }) => id === 'quantize/not-run')?.message ?? '';
  assert.match(
    said,
    /does not know its operator Sharpen of domain my\.ops \(node "own"\), so that the error/u,
  );
  const { model: written } = await readModel(output, silentTask);
  assert.deepEqual(
    written!.graph.nodes.map(({ opType }) => opType),
    ['MatMulNBits', 'Sharpen'],
  );
  const data = writeNpz(join(folder, 'own.npz'), { x: f4([4, 32], numbers(128)) });
  await refuses(path, { calibration: data }, 'badRequest', /does not know its operator Sharpen.*Leave the/u);
});

test('external data that is not there, or is cut off, is named', async () => {
  const path = join(folder, 'outside.onnx');
  await writeModel(
    oneToOne([node('MatMul', ['x', 'w'], ['y'])], [weight('w', [512, 512])], ['n', 512]),
    path,
    { external: 'separate' },
    silentTask,
  );
  const data = readdirSync(folder).find((name) => name.startsWith('outside') && !name.endsWith('.onnx'));
  assert.ok(data !== undefined);
  unlinkSync(join(folder, data));
  await refuses(path, {}, 'invalidModel', new RegExp(data.replaceAll('.', '\\.'), 'u'));
});

test('calibration data that does not fit is refused with what is missing', async () => {
  const path = await save(square([product('y')]));
  const wrongName = writeNpz(join(folder, 'name.npz'), { z: f4([4, 32], numbers(128)) });
  await refuses(path, { calibration: wrongName }, 'badRequest', /"x"/u);
  const wrongShape = writeNpz(join(folder, 'shape.npz'), { x: f4([4, 31], numbers(124)) });
  await refuses(path, { calibration: wrongShape }, 'badRequest', /31/u);
  const empty = writeNpz(join(folder, 'empty.npz'), { x: f4([0, 32], []) });
  await refuses(path, { calibration: empty }, 'badRequest', /no sample|empty/iu);
  await refuses(path, { calibration: join(folder, 'absent.npz') }, 'notFound', /absent\.npz/u);
});
