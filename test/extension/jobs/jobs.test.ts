// Every job's form against the request that it fills in and the command line that it claims to be: no field without
// help, no name that the request does not know, no option that the command refuses.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Check } from 'typebox/value';
import { parseCommand, type CommandSpec } from '../../../daemon/cli/args';
import { benchmarkCommand } from '../../../daemon/cli/benchmark';
import { clusterCommand } from '../../../daemon/cli/cluster';
import { evaluateCommand } from '../../../daemon/cli/evaluate';
import { lowRankCommand } from '../../../daemon/cli/lowRank';
import { optimizeCommand } from '../../../daemon/cli/optimize';
import { profileCommand } from '../../../daemon/cli/profile';
import { pruneCommand } from '../../../daemon/cli/prune';
import { quantizeCommand } from '../../../daemon/cli/quantize';
import { runCommand } from '../../../daemon/cli/run';
import { sensitivityCommand } from '../../../daemon/cli/sensitivity';
import type { Field, FieldValue, FormCondition, FormValues } from '../../../daemon/protocol/jobPage';
import { commandLine, commandWords } from '../../../extension/jobs/commandLine';
import { methodForm } from '../../../extension/jobs/form';
import type { Method, Situation } from '../../../extension/jobs/job';
import { withOutput } from '../../../extension/jobs/output';
import { paramsOf } from '../../../extension/jobs/params';
import { jobs } from '../../../extension/jobs/table';

const situation: Situation = {
  model: '/models/my net.onnx',
  beside: [
    'my net.onnx',
    'other_calibration.npz',
    'my net_calibration.npz',
    'my net_validation.npz',
    'my net.int8.onnx',
    'tokenizer.json',
    'pictures/',
  ],
  cores: 4,
  dimensions: ['batch'],
};
const specs: Readonly<Record<string, CommandSpec>> = Object.fromEntries(
  [
    quantizeCommand,
    pruneCommand,
    clusterCommand,
    lowRankCommand,
    optimizeCommand,
    runCommand,
    sensitivityCommand,
    benchmarkCommand,
    profileCommand,
    evaluateCommand,
  ].map(({ spec }) => [spec.name, spec]),
);
const methods = jobs.flatMap((job) => job.methods.map((method) => ({ job, method })));
const uriOf = (path: string) => `file://${path}`;

/** Something that the field accepts. */
function example({ control }: Field): FieldValue {
  switch (control.kind) {
    case 'choice':
      return control.options.at(-1)!.value;
    case 'many':
      return control.options.map(({ value }) => String(value));
    case 'flag':
      return true;
    case 'number': {
      const low = control.min ?? (control.above === undefined ? 1 : control.above + 0.25);
      return control.whole ? Math.max(1, low) : low;
    }
    case 'numbers':
      return [1, 2];
    case 'names':
      return ['a', 'b*'];
    case 'shares':
      return { conv1: 0.3, '/a/b': 0 };
    case 'sizes':
      return { batch: 1 };
    case 'paths':
      return ['/models/one.onnx'];
    case 'path':
      return control.use === 'model' ? '/models/one.onnx' : '/models/file.npz';
    case 'text':
      return 'text';
  }
}

const filled = (method: Method): FormValues =>
  Object.fromEntries(methodForm(method, situation).fields.map((field) => [field.name, example(field)]));

test('every field has help and a label, and every name in a job is a field', () => {
  for (const { job, method } of methods) {
    const form = methodForm(method, situation);
    const names = new Set(form.fields.map(({ name }) => name));
    for (const field of form.fields) {
      assert.match(field.help, /\w.{8}/, `${job.id}/${method.id}: ${field.name} has help`);
      assert.match(field.label, /^[A-Z0-9]/, field.label);
    }
    for (const name of [...method.front, ...(method.needs ?? []), ...(method.automatic ?? [])])
      assert.ok(names.has(name), `${job.id}/${method.id} has no field ${name}`);
    assert.match(form.sentence, /^[A-Z].{20,240}\.$/, form.sentence);
  }
});

test('an output is a file where a model is written, and a name where one is scored', () => {
  const kinds = methods.flatMap(({ job, method }) =>
    methodForm(method, situation)
      .fields.filter(({ name }) => name === 'output')
      .map(({ control, help }) => [job.id, control.kind, /The file that is written/.test(help)]),
  );
  for (const [id, kind, file] of kinds)
    assert.deepEqual([kind, file], id === 'evaluate' ? ['text', false] : ['path', true], String(id));
  assert.ok(kinds.length > 10);
});

test('rules are about fields of their form and values that these take, and say a sentence', () => {
  for (const { job, method } of methods) {
    const { fields, rules } = methodForm(method, situation);
    for (const { field, when, says } of rules) {
      const where = `${job.id}/${method.id}: ${field}`;
      assert.match(says, /^[A-Z].{10,}\.$/, where);
      for (const { field: name, is = [], not = [] } of [{ field }, ...when] as FormCondition[]) {
        const control = fields.find((one) => one.name === name)?.control;
        assert.ok(control, `${where} is about ${name}`);
        const known = control.kind === 'choice' ? control.options.map(({ value }) => value) : [true, false];
        for (const value of [...is, ...not]) assert.ok(known.includes(value), `${where}: ${String(value)}`);
      }
    }
  }
});

