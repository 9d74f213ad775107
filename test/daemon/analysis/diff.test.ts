// Comparing models: pairs whose truth is known, every kind of change, and what has nothing in common. The trained
// models lie beside the checkout; where they are absent the made-up decoder stands in.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentTask } from '../../../daemon/base/task';
import { floatTensor, graph, int64Tensor, model, node, valueInfo } from '../../../daemon/ir/builder';
import { cloneModel } from '../../../daemon/ir/clone';
import { DataType } from '../../../daemon/ir/dataType';
import type { Model, Node } from '../../../daemon/ir/model';
import type { ModelDiff } from '../../../daemon/analysis/diff';
import { diffReport } from '../../../daemon/analysis/diff/report';
import { elementCount } from '../../../daemon/ir/tensor';
import { readModel } from '../../../daemon/onnx/readModel';
import { readTensorBytes } from '../../../daemon/onnx/tensorData';
import { runPasses } from '../../../daemon/passes/pass';
import { simplifyPasses } from '../../../daemon/passes/simplify/simplify';
import { diff } from '../../../daemon/recipes/diff';
import { pruneChannels } from '../../../daemon/recipes/prune/prune';
import { quantize } from '../../../daemon/recipes/quantize/quantize';
import { setScriptFolder } from '../../../daemon/host/scripts';
import { decoderModel } from '../../support/decoderModel';
import { distFolder, sharedFolder, temporaryFolder } from '../../support/paths';
import { byOwnName, disguise, score, seeded, truthOf } from './diffTruth';

const shared = sharedFolder();
const models = shared
  ? (readdirSync(join(shared, 'models'), { recursive: true }) as string[])
      .filter((name) => name.endsWith('.onnx'))
      .sort()
  : [];

const load = async (name: string): Promise<Model> =>
  (await readModel(join(shared!, 'models', name), silentTask)).model!;

const weights = (count: number, seed: number) => {
  const random = seeded(seed);
  return Float32Array.from({ length: count }, () => random() - 0.5);
};

function checkScore(name: string, found: ModelDiff, truth: ReadonlyMap<number, number>): void {
  const { surviving, right, wrong } = score(found, truth);
  assert.ok(surviving > 0, `${name}: something lives on`);
  assert.ok(
    right / surviving >= 0.95,
    `${name}: ${right} of ${surviving} surviving nodes are paired rightly`,
  );
  assert.ok(wrong / surviving <= 0.05, `${name}: ${wrong} pairs are wrong beside ${right} right ones`);
}

test('every name changed and everything shuffled: each node finds itself, and nothing else changed', async () => {
  const cases: [string, Model][] = [['decoder', decoderModel(1200)]];
  for (const name of models) cases.push([name, await load(name)]);
  for (const [name, original] of cases) {
    const rows = new Map(original.graph.nodes.map((each, row) => [each, row]));
    const other = disguise(original, 7);
    const truth = new Map<number, number>();
    other.model.graph.nodes.forEach((each, row) => truth.set(rows.get(other.origin.get(each)!)!, row));
    const found = await diff(original, other.model, silentTask);
    checkScore(name, found, truth);
    const { changed, replaced, removed, added, initializers } = found;
    const counts = [changed, replaced, removed, added, initializers.changed, initializers.added];
    assert.deepEqual(
      counts.map((list) => list.length),
      [0, 0, 0, 0, 0, 0],
      name,
    );
  }
});

test('simplified, quantized, pruned and disguised models keep at least 95 % of their surviving nodes', async (t) => {
  if (!shared) {
    t.diagnostic('the trained models are not there');
    return;
  }
  setScriptFolder(distFolder);
  const folder = temporaryFolder();
  for (const name of ['resnet_bn', 'mobilenetv3_bn', 'bert']) {
    const family = name.split('_')[0]!;
    const a = await load(`${family}/${name}.onnx`);
    const read = (tensor: Parameters<typeof readTensorBytes>[0]) => readTensorBytes(tensor);
    const simplified = await runPasses(
      a,
      simplifyPasses(read, { minimum: 13, purpose: 'The test' }),
      silentTask,
    );
    const versions: [string, Model][] = [['simplified', simplified.model]];
    const calibration = join(shared, 'models', family, `${family}_calibration.npz`);
    const path = join(shared, 'models', family, `${name}.onnx`);
    for (const method of ['static', 'dynamic'] as const) {
      const output = join(folder, `${name}.${method}.onnx`);
      const data = method === 'static' ? { calibration, calibrationSamples: 4 } : {};
      await quantize(path, { method, output, overwrite: true, ...data }, silentTask);
      versions.push([method, (await readModel(output, silentTask)).model!]);
    }
    const pruned = join(folder, `${name}.pruned.onnx`);
    await pruneChannels(path, { output: pruned, ratio: 0.3, overwrite: true }, silentTask);
    versions.push(['pruned', (await readModel(pruned, silentTask)).model!]);
    for (const [what, b] of versions) {
      const { model: hidden, truth } = truthOf(a, b, 11, byOwnName(b));
      checkScore(`${name} ${what}`, await diff(a, hidden, silentTask), truth);
    }
  }
});

