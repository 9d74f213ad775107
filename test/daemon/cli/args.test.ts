import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  bindOption,
  choiceOption,
  countOption,
  helpText,
  nearest,
  numberOption,
  parseCommand,
  textOption,
  UsageError,
  type CommandSpec,
} from '../../../daemon/cli/args';

const spec: CommandSpec = {
  name: 'try',
  summary: 'Tries',
  usage: 'try MODEL',
  options: {
    output: { type: 'string', short: 'o', value: 'OUT', help: 'File to write' },
    threads: { type: 'string', value: 'N', help: 'Threads' },
    bind: { type: 'string', multiple: true, help: 'Free dimensions' },
    overwrite: { type: 'boolean', help: 'Replace' },
  },
  positionals: { min: 1, max: 2, what: 'The model' },
  examples: ['slipway try a.onnx'],
};
const parse = (...argv: string[]) => parseCommand(spec, argv);

test('options, flags and arguments in any order', () => {
  const args = parse('--overwrite', 'a.onnx', '-o', 'b.onnx', '--threads=4', '--', '--strange');
  assert.equal(textOption(args, 'output'), 'b.onnx');
  assert.equal(countOption(args, 'threads'), 4);
  assert.deepEqual([...args.flags], ['overwrite']);
  assert.deepEqual(args.positionals, ['a.onnx', '--strange']);
});

const wrong: readonly (readonly [argv: readonly string[], message: RegExp])[] = [
  [[], /^The model is missing: slipway try MODEL\.$/],
  [['a', 'b', 'c'], /^"c" is one argument too many/],
  [['a', '--thread', '3'], /^There is no option --thread\. Did you mean --threads\?$/],
  [['a', '--htreads=3'], /Did you mean --threads\?$/],
  [['a', '--zzz'], /^There is no option --zzz\.$/],
  [['a', '-x'], /^There is no option -x\.$/],
  [['a', '--output'], /^--output needs a value: --output OUT\.$/],
  [['a', '--output', '--overwrite'], /^--output needs a value/],
  [['a', '--output='], /^--output needs a value/],
  [['a', '--overwrite=yes'], /^--overwrite takes no value\.$/],
  [['a', '-o', 'x', '-o', 'y'], /^--output was given twice\.$/],
];
for (const [argv, message] of wrong)
  test(`wrong usage: ${argv.join(' ') || 'nothing'}`, () => {
    assert.throws(
      () => parseCommand(spec, argv),
      (error) => error instanceof UsageError && message.test(error.message),
    );
  });

test('help needs no arguments and shows every option with an example', () => {
  assert.ok(parse('--help').flags.has('help'));
  const text = helpText(spec);
  for (const part of ['Usage: slipway try MODEL', '-o, --output OUT', '--json', 'slipway try a.onnx'])
    assert.ok(text.includes(part), text);
});

test('numbers within limits, words of a list', () => {
  const args = parse('a', '--threads', '1.5', '-o', 'dinamic');
  assert.equal(numberOption(args, 'threads', { min: 0, max: 2 }), 1.5);
  assert.equal(numberOption(args, 'bind', { min: 0, max: 2 }), undefined);
  assert.throws(
    () => countOption(args, 'threads'),
    /^UsageError: --threads takes a whole number of at least 1; "1\.5" was given\.$/,
  );
  assert.throws(() => numberOption(args, 'threads', { min: 2, max: 3 }), /a number from 2 to 3/);
  assert.throws(() => numberOption(args, 'output', { min: 2, max: 3 }), /"dinamic" was given/);
  assert.throws(() => choiceOption(args, 'output', ['static', 'dynamic']), /Did you mean dynamic\?$/);
});

test('bindings', () => {
  assert.deepEqual(bindOption(parse('a', '--bind', 'batch=1,seq len=128', '--bind', 'n=0')), {
    batch: 1,
    'seq len': 128,
    n: 0,
  });
  assert.equal(bindOption(parse('a')), undefined);
  for (const text of ['batch', 'batch=x', '=1', 'batch=-1', 'batch=1,'])
    assert.throws(() => bindOption(parse('a', `--bind=${text}`)), /--bind takes NAME=NUMBER/);
});

test('nearest word', () => {
  const words = ['inspect', 'quantize', 'benchmark', 'serve'];
  assert.equal(nearest('insepct', words), 'inspect');
  assert.equal(nearest('bench', words), 'benchmark');
  assert.equal(nearest('quantise', words), 'quantize');
  assert.equal(nearest('deploy', words), undefined);
  assert.equal(nearest('x', words), undefined);
});