test('ids of jobs and of their methods are theirs alone', () => {
  const ids = jobs.map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
  for (const { methods: list } of jobs) assert.equal(new Set(list.map(({ id }) => id)).size, list.length);
});

test('the filled form is a request that the daemon accepts', () => {
  for (const { job, method } of methods) {
    const values = withOutput(method, filled(method), situation);
    const params = paramsOf(method, values, situation.model, uriOf);
    assert.ok(Check(method.request.params, params), `${job.id}/${method.id}: ${JSON.stringify(params)}`);
  }
});

test('the command line takes every field of the form', () => {
  for (const { job, method } of methods) {
    for (const field of methodForm(method, situation).fields) {
      for (const value of field.control.kind === 'choice'
        ? field.control.options.map((one) => one.value)
        : [example(field)]) {
        const [, name, ...words] = commandWords(method, { [field.name]: value }, situation.model);
        const spec = specs[name!];
        assert.ok(spec, `slipway ${name} exists`);
        assert.doesNotThrow(() => parseCommand(spec, words), `${job.id}/${method.id}: ${words.join(' ')}`);
      }
    }
  }
});

test('the command line quotes, and names the output that the run would have', () => {
  const method = jobs[0]!.methods[0]!;
  const values = withOutput(
    method,
    { calibration: '/models/my net_calibration.npz', maxDrop: 0.003 },
    situation,
  );
  assert.equal(
    commandLine(method, values, situation.model),
    "slipway quantize '/models/my net.onnx' -o '/models/my net.int8-2.onnx' --method static --calibration '/models/my net_calibration.npz' --max-drop 0.003",
  );
});

test('the recipe is the argument of its command, and names what is written', () => {
  const [method] = jobs.find(({ id }) => id === 'recipe')!.methods;
  const own = { ...situation, beside: [...situation.beside, 'small.yaml'] };
  const form = methodForm(method!, own);
  assert.equal(form.values['recipe'], '/models/small.yaml');
  assert.equal(
    commandLine(method!, withOutput(method!, form.values, own), own.model),
    "slipway run /models/small.yaml --model '/models/my net.onnx' -o '/models/my net.small.onnx'",
  );
});

test('what lies beside the model is offered, its own data first', () => {
  const form = methodForm(jobs[0]!.methods[0]!, situation);
  const control = form.fields.find(({ name }) => name === 'calibration')!.control;
  assert.ok(control.kind === 'path');
  assert.deepEqual(control.offers, [
    '/models/my net_calibration.npz',
    '/models/other_calibration.npz',
    '/models/my net_validation.npz',
  ]);
  assert.equal(form.values['calibration'], '/models/my net_calibration.npz');
  const output = form.fields.find(({ name }) => name === 'output')!.control;
  assert.ok(output.kind === 'path');
  assert.equal(output.placeholder, 'my net.int8-2.onnx');
});

test('a model is evaluated on files of several kinds and on folders, and measured on arrays', () => {
  const beside = ['my net.onnx', 'pictures/', 'table.csv', 'x.npz', 'my net_validation.npz', 'node_modules/'];
  const controlOfData = (id: string) => {
    const { method } = methods.find(({ job }) => job.id === id)!;
    const form = methodForm(method, { ...situation, beside });
    const { control } = form.fields.find(({ name }) => name === 'data')!;
    assert.ok(control.kind === 'path');
    return { ...control, taken: form.values['data'] };
  };
  const [evaluated, measured] = [controlOfData('evaluate'), controlOfData('benchmark')];
  assert.deepEqual(
    [evaluated.use, evaluated.offers, evaluated.taken],
    [
      'samples',
      ['my net_validation.npz', 'table.csv', 'x.npz', 'pictures/'].map((name) => `/models/${name}`),
      '/models/my net_validation.npz',
    ],
  );
  assert.deepEqual(
    [measured.use, measured.offers, measured.taken],
    ['data', ['/models/my net_validation.npz', '/models/x.npz'], undefined],
  );
});

test('data that is named after another model of the folder is offered, but not taken unasked', () => {
  const both = { ...situation, beside: ['my net.onnx', 'other.onnx', 'other_calibration.npz'] };
  const form = methodForm(jobs[0]!.methods[0]!, both);
  const { control } = form.fields.find(({ name }) => name === 'calibration')!;
  assert.ok(control.kind === 'path');
  assert.deepEqual(control.offers, ['/models/other_calibration.npz']);
  assert.equal(form.values['calibration'], undefined);
  // Nor is what does not say what it is.
  const any = methodForm(jobs[0]!.methods[0]!, { ...situation, beside: ['my net.onnx', 'x.npz'] });
  assert.equal(any.values['calibration'], undefined);
  // Also after what another begins with, and after one that this only looks like.
  for (const other of ['other_bn.onnx', 'my.onnx']) {
    const owner = other === 'my.onnx' ? 'my' : 'other';
    const beside = ['mynet.onnx', other, `${owner}_calibration.npz`];
    const near = methodForm(jobs[0]!.methods[0]!, { ...situation, model: '/models/mynet.onnx', beside });
    assert.equal(near.values['calibration'], undefined, other);
  }
  const alone = { ...situation, beside: ['my net.onnx', 'other_calibration.npz'] };
  assert.equal(
    methodForm(jobs[0]!.methods[0]!, alone).values['calibration'],
    '/models/other_calibration.npz',
  );
});