test('random edits of a decoder: nodes taken out, put in and rewired leave the others where they are', async () => {
  const a = decoderModel(1200);
  // Real weights are all different; the made-up ones are zero.
  a.graph.initializers = a.graph.initializers.map((each, at) =>
    each.dataType === DataType.FLOAT && each.dims.length > 1
      ? floatTensor(each.name, each.dims, weights(elementCount(each.dims), at))
      : each,
  );
  for (let seed = 1; seed <= 3; seed += 1) {
    const b = cloneModel(a);
    const random = seeded(seed);
    const origin = new Map(b.graph.nodes.map((each, row) => [a.graph.nodes[row]!, each]));
    const gone = new Set<Node>();
    const nodes: Node[] = [];
    for (const each of b.graph.nodes) {
      const chance = random();
      // A node of one input is bypassed; others get a new node behind them.
      if (chance < 0.05 && each.inputs.length === 1) {
        gone.add(each);
        for (const reader of b.graph.nodes)
          reader.inputs = reader.inputs.map((name) => (name === each.outputs[0] ? each.inputs[0]! : name));
      } else if (chance < 0.1) {
        const [output = ''] = each.outputs;
        each.outputs = [`${output}_inner`];
        nodes.push(each, node(chance < 0.075 ? 'Tanh' : 'Relu', each.outputs, [output]));
      } else nodes.push(each);
    }
    b.graph.nodes = nodes;
    const { model: hidden, truth } = truthOf(a, b, seed + 20, (each) => {
      const other = origin.get(each)!;
      return gone.has(other) ? undefined : other;
    });
    checkScore(`decoder with edits, seed ${seed}`, await diff(a, hidden, silentTask), truth);
  }
});

/** conv → relu → conv → relu → flatten → gemm. */
function smallNet(): Model {
  return model(
    graph({
      nodes: [
        node('Conv', ['x', 'w1'], ['c1'], { name: 'conv1', attributes: { pads: [1n, 1n, 1n, 1n] } }),
        node('Relu', ['c1'], ['r1'], { name: 'relu1' }),
        node('Conv', ['r1', 'w2'], ['c2'], { name: 'conv2', attributes: { pads: [1n, 1n, 1n, 1n] } }),
        node('Relu', ['c2'], ['r2'], { name: 'relu2' }),
        node('Flatten', ['r2'], ['f'], { name: 'flat' }),
        node('Gemm', ['f', 'w3', 'b3'], ['y'], { name: 'fc' }),
      ],
      inputs: [valueInfo('x', DataType.FLOAT, ['n', 4, 4, 4])],
      outputs: [valueInfo('y', DataType.FLOAT, ['n', 3])],
      initializers: [
        floatTensor('w1', [4, 4, 3, 3], weights(144, 1)),
        floatTensor('w2', [4, 4, 3, 3], weights(144, 2)),
        floatTensor('w3', [64, 3], weights(192, 3)),
        floatTensor('b3', [3], [1, 2, 3]),
      ],
    }),
  );
}

