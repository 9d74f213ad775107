import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { pathToFileURL } from 'node:url';
import {
  createMessageConnection,
  ErrorCodes,
  StreamMessageReader,
  StreamMessageWriter,
  type ResponseError,
} from 'vscode-jsonrpc/node';
import {
  ExitNotification,
  InitializedNotification,
  InitializeRequest,
  PublishDiagnosticsNotification,
  ShutdownRequest,
  type PublishDiagnosticsParams,
} from 'vscode-languageserver-protocol/node';
import { decodeColumns } from '../../../daemon/protocol/columns';
import { writeDenseModel } from '../../support/denseModel';
import { distFolder, temporaryFolder } from '../../support/paths';

function startOnStdio(t: TestContext) {
  const folder = temporaryFolder();
  const child = spawn(process.execPath, [join(distFolder, 'slipway.js'), 'daemon', '--stdio'], {
    env: { ...process.env, SLIPWAY_STATE: join(folder, 'state'), NODE_OPTIONS: '' },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  t.after(() => child.kill());
  const ended = once(child, 'close');
  const connection = createMessageConnection(
    new StreamMessageReader(child.stdout),
    new StreamMessageWriter(child.stdin),
  );
  connection.listen();
  return { folder, child, ended, connection };
}

test('over stdio: no handshake, frames in base64, ends when the input ends', async (t) => {
  const { folder, child, ended, connection } = startOnStdio(t);
  const frames = new Map<number, Uint8Array>();
  connection.onNotification(
    'slipway/frame',
    ({ frame, base64 }: { frame: number; base64: string }) =>
      void frames.set(frame, Buffer.from(base64, 'base64')),
  );
  const uri = pathToFileURL(await writeDenseModel(join(folder, 'dense.onnx'))).href;
  assert.deepEqual(await connection.sendRequest('slipway/deployments', {}), []);
  await connection.sendRequest('slipway/open', { uri });
  const { columns } = await connection.sendRequest<{ columns: { frame: number } }>('slipway/graph', { uri });
  const payload = frames.get(columns.frame);
  assert.ok(payload, 'the frame came before the answer');
  assert.deepEqual(decodeColumns(payload)['op'], ['MatMul', 'Relu', 'MatMul', 'Relu', '', '']);
  const wrong = await connection
    .sendRequest('slipway/handshake', { protocolVersion: 99, token: '', client: 'test' })
    .catch((error: unknown) => error as ResponseError<unknown>);
  assert.equal((wrong as ResponseError<unknown>).code, -31003);
  assert.ok(!readdirSync(join(folder, 'state')).includes('daemon.json'), 'it is nobody else’s daemon');
  child.stdin.end();
  await ended;
  assert.equal(child.exitCode, 0);
});

test('a body that is not JSON is answered with parseError and the next message is heard', async (t) => {
  const { child, ended, connection } = startOnStdio(t);
  let heard = '';
  child.stdout.on('data', (chunk: Buffer) => (heard += chunk.toString('utf8')));
  child.stdin.write('Content-Length: 5\r\n\r\n{"a":');
  await connection.sendRequest('slipway/ping', {});
  assert.match(heard, /-32700/);
  child.stdin.end();
  await ended;
});

test('a language client connects, sees problems, and takes its leave', async (t) => {
  const { folder, child, ended, connection } = startOnStdio(t);
  const broken = join(folder, 'broken.onnx');
  writeFileSync(broken, 'this is no model');
  const uri = pathToFileURL(broken).href;
  const published: PublishDiagnosticsParams[] = [];
  connection.onNotification(PublishDiagnosticsNotification.type, (params) => void published.push(params));

  await connection.sendRequest('slipway/open', { uri });
  assert.equal(published.length, 0, 'who is no language client is not bothered');
  /* eslint-disable @typescript-eslint/no-deprecated -- what VS Code sends, old fields included */
  const answer = await connection.sendRequest(InitializeRequest.type, {
    processId: process.pid,
    clientInfo: { name: 'Visual Studio Code', version: '1.100.0' },
    locale: 'en',
    rootPath: null,
    rootUri: null,
    capabilities: { window: { workDoneProgress: true }, general: { positionEncodings: ['utf-16'] } },
    trace: 'off',
    workspaceFolders: null,
    workDoneToken: 'a-token',
  });
  /* eslint-enable @typescript-eslint/no-deprecated */
  assert.equal(answer.serverInfo?.name, 'slipway');
  assert.deepEqual(answer.capabilities.textDocumentSync, { openClose: true, change: 2 });
  await connection.sendNotification(InitializedNotification.type, {});
  await connection.sendNotification('$/setTrace', { value: 'off' });
  await connection.sendNotification('workspace/didChangeConfiguration', { settings: {} });

  await connection.sendRequest('slipway/open', { uri });
  assert.equal(published[0]?.uri, uri);
  const first = published[0].diagnostics[0];
  assert.equal(first?.source, 'slipway');
  assert.equal(first.severity, 1);
  assert.equal(typeof first.code, 'string');
  assert.deepEqual(first.range, { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } });
  await connection.sendRequest('slipway/close', { uri });
  assert.deepEqual(published[1], { uri, diagnostics: [] });

  const unknown = await connection
    .sendRequest('textDocument/documentColor', {})
    .catch((error: unknown) => error as ResponseError<unknown>);
  assert.equal((unknown as ResponseError<unknown>).code, ErrorCodes.MethodNotFound);
  await connection.sendRequest(ShutdownRequest.type);
  const late = await connection
    .sendRequest('slipway/ping', {})
    .catch((error: unknown) => error as ResponseError<unknown>);
  assert.equal((late as ResponseError<unknown>).code, ErrorCodes.InvalidRequest);
  await connection.sendNotification(ExitNotification.type);
  await ended;
  assert.equal(child.exitCode, 0);
});

test('exit without shutdown ends with 1', async (t) => {
  const { child, ended, connection } = startOnStdio(t);
  await connection.sendRequest('initialize', { processId: null, rootUri: null, capabilities: {} });
  await connection.sendNotification('exit');
  await ended;
  assert.equal(child.exitCode, 1);
});
