// Every operator that a table of ours knows has a sentence, and its facts are those of the version asked for.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { operatorsOf, signatureOf } from '../../../../daemon/analysis/language/signature';
import {
  operatorDocumentation,
  operatorsLike,
  operatorWords,
} from '../../../../daemon/analysis/operators/operatorDocumentation';
import { operatorSchema } from '../../../../daemon/analysis/operators/operatorSchema';
import { operatorVersions } from '../../../../daemon/analysis/operators/operators';
import { contribWords } from '../../../../daemon/analysis/operators/operatorWords/contrib';
import { bodyRules } from '../../../../daemon/analysis/shapes/control';
import { rules } from '../../../../daemon/analysis/shapes/rules';

/** Domain, name and versions of all operators of the table. */
const all = Object.entries(operatorVersions).flatMap(([domain, text]) =>
  text.split(' ').map((entry) => {
    const [name = '', versions = ''] = entry.split(':');
    return { domain, name, versions: versions.split(',').map(Number) };
  }),
);

test('every operator of the standard has a sentence of its own', () => {
  assert.ok(all.length > 200);
  const missing = all.filter(({ domain, name }) => operatorWords(domain, name) === undefined);
  assert.deepEqual(missing, []);
  for (const { domain, name } of all) {
    const words = operatorWords(domain, name)!;
    assert.match(words, /^[\S].{8,260}\.$/, `${name}: one or two sentences`);
  }
});

test('every operator of ONNX Runtime that shapes are inferred for has a sentence', () => {
  const names = [...rules.keys(), ...bodyRules.keys()]
    .filter((key) => key.startsWith('com.microsoft.') && key.split('.').length === 3)
    .map((key) => key.slice('com.microsoft.'.length));
  assert.ok(names.length > 80);
  const registered = operatorsOf('com.microsoft');
  assert.ok(registered.length > 120);
  assert.deepEqual(
    [...names, ...registered].filter((name) => !Object.hasOwn(contribWords, name)),
    [],
  );
});

test('names and types of parameters come from two tables that agree at every version', () => {
  for (const { domain, name, versions } of all)
    for (const version of versions) {
      if (version < 0) continue;
      const signature = signatureOf(domain, name, version)!;
      const schema = operatorSchema(domain, name, version)!;
      assert.equal(signature.inputs.length, schema.inputs.length, `inputs of ${name} ${version}`);
      assert.equal(signature.outputs.length, schema.outputs.length, `outputs of ${name} ${version}`);
      assert.deepEqual(
        signature.attributes.map((each) => each.name).sort(),
        [...schema.attributes.keys()].sort(),
        `attributes of ${name} ${version}`,
      );
    }
});

test("ONNX Runtime's own operators have facts of both kinds that agree", () => {
  for (const name of operatorsOf('com.microsoft')) {
    const signature = signatureOf('com.microsoft', name)!;
    const schema = operatorSchema('com.microsoft', name, 1)!;
    assert.equal(signature.inputs.length, schema.inputs.length, name);
    assert.equal(signature.outputs.length, schema.outputs.length, name);
    assert.deepEqual(
      signature.attributes.map((each) => `${each.name} ${each.type.toUpperCase()} ${each.required}`).sort(),
      [...schema.attributes.values()].map((each) => `${each.name} ${each.type} ${each.isRequired}`).sort(),
      name,
    );
    for (const each of [...schema.inputs, ...schema.outputs]) assert.ok(each.types.size > 0, name);
  }
});

test('the facts are those of the version', () => {
  const old = operatorDocumentation('', 'Pad', 10)!;
  assert.equal(old.signature, 'Pad(data) → output');
  assert.equal(old.since, 2);
  assert.equal(old.changed, 11);
  assert.deepEqual(
    old.attributes.map(({ name, type, required }) => [name, type, required]),
    [
      ['mode', 'string', false],
      ['pads', 'ints', true],
      ['value', 'float', false],
    ],
  );
  const now = operatorDocumentation('ai.onnx', 'Pad')!;
  assert.equal(now.signature, 'Pad(data, pads, constant_value?, axes?) → output');
  assert.equal(now.changed, undefined);
  assert.equal(now.inputs[1]!.types.join(), 'int64');
  assert.equal(now.inputs[2]!.variable, now.inputs[0]!.variable);
  assert.equal(now.link, 'https://onnx.ai/onnx/operators/onnx__Pad.html');
});

test('operators of other domains', () => {
  assert.equal(
    operatorDocumentation('ai.onnx.ml', 'Scaler')!.link,
    'https://onnx.ai/onnx/operators/onnx_aionnxml_Scaler.html',
  );
  assert.equal(
    operatorDocumentation('ai.onnx.preview.training', 'Adam')!.link,
    'https://onnx.ai/onnx/operators/onnx_aionnxpreviewtraining_Adam.html',
  );
  const contrib = operatorDocumentation('com.microsoft', 'MatMulNBits')!;
  assert.match(contrib.words, /2 to 8 bits/);
  assert.equal(contrib.signature, 'MatMulNBits(A, B, scales, zero_points?, g_idx?, bias?) → Y');
  assert.equal(contrib.since, 1);
  assert.equal(contrib.changed, undefined);
  assert.deepEqual(contrib.inputs[1]!.types, ['uint8']);
  assert.deepEqual(
    contrib.attributes.filter(({ required }) => required).map(({ name }) => name),
    ['K', 'N', 'block_size'],
  );
  assert.equal(contrib.attributes.find(({ name }) => name === 'bits')!.default, '4');
  assert.match(contrib.link!, /#com\.microsoft\.MatMulNBits$/);
  assert.equal(operatorDocumentation('com.acme', 'Conv'), undefined);
  assert.equal(operatorDocumentation('', 'Convolution'), undefined);
  for (const trap of ['constructor', '__proto__', 'toString']) {
    assert.equal(operatorDocumentation('', trap), undefined);
    assert.equal(operatorDocumentation(trap, 'Conv'), undefined);
  }
});

test('an operator that came later is not described by its table at an older version', () => {
  const early = operatorDocumentation('', 'Gelu', 13)!;
  assert.equal(early.signature, '');
  assert.equal(early.since, undefined);
  assert.equal(early.changed, 20);
});

test('what may be meant by a name that is not known', () => {
  assert.deepEqual(operatorsLike('', 'GroupQueryAttention'), ['com.microsoft.GroupQueryAttention']);
  assert.deepEqual(operatorsLike('com.microsoft', 'gelu'), ['com.microsoft.Gelu', 'Gelu']);
  assert.deepEqual(operatorsLike('', 'Sofmtax'), ['Softmax']);
  assert.deepEqual(operatorsLike('', 'Frobnicate'), []);
});
