// Functions of a model become nodes: values, attributes, bodies and outputs land where the call had them, and ONNX
// Runtime, which inlines functions itself, gives the same before and after.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentTask } from '../../../../daemon/base/task';
import { attribute, floatTensor, graph, node, valueInfo } from '../../../../daemon/ir/builder';
import { DataType } from '../../../../daemon/ir/dataType';
import type { FunctionDef, Model, Node } from '../../../../daemon/ir/model';
import { runPass } from '../../../../daemon/passes/pass';
import { inlineFunctions } from '../../../../daemon/passes/simplify/inlineFunctions';
import { frozen, graphText, oneToOne, weight, type Dims } from '../modelHarness';
import { check, sameOutputs } from './rewriteCheck';

const domain = 'my.functions';
const dims: Dims = ['batch', 4];

const definition = (
  name: string,
  inputs: string[],
  outputs: string[],
  nodes: Node[],
  extra: Partial<FunctionDef> = {},
): FunctionDef => ({
  name,
  domain,
  overload: '',
  inputs,
  outputs,
  attributes: [],
  attributeDefaults: [],
  nodes,
  docString: '',
  opsetImports: [{ domain: '', version: 17 }],
  valueInfo: [],
  metadataProps: [],
  ...extra,
});

const withFunctions = (made: Model, ...functions: FunctionDef[]): Model => ({
  ...made,
  opsetImports: [...made.opsetImports, { domain, version: 1 }],
  functions,
});

const call = (name: string, inputs: string[], outputs: string[], id: string, attributes = {}) =>
  node(name, inputs, outputs, { domain, name: id, attributes });

/** y = (x W) · alpha, with alpha an attribute of the function. */
const reference = { ...attribute('value_float', 0), refAttrName: 'alpha' };
const scaled = definition(
  'Scaled',
  ['x', 'w'],
  ['y'],
  [
    { ...node('Constant', [], ['alpha'], { name: 'alpha' }), attributes: [reference] },
    node('MatMul', ['x', 'w'], ['product'], { name: 'product' }),
    node('Mul', ['product', 'alpha'], ['y'], { name: 'scale' }),
  ],
  { attributeDefaults: [attribute('alpha', 0.5)] },
);

test('each call gets its own values and attributes; the function goes', async () => {
  const after = await check(
    inlineFunctions,
    withFunctions(
      oneToOne(
        [
          call('Scaled', ['x', 'w'], ['a'], 'first', { alpha: 2 }),
          call('Scaled', ['a', 'w'], ['y'], 'second'),
        ],
        [weight('w', [4, 4])],
        dims,
      ),
      scaled,
    ),
    dims,
    `first/alpha = Constant()
     first/product = MatMul(x, w)
     a = Mul(first/product, first/alpha)
     second/alpha = Constant()
     second/product = MatMul(a, w)
     y = Mul(second/product, second/alpha)`,
  );
  assert.deepEqual(after.functions, []);
  assert.deepEqual(
    after.opsetImports.map((each) => each.domain),
    [''],
  );
  assert.deepEqual(
    after.graph.nodes.map(({ name }) => name),
    ['first/alpha', 'first/product', 'first/scale', 'second/alpha', 'second/product', 'second/scale'],
  );
});

test('a function that calls another, an input left out, and a result nobody takes', async () => {
  const gate = definition(
    'Gate',
    ['x', 'bias'],
    ['y', 'spare'],
    [
      node('Sigmoid', ['x'], ['spare']),
      node('Clip', ['spare', '', 'bias'], ['clipped']),
      node('Twice', ['clipped'], ['y'], { domain, name: 'twice' }),
    ],
    {
      opsetImports: [
        { domain: '', version: 17 },
        { domain, version: 1 },
      ],
    },
  );
  const twice = definition('Twice', ['x'], ['y'], [node('Add', ['x', 'x'], ['y'])]);
  await check(
    inlineFunctions,
    withFunctions(oneToOne([call('Gate', ['x'], ['y', 'unused'], 'gate')], [], dims), gate, twice),
    dims,
    `unused = Sigmoid(x)
     gate/clipped = Clip(unused, , )
     y = Add(gate/clipped, gate/clipped)`,
  );
});

