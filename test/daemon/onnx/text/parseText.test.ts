// Mistakes in a text: each becomes a sentence with its place, and what stands behind it is read.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseText } from '../../../../daemon/onnx/text/parseText';
import { toModel } from '../../../../daemon/onnx/text/toModel';

/** Problems as `text of the place: sentence`. */
function problems(text: string): string[] {
  const syntax = parseText(text);
  const found = syntax.problems.length > 0 ? syntax.problems : toModel(syntax).problems;
  return found.map(({ start, end, message }) => `${text.slice(start, end)}: ${message}`);
}

const wrap = (nodes: string, values = '') => `<ir_version: 8, opset_import: ["" : 17]>
g (float[N] x) => (float[N] y) ${values} {
${nodes}
}`;

test('a broken node costs that node and no other', () => {
  const text = wrap('  a = Relu (x\n  b = Relu (x)\n  c = = (x)\n  y = Relu (b)');
  const syntax = parseText(text);
  assert.deepEqual(
    syntax.graph!.nodes.map(({ outputs }) => outputs[0]!.text),
    ['b', 'y'],
  );
  assert.deepEqual(problems(text), [
    'b: ")" is missing after the inputs of Relu; found b.',
    '=: The operator is missing; found =.',
  ]);
});

test('sentences', () => {
  const cases: [string, readonly string[]][] = [
    ['', []],
    ['<ir_version 8> g () => () {}', ['8: ":" is missing after ir_version; found 8.']],
    ['g (float[N] x) = (y) {}', ['(: ">" is missing between inputs and outputs of g; found (.']],
    ['g () => () { y = Add (a, "b) }', ['"b) }: The closing quote is missing.', '{: "}" is missing after the nodes of g.']],
    ['g () => () { y = A <k = []> () }', ['[]: An empty list needs a type: "name: ints = []".']],
    [
      'g () => () { y = A <k: int = "a"> () }',
      ['"a": k is stated as int, but its value is string.'],
    ],
    [wrap('y = Relu (x)', '<float[2] w = {1, 2, 3}>'), ['{1, 2, 3}: The shape needs 2 values, but there are 3.']],
    [wrap('y = Relu (x)', '<int8[1] w = {1.5}>'), ['1.5: int8 takes whole numbers.']],
    [wrap('y = Relu (x)', '<float[N] w = {1}>'), ['float[N] w: The dimensions of a tensor with values are numbers.', '{1}: The shape needs 0 values, but there is 1.']],
    [wrap('y = Relu (x)', '<w = {1}>'), ['w = {1}: The initializer w needs a type.']],
    ['<ir_version: 8, color: 1> g () => () {}', ["color: 1: color is no field of a model's header, or has another kind of value."]],
    ['g () => () { y = A (', [': ")" is missing after the inputs of A; the text ends here.', '{: "}" is missing after the nodes of g.']],
  ]; // prettier-ignore
  for (const [text, expected] of cases) assert.deepEqual(problems(text), expected, text);
});

test('no text is too odd: cut anywhere and with signs changed, it is read without a throw', () => {
  const text = wrap(
    '  [n] a, "b c" = com.x.Op:v <k = [1, 2.5], s = "t\\"", t = int64[2] {1, -2}, b = g2 (float x) => (y) { y = Id (x) }> (x, "", w)\n  y = If (a) <then_branch = t () => (o) { o = C () }>',
    '<float[2] w = {1, inf}, float[] "v v" = ["location": "f", "offset": "3"], seq(map(int64, float[?])) q>',
  );
  for (let at = 0; at < text.length; at += 1) {
    toModel(parseText(text.slice(0, at)));
    for (const sign of ['"', '{', '>', '(', '#', ' ', '\n'])
      toModel(parseText(text.slice(0, at) + sign + text.slice(at + 1)));
  }
  toModel(parseText('g () => () { a = F <b = '.repeat(400)));
  toModel(parseText(`g (${'seq('.repeat(300)} x) => () {}`));
});
