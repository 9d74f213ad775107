// Language features of the textual form. Places are written into the text as ‹›: the mark stands before the place.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkText } from '../../../../daemon/analysis/language/check';
import { complete } from '../../../../daemon/analysis/language/completion';
import { LanguageDocument } from '../../../../daemon/analysis/language/document';
import { hover, typeHints } from '../../../../daemon/analysis/language/hover';
import {
  definition,
  highlights,
  nodeAt,
  readersOf,
  references,
  sourcesOf,
  titleOf,
} from '../../../../daemon/analysis/language/navigate';
import { folds, outline, type OutlineEntry } from '../../../../daemon/analysis/language/outline';
import { semanticTokens } from '../../../../daemon/analysis/language/tokens';
import { modelCost } from '../../../../daemon/analysis/cost/cost';
import { inferShapes } from '../../../../daemon/analysis/shapes';
import { silentTask } from '../../../../daemon/base/task';
import { toModel } from '../../../../daemon/onnx/text/toModel';
import type { Mark } from '../../../../daemon/onnx/text/syntax';

const text = `<
  ir_version: 8,
  opset_import: ["" : 17, "com.acme" : 1]
>
main (float[N,4] x, bool c) => (float[N,3] y)
<
  float[4,3] w = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12},
  float[3] b = ["location": "w.bin"]
>
{
  ["/layers.0/fc/MatMul"] m = MatMul (x, w)
  ["/layers.0/fc/Add"] a = Add (m, b)
  ["/layers.1/Twice"] t = com.acme.Twice <times = 2.0> (a)
  y = If (c) <
    then_branch = yes () => (float[N,3] p) {
      p = Relu (t)
    },
    else_branch = no () => (float[N,3] q) {
      q = Softmax <axis = -1> (t)
    }
  >
}
<
  domain: "com.acme",
  opset_import: ["" : 17]
>
Twice <times: float = 2.0, scale> (in) => (out)
{
  f = Constant <value_float: float = @times> ()
  out = Mul (in, f)
}
`;

function open(given = text): LanguageDocument {
  return new LanguageDocument('file:///m.onnxtxt', given, ({ syntax }) => {
    const { model } = toModel(syntax);
    return Promise.resolve({
      model,
      inferred: inferShapes(model),
      macs: modelCost(model).nodeMacs,
    });
  });
}

const document = open();

/** The offset of the nth occurrence of a text; `within` says how far inside. */
function at(what: string, nth = 1, within = 0): number {
  let offset = -1;
  for (let count = 0; count < nth; count += 1) offset = text.indexOf(what, offset + 1);
  assert.ok(offset >= 0, what);
  return offset + within;
}

/** Marks as `line:column text`, from 1. */
const say = (marks: readonly Mark[]) =>
  marks.map((mark) => {
    const { line, character } = document.lines.position(mark.start);
    return `${line + 1}:${character + 1} ${mark.text}`;
  });

const places = (offset: number): string[] => {
  const target = definition(document, offset);
  return target?.kind === 'places' ? say(target.places) : [target?.kind ?? 'nothing'];
};

test('go to definition: values, through bodies, functions and their attributes', () => {
  assert.deepEqual(places(at('(m, b)', 1, 1)), ['11:27 m']);
  assert.deepEqual(places(at('Relu (t)', 1, 6)), ['13:23 t']);
  assert.deepEqual(places(at('(x, w)', 1, 4)), ['7:14 w']);
  assert.deepEqual(places(at('com.acme.Twice', 1, 10)), ['27:1 Twice']);
  assert.deepEqual(places(at('@times', 1, 2)), ['27:8 times']);
  assert.deepEqual(places(at('MatMul (', 1, 2)), ['function']);
  assert.deepEqual(places(at('ir_version')), ['nothing']);
});

test('references and highlights', () => {
  assert.deepEqual(say(references(document, at('] t =', 1, 2), true)), ['13:23 t', '16:17 t', '19:32 t']);
  assert.deepEqual(say(references(document, at('] t =', 1, 2), false)), ['16:17 t', '19:32 t']);
  assert.deepEqual(say(references(document, at('Twice <times: float'), true)), ['13:36 Twice']);
  assert.deepEqual(
    highlights(document, at('(m, b)', 1, 1)).map(({ writes }) => writes),
    [true, false],
  );
});