test('an input that is given back goes through Identity', async () => {
  // ONNX Runtime 1.30 does not load a function that gives its input back, so only the text is compared.
  const passing = definition('Both', ['x'], ['x', 'r'], [node('Relu', ['x'], ['r'])]);
  const made = oneToOne([call('Both', ['x'], ['a', 'b'], 'call'), node('Sum', ['a', 'b'], ['y'])], [], dims);
  const { model: after } = await runPass(frozen(withFunctions(made, passing)), inlineFunctions, silentTask);
  assert.equal(graphText(after), 'b = Relu(x)\na = Identity(x)\ny = Sum(a, b)');
});

test('a body inside a function reads the call, and a call inside a body is followed', async () => {
  const branch = (value: string, op: string) =>
    graph({
      nodes: [node(op, ['x'], [value])],
      outputs: [valueInfo(value, DataType.FLOAT, dims)],
    });
  const choose = definition(
    'Choose',
    ['x', 'flag'],
    ['y'],
    [
      node('If', ['flag'], ['y'], {
        name: 'if',
        attributes: { then_branch: branch('t', 'Relu'), else_branch: branch('e', 'Neg') },
      }),
    ],
  );
  const inside = graph({
    nodes: [call('Choose', ['x', 'flag'], ['inner'], 'inner')],
    outputs: [valueInfo('inner', DataType.FLOAT, dims)],
  });
  const other = graph({
    nodes: [node('Abs', ['x'], ['outer'])],
    outputs: [valueInfo('outer', DataType.FLOAT, dims)],
  });
  const made = withFunctions(
    oneToOne(
      [
        node('ReduceMax', ['x'], ['most'], { attributes: { keepdims: 0n } }),
        node('Greater', ['most', 'zero'], ['flag']),
        node('If', ['flag'], ['y'], { name: 'top', attributes: { then_branch: inside, else_branch: other } }),
      ],
      [floatTensor('zero', [], [0])],
      dims,
    ),
    choose,
  );
  const before = frozen(made);
  const { model: after } = await runPass(before, inlineFunctions, silentTask);
  await sameOutputs(before, after, dims);
  const [then] = after.graph.nodes[2]!.attributes;
  assert.ok(then?.type === 'GRAPH');
  assert.equal(graphText({ ...after, graph: then.value }), 'inner = If(flag)');
  assert.deepEqual(after.functions, []);
});

async function left(made: Model, message: RegExp): Promise<void> {
  const before = frozen(made);
  const { model: after, modified, notes } = await runPass(before, inlineFunctions, silentTask);
  assert.equal(modified, false);
  assert.equal(after, before);
  assert.match(notes?.map((each) => each.message).join() ?? '', message);
}

test('what cannot be inlined stays, and says why', async () => {
  const clip = (version: number) =>
    definition('Clipped', ['x'], ['y'], [node('ReduceSum', ['x'], ['y'])], {
      opsetImports: [{ domain: '', version }],
    });
  const calling = oneToOne([call('Clipped', ['x'], ['y'], 'call')], [], dims);
  await left(
    withFunctions(calling, clip(11)),
    /Function my\.functions:Clipped stays.*operator set 11, the model for 17, and ReduceSum is not the same/u,
  );
  const again = definition('Clipped', ['x'], ['y'], [call('Clipped', ['x'], ['y'], 'again')]);
  const loop = await runPass(frozen(withFunctions(calling, again)), inlineFunctions, silentTask);
  assert.match(loop.notes?.map((each) => each.message).join() ?? '', /it calls itself/u);
  const fused = { ...scaled, domain: 'com.microsoft', name: 'FusedMatMul' };
  const kernel = oneToOne([node('FusedMatMul', ['x', 'w'], ['y'], { domain: 'com.microsoft' })], [weight('w', [4, 4])], dims); // prettier-ignore
  await left(
    { ...kernel, opsetImports: [...kernel.opsetImports, { domain: 'com.microsoft', version: 1 }], functions: [fused] }, // prettier-ignore
    /runtimes have operators of their own in com\.microsoft/u,
  );
});

test('a function of another operator set is inlined where its operators are the same in both', async () => {
  const older = definition('Add1', ['x'], ['y'], [node('Add', ['x', 'x'], ['y'])], {
    opsetImports: [{ domain: '', version: 15 }],
  });
  await check(
    inlineFunctions,
    withFunctions(oneToOne([call('Add1', ['x'], ['y'], 'call')], [], dims), older),
    dims,
    'y = Add(x, x)',
  );
});
