// The language server as a client of another editor meets it: the built daemon over stdio.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import {
  createMessageConnection,
  StreamMessageReader,
  StreamMessageWriter,
  type MessageConnection,
  type ResponseError,
} from 'vscode-jsonrpc/node';
import { silentTask } from '../../../../daemon/base/task';
import { floatTensor, graph, model as buildModel, node, valueInfo } from '../../../../daemon/ir/builder';
import { DataType } from '../../../../daemon/ir/dataType';
import { writeModel } from '../../../../daemon/onnx/writeModel';
import { Close, Open } from '../../../../daemon/protocol/inspect';
import { textUri } from '../../../../daemon/protocol/textFace';
import { writeDenseModel } from '../../../support/denseModel';
import { distFolder, temporaryFolder } from '../../../support/paths';
import { waitUntil } from '../../../support/waiting';

const folder = temporaryFolder();
const child = spawn(process.execPath, [join(distFolder, 'slipway.js'), 'daemon', '--stdio'], {
  env: { ...process.env, SLIPWAY_STATE: join(folder, 'state'), NODE_OPTIONS: '' },
  stdio: ['pipe', 'pipe', 'ignore'],
});
const connection: MessageConnection = createMessageConnection(
  new StreamMessageReader(child.stdout),
  new StreamMessageWriter(child.stdin),
);
interface Told {
  code: string;
  severity: number;
  range: { start: object };
  message: string;
  relatedInformation?: {
    location: { uri: string; range: { start: { line: number; character: number } } };
    message: string;
  }[];
}
const published = new Map<string, Told[]>();
const refreshed: string[] = [];
connection.onNotification(
  'textDocument/publishDiagnostics',
  (params: { uri: string; diagnostics: never[] }) => {
    published.set(params.uri, params.diagnostics);
  },
);
connection.onRequest('workspace/textDocumentContent/refresh', ({ uri }: { uri: string }) => {
  refreshed.push(uri);
  return null;
});
connection.listen();

let model = '';
let uri = '';
let lines: string[] = [];
before(async () => {
  model = await writeDenseModel(join(folder, 'dense & co.onnx'), 3);
  uri = textUri(pathToFileURL(model).href);
  await connection.sendRequest('initialize', {
    processId: null,
    rootUri: null,
    capabilities: { textDocument: { publishDiagnostics: { relatedInformation: true } } },
  });
  const { text } = await connection.sendRequest<{ text: string }>('workspace/textDocumentContent', { uri });
  lines = text.split('\n');
});
after(async () => {
  const ended = once(child, 'close');
  child.stdin.end();
  await ended;
});

/** The place of a text, on the line that holds another. */
function place(line: string, what: string) {
  const at = lines.findIndex((each) => each.includes(line));
  assert.ok(at >= 0, line);
  return { line: at, character: lines[at]!.indexOf(what) };
}
const ask = <T>(method: string, params: object, of = uri) =>
  connection.sendRequest<T>(`textDocument/${method}`, { textDocument: { uri: of }, ...params });

test('the text of a binary model', () => {
  assert.ok(lines.includes('  [MatMul_0] product0 = MatMul (x, weight0)'), lines.join('\n'));
  // Weights lie in the model's own file.
  assert.match(
    lines.find((each) => each.includes(' weight0 = '))!,
    /float\[16,16\] weight0 = \["(location": "dense & co\.onnx", "offset": "\d+", "length": "1024|elided": "256 values, 1024 bytes)"\]/,
  );
});