/** Edits a copy and says what the comparison says, as lines. */
async function check(edit: (b: Model) => void, expected: readonly string[]): Promise<void> {
  const a = smallNet();
  const b = cloneModel(a);
  edit(b);
  const found = diffReport(await diff(a, b, silentTask));
  const lines = [
    ...found.nodes.added.map(({ op, name }) => `added ${op} ${name}`),
    ...found.nodes.removed.map(({ op, name }) => `removed ${op} ${name}`),
    ...found.nodes.replaced.map(
      ({ how, from, to, into, constant }) =>
        `${how} ${from.map(({ op }) => op).join('+')} → ${constant ?? (into ? into.name : to.map(({ op }) => op).join('+'))}`,
    ),
    ...found.nodes.changed.flatMap(({ b: at, attributes, weights: changed, inputs }) => [
      ...attributes.map(({ name, from, to }) => `${at.name}.${name}: ${from} → ${to}`),
      ...changed.map(({ slot, what, from, to }) => `${at.name}[${slot}] ${what}: ${from} → ${to}`),
      ...inputs.map(({ slot, from, to }) => `${at.name} reads ${slot}: ${from} → ${to}`),
    ]),
    ...[...found.io.inputs, ...found.io.outputs].map(({ what, from, to }) => `io ${what}: ${from} → ${to}`),
    ...found.model.map(({ field, from, to }) => `${field}: ${from} → ${to}`),
    ...found.initializers.added.map(({ name }) => `initializer added ${name}`),
    ...found.initializers.removed.map(({ name }) => `initializer removed ${name}`),
  ];
  assert.deepEqual(lines, expected);
  assert.equal(found.same, expected.length === 0);
}

test('an equal model is the same', () => check(() => undefined, []));

test('an attribute', () =>
  check(
    (b) => {
      b.graph.nodes[0]!.attributes[0] = node('Conv', [], [], {
        attributes: { pads: [0n, 0n, 0n, 0n] },
      }).attributes[0]!;
    },
    ['conv1.pads: 1, 1, 1, 1 → 0, 0, 0, 0'],
  ));

test('the values, the type and the shape of a weight', async () => {
  await check(
    (b) => (b.graph.initializers[1] = floatTensor('w2', [4, 4, 3, 3], weights(144, 9))),
    ['conv2[1] values: float 4×4×3×3 → float 4×4×3×3'],
  );
  await check(
    (b) => (b.graph.initializers[3] = floatTensor('b3', [1, 3], [1, 2, 3])),
    ['fc[2] shape: float 3 → float 1×3'],
  );
  await check(
    (b) => (b.graph.initializers[3] = int64Tensor('b3', [3], [1, 2, 3])),
    ['fc[2] type: float 3 → int64 3'],
  );
});

test('a weight of which only the middle changed is found by its digest', async () => {
  const big = (middle: number) => {
    const values = weights(40_000, 4);
    values[20_000] = middle;
    const made = smallNet();
    made.graph.initializers[2] = floatTensor('w3', [64, 625], values);
    return made;
  };
  const found = await diff(big(1), big(2), silentTask);
  assert.deepEqual(
    found.changed.map(({ a }) => a.name),
    ['fc'],
  );
  assert.equal((await diff(big(1), big(1), silentTask)).same, true);
});

test('a node put in, taken out, and one in the place of another', async () => {
  await check(
    (b) => {
      b.graph.nodes[2]!.inputs[0] = 'extra';
      b.graph.nodes.push(node('Tanh', ['r1'], ['extra'], { name: 'new' }));
    },
    ['added Tanh new'],
  );
  await check(
    (b) => {
      b.graph.nodes[4]!.inputs[0] = 'c2';
      b.graph.nodes.splice(3, 1);
    },
    ['removed Relu relu2'],
  );
  await check((b) => (b.graph.nodes[3]!.opType = 'Sigmoid'), ['replaced Relu → Sigmoid']);
});

test('two nodes that became one', () =>
  check(
    (b) => {
      const [conv, , ...rest] = b.graph.nodes;
      b.graph.nodes = [{ ...conv!, opType: 'FusedConv', domain: 'com.microsoft', outputs: ['r1'] }, ...rest];
    },
    ['fused Conv+Relu → conv1'],
  ));

test('inputs and outputs', () =>
  check(
    (b) => {
      b.graph.inputs[0] = valueInfo('x', DataType.FLOAT, ['n', 4, 8, 8]);
      b.graph.outputs[0]!.name = 'scores';
      b.graph.nodes[5]!.outputs = ['scores'];
    },
    ['io shape: x: float n×4×4×4 → x: float n×4×8×8', 'io renamed: y: float n×3 → scores: float n×3'],
  ));

test('the header', () =>
  check(
    (b) => {
      b.opsetImports[0]!.version = 18;
      b.metadataProps.push({ key: 'author', value: 'ada' });
    },
    ['opset ai.onnx: 17 → 18', 'metadata author: null → ada'],
  ));