test('hover: type, maker, readers; signature, cost; attributes', async () => {
  const of = async (offset: number) => (await hover(document, offset))?.markdown ?? '';
  const value = await of(at('(m, b)', 1, 1));
  assert.match(value, /float\[N,3\] m/);
  assert.match(value, /Output 0 of \*\*MatMul\*\*/);
  assert.match(value, /Read by 1 node: Add/);
  const weight = await of(at('(x, w)', 1, 4));
  assert.match(weight, /float\[4,3\] w/);
  assert.match(weight, /\{1, 2, 3/);
  const operator = await of(at('MatMul (', 1, 2));
  assert.match(operator, /MatMul\(A, B\) → Y/);
  assert.match(operator, /12 multiply-accumulates/);
  assert.match(operator, /onnx\.ai\/onnx\/operators\/onnx__MatMul\.html/);
  assert.match(await of(at('axis = -1')), /axis: int[\s\S]*-1 when absent/);
  assert.match(await of(at('com.acme.Twice', 1, 10)), /com\.acme\.Twice\(in\) → out/);
  assert.equal(await of(at('ir_version')), '');
});

test('outline: lists, runs of nodes by path, bodies, functions', () => {
  const lines: string[] = [];
  const walk = (entries: readonly OutlineEntry[], indent: string) => {
    for (const each of entries) {
      lines.push(`${indent}${each.name}${each.detail === undefined ? '' : ` (${each.detail})`}`);
      walk(each.children ?? [], `${indent}  `);
    }
  };
  walk(outline(document), '');
  assert.deepEqual(lines, [
    'main (4 nodes)',
    '  x (input)',
    '  c (input)',
    '  y (output)',
    '  w (initializer)',
    '  b (initializer)',
    '  layers.0 (2 nodes)',
    '    fc (2 nodes)',
    '      MatMul (MatMul)',
    '      Add (Add)',
    '  Twice (com.acme.Twice)'.replace('com.acme.', ''),
    '  y (If)',
    '    yes (1 nodes)',
    '      p (output)',
    '      p (Relu)',
    '    no (1 nodes)',
    '      q (output)',
    '      q (Softmax)',
    'Twice (2 nodes)',
    '  in (input)',
    '  out (output)',
    '  f (Constant)',
    '  out (Mul)',
  ]);
});

test('children lie inside their parents, as clients require', () => {
  const inside = (parent: OutlineEntry) => {
    for (const each of parent.children ?? []) {
      const [outer, inner] = [parent.range, each.range];
      assert.ok(document.lines.offset(outer.start) <= document.lines.offset(inner.start), each.name);
      assert.ok(document.lines.offset(outer.end) >= document.lines.offset(inner.end), each.name);
      const selected = document.lines.offset(each.selectionRange.start);
      assert.ok(
        selected >= document.lines.offset(inner.start) && selected <= document.lines.offset(inner.end),
      );
      inside(each);
    }
  };
  outline(document).forEach(inside);
});

test('folding', () => {
  assert.deepEqual(
    folds(document).map(({ startLine, endLine }) => [startLine + 1, endLine + 1]),
    [
      [1, 3],
      [6, 8],
      [10, 21],
      [11, 12],
      [14, 20],
      [15, 16],
      [18, 19],
      [23, 25],
      [28, 30],
    ],
  );
});

test('call hierarchy: what feeds a node and what it feeds, through bodies', () => {
  const node = (offset: number) => nodeAt(document, offset)!;
  const feeds = sourcesOf(document, node(at('Add (m', 1, 1))).map((each) => titleOf(each.node));
  assert.deepEqual(feeds, ['/layers.0/fc/MatMul']);
  assert.deepEqual(
    sourcesOf(document, node(at('If (c)', 1, 1))).map((each) => titleOf(each.node)),
    ['/layers.1/Twice'],
  );
  assert.deepEqual(
    readersOf(document, node(at('com.acme.Twice', 1, 10))).map((each) => each.node.operator.text),
    ['Relu', 'Softmax'],
  );
});

test('semantic tokens: one for each name, in order, whole and by range', () => {
  const data = semanticTokens(document);
  const names = document.syntax.marks.filter(({ start, end }) => end > start);
  assert.equal(data.length, names.length * 5);
  let line = 0;
  let character = 0;
  names.forEach((mark, index) => {
    const [down, right, length] = data.slice(index * 5) as [number, number, number];
    character = down === 0 ? character + right : right;
    line += down;
    assert.deepEqual({ line, character }, document.lines.position(mark.start));
    assert.equal(length, mark.end - mark.start);
  });
  const part = semanticTokens(document, at('["/layers.0/fc/Add"]'), at('["/layers.1'));
  assert.ok(part.length > 0 && part.length < data.length / 4);
});

test('types behind outputs', async () => {
  const hints = await typeHints(document, 0, text.length);
  assert.deepEqual(
    hints.slice(0, 2).map((each) => each.text),
    [': float[N,3]', ': float[N,3]'],
  );
});

/** Labels of the completions where ‹› stands in a text. */
function completions(given: string): string[] {
  const offset = given.indexOf('‹›');
  const made = open(given.replace('‹›', ''));
  return complete(made, offset).items.map(({ label }) => label);
}

const body = (nodes: string) =>
  text.slice(0, text.indexOf('  ["/layers.1')) + nodes + text.slice(text.indexOf('}\n<\n  domain'));

test('completion: operators, attributes, values, types, fields', () => {
  assert.deepEqual(completions(body('  z = LayerN‹›')), ['LayerNormalization']);
  assert.ok(completions(body('  z = com.‹›')).includes('com.acme.Twice'));
  assert.deepEqual(completions(body('  z = Softmax <‹›> (a)')), ['axis']);
  assert.deepEqual(completions(body('  z = Gemm <alpha = 1.0, ‹›')), ['beta', 'transA', 'transB']);
  assert.deepEqual(completions(body('  z = com.acme.Twice <‹›')), ['times', 'scale']);
  assert.deepEqual(completions(body('  z = Add (‹›')), ['a', 'm', 'b', 'w', 'c', 'x']);
  assert.deepEqual(completions(body('  z = Add (a, w‹›)')), ['w']);
  assert.deepEqual(completions(body('  z = Softmax <axis = ‹›> (a)')), []);
  assert.deepEqual(completions(body('  z = Softmax <axis: in‹›> (a)')), ['int', 'ints', 'string', 'strings'].slice(0, 2).concat(['string', 'strings'])); // prettier-ignore
  assert.ok(completions('g (flo‹›').includes('float16'));
  assert.ok(completions('<ir_v‹›').includes('ir_version'));
  assert.deepEqual(completions('‹›'), []);
});

test("ONNX Runtime's own operators: completion, hover", async () => {
  const own = text.replace('"com.acme" : 1]', '"com.acme" : 1, "com.microsoft" : 1]');
  const made = (nodes: string) =>
    completions(
      own.slice(0, own.indexOf('  ["/layers.1')) + nodes + own.slice(own.indexOf('}\n<\n  domain')),
    );
  assert.deepEqual(made('  z = com.microsoft.FusedMatMul‹›'), [
    'com.microsoft.FusedMatMul',
    'com.microsoft.FusedMatMulActivation',
  ]);
  assert.deepEqual(made('  z = com.microsoft.GroupNorm <groups = 2, ‹›'), [
    'activation',
    'channels_last',
    'epsilon',
  ]);
  const given = own.replace('MatMul (x, w)', 'com.microsoft.FusedMatMul <alpha = 2.0> (x, w)');
  const opened = open(given);
  const markdown = async (what: string) => (await hover(opened, given.indexOf(what) + 2))?.markdown ?? '';
  const operator = await markdown('FusedMatMul <');
  assert.match(operator, /FusedMatMul\(A, B\) → Y/);
  assert.match(operator, /as ONNX Runtime \S+ has it.*ContribOperators\.md#com\.microsoft\.FusedMatMul/);
  assert.match(await markdown('alpha = 2.0'), /alpha: float[\s\S]*1 when absent/);
});

test('completion of operators knows the operator set', () => {
  const old = text.replace('["" : 17', '["" : 10');
  const made = (given: string) =>
    completions(given.slice(0, given.indexOf('  ["/layers.1')) + '  z = Gel‹›\n}');
  assert.deepEqual(made(old), []);
  assert.deepEqual(made(text.replace('["" : 17', '["" : 20')), ['Gelu']);
});

test('problems of the model behind a text stand at the name that they are about', async () => {
  const wrong = open(text.replace('Relu (t)', 'Relu (nowhere)').replace('] a = Add', '] a = Addd'));
  const found = (await checkText(wrong, silentTask)).map(
    ({ start, end, id }) => `${id} ${wrong.text.slice(start, end)}`,
  );
  assert.ok(
    found.some((each) => each.endsWith(' nowhere')),
    found.join(),
  );
  assert.ok(
    found.some((each) => each.endsWith('"/layers.0/fc/Add"')),
    found.join(),
  );
  const broken = open(text.replace('Relu (t)', 'Relu (t'));
  assert.deepEqual(
    (await checkText(broken, silentTask)).map(({ id }) => id),
    ['text/syntax'],
  );
});