test('definition, hover, references, call hierarchy, symbols', async () => {
  const position = place('MatMul (relu0', 'relu0');
  const [target] = await ask<{ uri: string; range: { start: object } }[]>('definition', { position });
  assert.equal(target!.uri, uri);
  assert.deepEqual(target!.range.start, place('relu0 = Relu', 'relu0'));
  const hover = await ask<{ contents: { value: string } }>('hover', { position });
  assert.match(hover.contents.value, /float\[batch,16\] relu0/);
  const uses = await ask<object[]>('references', { position, context: { includeDeclaration: false } });
  assert.equal(uses.length, 1);
  const [item] = await ask<object[]>('prepareCallHierarchy', { position: place('relu0 = Relu', 'Relu (') });
  const from = await connection.sendRequest<{ from: { name: string } }[]>('callHierarchy/incomingCalls', {
    item,
  });
  assert.deepEqual(from.map((each) => each.from.name), ['MatMul_0']); // prettier-ignore
  const to = await connection.sendRequest<{ to: { name: string } }[]>('callHierarchy/outgoingCalls', {
    item,
  });
  assert.deepEqual(to.map((each) => each.to.name), ['MatMul_1']); // prettier-ignore
  const found = await connection.sendRequest<{ name: string; location: { uri: string; range?: object } }[]>(
    'workspace/symbol',
    { query: 'matmul_2' },
  );
  assert.deepEqual(found.map(({ name }) => name), ['MatMul_2']); // prettier-ignore
  const resolved = await connection.sendRequest<(typeof found)[0]>('workspaceSymbol/resolve', found[0]);
  assert.deepEqual((resolved.location.range as { start: object }).start, place('[MatMul_2]', 'MatMul_2'));
  for (const method of ['documentSymbol', 'foldingRange', 'semanticTokens/full', 'documentHighlight'])
    assert.ok(await ask(method, { position }), method);
  assert.equal(await ask('rename', { position, newName: 'z' }), null, 'the text of a model is read-only');
});

test('a text file: problems at their places, as it is edited', async () => {
  const file = 'file:///made.onnxtxt';
  const text =
    '<ir_version: 8, opset_import: ["" : 17]>\ng (float[N] x) => (float[N] y) {\n  y = Relu (x\n}\n';
  await connection.sendNotification('textDocument/didOpen', {
    textDocument: { uri: file, languageId: 'onnx-text', version: 1, text },
  });
  await waitUntil('problems', () => published.has(file));
  assert.deepEqual(published.get(file)!.map(({ code }) => code), ['text/syntax']); // prettier-ignore
  assert.match(published.get(file)![0]!.message, /"\)" is missing after the inputs of Relu/);
  const end = { line: 2, character: 13 };
  await connection.sendNotification('textDocument/didChange', {
    textDocument: { uri: file, version: 2 },
    contentChanges: [{ range: { start: end, end }, text: ')' }],
  });
  await waitUntil('no problems', () => published.get(file)!.length === 0);
  const edit = await ask<{ changes: Record<string, object[]> }>('rename', { position: { line: 2, character: 12 }, newName: 'in put' }, file); // prettier-ignore
  assert.deepEqual(edit.changes[file]!.map((each) => (each as { newText: string }).newText), ['"in put"', '"in put"']); // prettier-ignore
  await connection.sendNotification('textDocument/didClose', { textDocument: { uri: file } });
});

test('severities of rules hold for texts that are edited', async () => {
  const file = 'file:///rules.onnxtxt';
  const text =
    '<ir_version: 8, opset_import: ["" : 17]>\ng (float[N] x) => (float[N] y) {\n  y = Relu (x)\n  z = Neg (x)\n}\n';
  const change = (rules: unknown) =>
    connection.sendNotification('workspace/didChangeConfiguration', {
      settings: { slipway: { check: { rules } } },
    });
  await connection.sendNotification('textDocument/didOpen', {
    textDocument: { uri: file, languageId: 'onnx-text', version: 1, text },
  });
  const unused = () => published.get(file)?.find(({ code }) => code === 'size/unused-node');
  await waitUntil('the hint', () => unused()?.severity === 3);
  // A node without a name is told where it stands.
  assert.deepEqual(unused()!.range.start, { line: 3, character: 6 });
  await change({ size: 'error', nonsense: 'loud' });
  await waitUntil('the hint as an error', () => unused()?.severity === 1);
  await change({ 'size/unused-node': 'off' });
  await waitUntil('no hint', () => published.get(file)!.length === 0);
  await change(undefined);
  await waitUntil('the hint again', () => unused()?.severity === 3);
  await connection.sendNotification('textDocument/didClose', { textDocument: { uri: file } });
});