test('quantized weights are told with what they pass through', () =>
  check(
    (b) => {
      b.graph.initializers[0] = {
        ...int64Tensor('w1q', [4, 4, 3, 3], new Array<number>(144).fill(1)),
        dataType: 7,
      };
      b.graph.initializers.push(floatTensor('s', [], [0.1]));
      b.graph.nodes.unshift(node('DequantizeLinear', ['w1q', 's'], ['w1'], { name: 'dq' }));
    },
    [
      'added DequantizeLinear dq',
      'conv1[1] type: float 4×4×3×3 → int64 4×4×3×3 through DequantizeLinear',
      'initializer added s',
    ],
  ));

test('changes in words', async () => {
  const a = smallNet();
  const b = cloneModel(a);
  const [conv, , other, , flat, fc] = b.graph.nodes;
  // What is stated and what counts without being stated are the same: no change.
  conv!.attributes.push(
    ...node('Conv', [], [], { attributes: { group: 1n, auto_pad: 'NOTSET' } }).attributes,
  );
  flat!.attributes.push(...node('Flatten', [], [], { attributes: { axis: 1n } }).attributes);
  fc!.attributes.push(...node('Gemm', [], [], { attributes: { alpha: 2 } }).attributes);
  other!.attributes.push(...node('Conv', [], [], { attributes: { dilations: [1n, 1n] } }).attributes);
  b.graph.initializers[0] = { ...int64Tensor('w1q', [4, 4, 3, 3], new Array<number>(144).fill(1)) };
  b.graph.initializers[1] = floatTensor('w2', [3, 4, 3, 3], weights(108, 2));
  b.graph.initializers.push(floatTensor('s', [], [0.1]), floatTensor('b1', [4], [1, 2, 3, 4]));
  b.graph.initializers[3] = floatTensor('b3', [3], [3, 2, 1]);
  b.graph.nodes.unshift(node('DequantizeLinear', ['w1q', 's'], ['w1'], { name: 'dq' }));
  conv!.inputs.push('b1');
  b.graph.inputs[0] = valueInfo('x', DataType.FLOAT16, ['n', 4, 4, 4]);
  b.producerName = 'me';
  const report = diffReport(await diff(a, b, silentTask));
  const words = report.nodes.changed.map(
    (each) =>
      `${each.b.name}: ${[...each.attributes, ...each.weights, ...each.inputs].map((one) => one.words).join('; ')}`,
  );
  assert.deepEqual(words, [
    'conv1: W (w1q): float → int64 behind DequantizeLinear, 4×4×3×3; B (b1) added: float 4',
    'conv2: dilations: not stated → 1, 1; W (w2): 4×4×3×3 → 3×4×3×3',
    'fc: alpha: not stated (1) → 2; C (b3): other values',
  ]);
  assert.deepEqual(
    [...report.io.inputs, ...report.model].map((each) => each.words),
    [
      'x: float n×4×4×4 → float16 n×4×4×4',
      `producer${a.producerName === '' ? ' added: me' : `: ${a.producerName} → me`}`,
    ],
  );
});

test('two models that share nothing are a sentence', async () => {
  const other = model(
    graph({
      nodes: Array.from({ length: 8 }, (_, at) => node('Tanh', [`t${at}`], [`t${at + 1}`])),
      inputs: [valueInfo('t0', DataType.FLOAT, [1])],
      outputs: [valueInfo('t8', DataType.FLOAT, [1])],
    }),
  );
  const found = diffReport(await diff(smallNet(), other, silentTask));
  assert.equal(found.related, false);
  assert.match(found.summary, /nothing in common/);
  assert.deepEqual(found.nodes.added, []);
});

test('empty graphs, cycles, values that nobody makes and twice the same name do not matter', async () => {
  const odd = model(
    graph({
      nodes: [
        node('Add', ['b', 'nowhere'], ['a'], { name: 'same' }),
        node('Relu', ['a'], ['b'], { name: 'same' }),
        node('Relu', ['b'], ['b']),
        node('Constant', [], ['']),
      ],
      outputs: [valueInfo('b', DataType.FLOAT), valueInfo('gone', DataType.FLOAT)],
    }),
  );
  const empty = model(graph({ nodes: [] }));
  for (const [left, right] of [
    [odd, odd],
    [odd, empty],
    [empty, odd],
    [empty, empty],
    [odd, smallNet()],
  ] as const)
    assert.equal(typeof diffReport(await diff(left, right, silentTask)).summary, 'string');
  assert.equal((await diff(odd, cloneModel(odd), silentTask)).same, true);
});
