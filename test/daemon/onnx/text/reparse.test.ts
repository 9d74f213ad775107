// Reading again after an edit gives what reading the whole text gives, wherever the edit is and whatever it makes of
// the text; where it finds mistakes, only a whole reading tells for sure.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseText } from '../../../../daemon/onnx/text/parseText';
import { reparse } from '../../../../daemon/onnx/text/reparse';
import type { TextSyntax } from '../../../../daemon/onnx/text/syntax';
import { seeded } from '../../analysis/diffTruth';

const text = `<ir_version: 8, opset_import: ["" : 17, "pkg" : 1]>
g (float[N] x) => (float[N] y) <float[2] w = {1, 2}> {
  # first
  [one] a = Relu (x)
  b = Gemm <alpha = 0.5, t = int64[2] {1, -2}> (a, w) # behind
  c = If (q) <then_branch = t () => (o) {
    o = Neg (b)
    p = Add (o, x)
  }, else_branch = e () => (o) { o = Abs (b) }>
  "d d", , e = pkg.Twice (c, "", x)
  y = Add (e, a)
}
<domain: "pkg", opset_import: ["" : 17]>
Twice <k: float = 1.0> (u) => (v) {
  # inside
  f = Constant <value_float: float = @k> ()
  v = Mul (u, f)
}
`;

/** The result of an edit, checked against a whole reading; undefined where only that can tell. */
function edited(before: TextSyntax, start: number, end: number, put: string): TextSyntax | undefined {
  const changed = before.text.slice(0, start) + put + before.text.slice(end);
  const syntax = reparse(before, changed, { start, end, length: put.length });
  if (!syntax) return undefined;
  if (syntax.problems.length === 0) assert.deepEqual(syntax, parseText(changed), changed);
  return syntax;
}

test('one edit anywhere', () => {
  let local = 0;
  let clean = 0;
  const puts = ['', ' ', '\n', 'z', '(', ')', '"', '#', '{', '}', '<', '\n  n = Relu (x)\n', ', w'];
  for (let at = 0; at <= text.length; at += 1) {
    for (const put of puts) {
      for (const length of at % 3 === 0 ? [0, 9] : [at % 2]) {
        const syntax = edited(parseText(text), at, Math.min(text.length, at + length), put);
        if (syntax) local += 1;
        if (syntax?.problems.length === 0) clean += 1;
      }
    }
  }
  assert.ok(local > 2000 && clean > 500, `${local} read locally, ${clean} of them sound`);
});

test('a node as it is typed, behind a mistake elsewhere', () => {
  let syntax = parseText(text.replace('(e, a)', '(e, a'));
  assert.equal(syntax.problems.length, 1);
  let at = text.indexOf('  c = If');
  for (const sign of '  m = Add (a, b)\n') {
    const next = edited(syntax, at, at, sign);
    assert.ok(next, sign);
    syntax = next;
    at += 1;
  }
  assert.equal(syntax.problems.length, 1);
  assert.ok(syntax.graph!.nodes.some(({ outputs }) => outputs[0]?.text === 'm'));
  const closed = edited(syntax, syntax.text.indexOf('(e, a') + 5, syntax.text.indexOf('(e, a') + 5, ')');
  assert.deepEqual(closed, parseText(text.replace('  c = If', '  m = Add (a, b)\n  c = If')));
});

test('many edits one after the other', () => {
  const random = seeded(4);
  const below = (most: number) => Math.floor(random() * most);
  const pieces = ['a', ' ', '\n', '  k = Relu (x)\n', '(', ')', ',', '=', '<', '>', '#', '"', 'w'];
  for (let round = 0; round < 60; round += 1) {
    let syntax = parseText(text);
    for (let step = 0; step < 12; step += 1) {
      const start = below(syntax.text.length);
      const end = Math.min(syntax.text.length, start + below(4));
      const put = pieces[below(pieces.length)]!;
      const changed = syntax.text.slice(0, start) + put + syntax.text.slice(end);
      syntax = edited(syntax, start, end, put) ?? parseText(changed);
    }
  }
});