test('problems of a binary model lead to the place in its text', async () => {
  const branch = (output: string, ...nodes: ReturnType<typeof node>[]) =>
    graph({ name: output, nodes, outputs: [valueInfo(output, DataType.FLOAT)] });
  const built = buildModel(
    graph({
      nodes: [
        node('Relu', ['x'], ['unread'], { name: 'lonely' }),
        node('If', ['c'], ['y'], {
          name: '/a/If',
          attributes: {
            then_branch: branch(
              't',
              node('Relu', ['x'], ['t']),
              node('Neg', ['x'], ['u'], { name: 'inner' }),
            ),
            else_branch: branch('e', node('Relu', ['nowhere'], ['e'])),
          },
        }),
      ],
      inputs: [valueInfo('x', DataType.FLOAT, ['N']), valueInfo('c', DataType.BOOL, [])],
      outputs: [valueInfo('y', DataType.FLOAT)],
    }),
  );
  const path = join(folder, 'faulty.onnx');
  await writeModel(built, path, {}, silentTask);
  const of = pathToFileURL(path).href;
  await connection.sendRequest(Open.method, { uri: of });
  await waitUntil('related places', () =>
    (published.get(of) ?? []).some(({ relatedInformation }) => relatedInformation),
  );
  const { text } = await connection.sendRequest<{ text: string }>('workspace/textDocumentContent', {
    uri: textUri(of),
  });
  const found = published.get(of)!.flatMap(({ code, relatedInformation }) =>
    (relatedInformation ?? []).map(({ location, message }) => {
      assert.equal(location.uri, textUri(of));
      const { line, character } = location.range.start;
      return `${code} at ${text.split('\n')[line]!.slice(character, character + 9)}: ${message}`;
    }),
  );
  for (const expected of [
    /^\S+ at lonely\] u: lonely in the model's text$/,
    /^\S+ at inner\] u : /,
    /^\S+ at nowhere\)/,
  ])
    assert.ok(
      found.some((each) => expected.test(each)),
      `${String(expected)} in\n${found.join('\n')}\n${text}`,
    );
  await connection.sendRequest(Close.method, { uri: of });
  assert.deepEqual(published.get(of), []);
});

test('the text of a named scope', async () => {
  const built = buildModel(
    graph({
      nodes: [
        node('Neg', ['x'], ['a'], { name: '/enc/Neg' }),
        node('MatMul', ['a', 'w'], ['b'], { name: '/enc/mlp/MatMul' }),
        node('Relu', ['b'], ['y'], { name: '/enc/mlp/Relu' }),
      ],
      inputs: [valueInfo('x', DataType.FLOAT, ['N', 4])],
      initializers: [floatTensor('w', [4, 2], new Array<number>(8).fill(1))],
      outputs: [valueInfo('y', DataType.FLOAT)],
    }),
  );
  const path = join(folder, 'scopes.onnx');
  await writeModel(built, path, {}, silentTask);
  const of = textUri(pathToFileURL(path).href, 'enc/mlp');
  const { text } = await connection.sendRequest<{ text: string }>('workspace/textDocumentContent', {
    uri: of,
  });
  const part = text.split('\n');
  assert.ok(part.includes('"enc/mlp" (float[N,4] a) => (float[N,2] y)'), text);
  const line = part.findIndex((each) => each.includes('= MatMul'));
  const at = (what: string) => ({ position: { line, character: part[line]!.indexOf(what) } });
  const value = await ask<{ contents: { value: string } }>('hover', at('b ='), of);
  assert.match(value.contents.value, /float\[N,2\] b/);
  // A node's cost is that of its place in the whole model.
  const operator = await ask<{ contents: { value: string } }>('hover', at('MatMul (a'), of);
  assert.match(operator.contents.value, /\b8 multiply-accumulates/);
});

test('a changed file is told, and its text is new', async () => {
  await writeDenseModel(model.replace('.onnx', '.new.onnx'), 1);
  const { renameSync } = await import('node:fs');
  renameSync(model.replace('.onnx', '.new.onnx'), model);
  await waitUntil('refresh', () => refreshed.includes(uri));
  const { text } = await connection.sendRequest<{ text: string }>('workspace/textDocumentContent', { uri });
  assert.equal(text.includes('MatMul_1'), false);
});

test('bad requests get sentences', async () => {
  const refused = async (method: string, params: object) =>
    connection.sendRequest(method, params).then(
      () => 'answered',
      (error: unknown) => (error as ResponseError<unknown>).message,
    );
  const content = 'workspace/textDocumentContent';
  assert.match(
    await refused(content, { uri: textUri(pathToFileURL(model).href, 'If_9/x') }),
    /no graph and no scope "If_9\/x"/,
  );
  assert.match(await refused(content, { uri: textUri('file:///nowhere.onnx') }), /does not exist/);
  assert.match(await refused(content, {}), /not those of the Language Server Protocol/);
  assert.match(await refused('textDocument/hover', { textDocument: { uri: 'file:///x' } }), /is not open/);
  assert.match(await refused('textDocument/hover', { textDocument: { uri } }), /not those of the Language/);
});
