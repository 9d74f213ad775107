// slipway text, and models in their textual form as the input of inspect, check and diff.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeDenseModel } from '../../support/denseModel';
import { temporaryFolder } from '../../support/paths';
import { runCli } from '../../support/runCli';

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);

test('a model goes to text and back without a difference', async () => {
  const model = await writeDenseModel(at('dense.onnx'), 2);
  const { code, stdout } = await runCli('text', model);
  assert.equal(code, 0);
  assert.match(stdout, /\[MatMul_1\] \w+ = MatMul \(relu0, weight1\)/);
  const whole = await runCli('text', model, '--values', '1000000');
  writeFileSync(at('dense.onnxtxt'), whole.stdout);
  const diff = await runCli('diff', model, at('dense.onnxtxt'), '--check');
  assert.equal(diff.code, 0, diff.stdout);
  const inspected = await runCli('inspect', at('dense.onnxtxt'), '--json');
  const binary = await runCli('inspect', model, '--json');
  const facts = (text: string) => {
    const { macs, flops, parameters, nodes } = JSON.parse(text) as Record<string, number>;
    return { macs, flops, parameters, nodes };
  };
  assert.deepEqual(facts(inspected.stdout), facts(binary.stdout));
});

test('one graph of it, and the list of them', async () => {
  writeFileSync(
    at('branches.onnxtxt'),
    `<ir_version: 8, opset_import: ["" : 17, "f" : 1]>
g (float[N] x, bool c) => (float[N] y) {
  [choose] z = If (c) <then_branch = t () => (a) { a = Neg (x) }, else_branch = e () => (b) { b = f.Twice (x) }>
  y = Relu (z)
}
<domain: "f", opset_import: ["" : 17]>
Twice (u) => (v) { v = Add (u, u) }
`,
  );
  const scopes = await runCli('text', at('branches.onnxtxt'), '--scopes', '--json');
  assert.deepEqual((JSON.parse(scopes.stdout) as { scopes: string[] }).scopes.sort(), [
    '',
    'choose/else_branch',
    'choose/then_branch',
    'function f:Twice',
  ]);
  const body = await runCli('text', at('branches.onnxtxt'), '--scope', 'choose/then_branch');
  assert.match(body.stdout, /^t \(\) => \(a\)\n\{\n {2}a = Neg \(x\)\n\}\n$/);
  const own = await runCli('text', at('branches.onnxtxt'), '--scope', 'function f:Twice');
  assert.match(own.stdout, /Twice \(u\) => \(v\)/);
  const none = await runCli('text', at('branches.onnxtxt'), '--scope', 'choose/body');
  assert.equal(none.code, 1);
  assert.match(none.stderr, /no graph and no scope "choose\/body".*--scopes/);
});

test('a named scope as a model of its own', async () => {
  writeFileSync(
    at('scopes.onnxtxt'),
    `<ir_version: 8, opset_import: ["" : 17, "f" : 1]>
g (float[N,2] x, bool c) => (float[N,2] y, float[N,2] side) <float[2] w = {1, 2}, float[2] v = {3, 4}> {
  ["/enc/a/Add"] p = Add (x, w)
  ["/enc/a/Relu"] q = Relu (p)
  ["/enc/b/Mul"] r = Mul (q, w)
  ["/enc/b/Twice"] s = f.Twice (r)
  ["/enc/b/Neg"] side = Neg (s)
  t = Mul (s, v)
  [choose] y = If (c) <then_branch = t () => (a) { ["/in/u/Neg"] n = Neg (q) ["/in/u/Relu"] a = Relu (n) }, else_branch = e () => (b) { b = Identity (t) }>
}
<domain: "f", opset_import: ["" : 17]>
Twice (u) => (v) { v = Add (u, u) }
`,
  );
  const scopes = await runCli('text', at('scopes.onnxtxt'), '--scopes', '--json');
  const { parts } = JSON.parse(scopes.stdout) as { parts: string[] };
  assert.deepEqual(parts, ['enc', 'enc/a', 'enc/b', 'choose/then_branch/in/u']);
  const textOf = async (scope: string) => {
    const { code, stdout, stderr } = await runCli('text', at('scopes.onnxtxt'), '--scope', scope);
    assert.equal(code, 0, stderr);
    return stdout.slice(stdout.indexOf('>\n') + 2);
  };
  // What crosses the border is input and output, with the types that were inferred; weights and functions come along.
  assert.equal(
    await textOf('enc/b'),
    `"enc/b" (float[N,2] q) => (float[N,2] s, float[N,2] side)
<
  float[2] w = {1, 2}
>
{
  ["/enc/b/Mul"] r = Mul (q, w)
  ["/enc/b/Twice"] s = f.Twice (r)
  ["/enc/b/Neg"] side = Neg (s)
}

<
  domain: "f",
  opset_import: ["" : 17]
>
Twice (u) => (v)
{
  v = Add (u, u)
}
`,
  );
  assert.match(
    await textOf('enc'),
    /^enc \(float\[N,2\] x\) => \(float\[N,2\] q, float\[N,2\] s, float\[N,2\] side\)/,
  );
  assert.match(
    await textOf('choose/then_branch/in/u'),
    /^"choose\/then_branch\/in\/u" \(float\[N,2\] q\) => /,
  );
});

test('mistakes of a text have line and column', async () => {
  writeFileSync(
    at('wrong.onnxtxt'),
    '<ir_version: 8, opset_import: ["" : 17]>\ng (float[N] x) => (float[N] y) {\n  y = Relu (x\n}\n',
  );
  const { code, stdout } = await runCli('check', at('wrong.onnxtxt'));
  assert.equal(code, 1);
  assert.match(stdout, /Line 4, column 1: "\)" is missing after the inputs of Relu/);
  assert.match(stdout, /text\/syntax/);
  writeFileSync(at('empty.onnxtxt'), '');
  assert.match((await runCli('inspect', at('empty.onnxtxt'))).stdout, /empty/);
  writeFileSync(at('binary.onnxtxt'), Buffer.from([8, 7, 0, 255, 58, 3]));
  assert.equal((await runCli('inspect', at('binary.onnxtxt'))).code, 1);
  writeFileSync(
    at('outside.onnxtxt'),
    '<ir_version: 8, opset_import: ["" : 17]>\ng () => (float[2] y) <float[2] w = ["location": "../secret"]> { y = Relu (w) }\n',
  );
  assert.match((await runCli('check', at('outside.onnxtxt'))).stdout, /external\/\S+|outside/);
});
