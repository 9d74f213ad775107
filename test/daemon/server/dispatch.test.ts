import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Type } from 'typebox';
import {
  CancellationTokenSource,
  createMessageConnection,
  type MessageConnection,
  type ResponseError,
} from 'vscode-jsonrpc/node';
import { badRequest, SlipwayError } from '../../../daemon/base/errors';
import { handler, type AnyHandler } from '../../../daemon/handlers/handler';
import type { Log } from '../../../daemon/host/log';
import { longRequest } from '../../../daemon/protocol/common';
import { request } from '../../../daemon/protocol/core';
import { ErrorCode } from '../../../daemon/protocol/errors';
import { serve } from '../../../daemon/server/dispatch';
import { memoryPair } from '../../../daemon/server/transports/memory';
import { Workspace } from '../../../daemon/workspace/workspace';

const echo = handler(
  request('test/echo', {
    description: 'Gives back.',
    params: Type.Object({
      text: Type.String(),
      threads: Type.Optional(Type.Integer({ minimum: 1, maximum: 8 })),
      method: Type.Optional(Type.Union([Type.Literal('static'), Type.Literal('dynamic')])),
      bind: Type.Optional(Type.Record(Type.String(), Type.Integer({ minimum: 0 }))),
      uris: Type.Optional(Type.Array(Type.String(), { minItems: 1, maxItems: 4 })),
    }),
    result: Type.String(),
  }),
  ({ text }) => text,
);

/** Declares a request without params of its own. */
const doing = (method: string, handle: AnyHandler['handle']) =>
  handler(
    request(method, {
      description: 'For the test.',
      params: Type.Object(longRequest),
      result: Type.Unknown(),
    }),
    handle as never,
  );

interface Setup {
  connection: MessageConnection;
  log: string[];
  frames: number[];
  closed: Promise<void>;
  readonly close: () => void;
}

function setUp(...handlers: AnyHandler[]): Setup {
  const lines: string[] = [];
  const log: Log = {
    info: (text) => void lines.push(text),
    warn: (text) => void lines.push(text),
    error: (text, thrown) =>
      void lines.push(`${text} ${thrown instanceof Error ? (thrown.stack ?? '') : ''}`),
  };
  const frames: number[] = [];
  const pair = memoryPair((id) => frames.push(id));
  const service = {
    handlers: new Map(handlers.map((one) => [one.type.method, one])),
    workspace: new Workspace(),
    log,
  };
  const served = serve(pair.transport, service);
  const connection = createMessageConnection(pair.client.reader, pair.client.writer);
  connection.listen();
  return { connection, log: lines, frames, closed: served.closed, close: () => pair.client.close() };
}

const failure = async (
  asked: Promise<unknown>,
): Promise<ResponseError<{ name: string; diagnostics?: unknown }>> =>
  asked.then(
    () => assert.fail('it succeeded'),
    (error: unknown) => error as ResponseError<{ name: string; diagnostics?: unknown }>,
  );

test('params that do not match are refused with the field and what was expected', async () => {
  const { connection } = setUp(echo);
  assert.equal(await connection.sendRequest('test/echo', { text: 'hi', more: 1 }), 'hi');
  const said = async (params: object) => {
    const error = await failure(connection.sendRequest('test/echo', params));
    assert.equal(error.code, ErrorCode.invalidParams);
    return error.message;
  };
  assert.deepEqual(
    [
      await said({}),
      await said({ text: 3 }),
      await said({ text: 'a', threads: 99 }),
      await said({ text: 'a', threads: 1.5 }),
      await said({ text: 'a', method: 'best' }),
      await said({ text: 'a', bind: { batch: 'many' } }),
      await said({ text: 'a', uris: [] }),
      await said({ text: 'a', uris: ['x', 7] }),
      await said([1, 2]),
    ],
    [
      'test/echo: "text" is missing; expected a text.',
      'test/echo: "text" must be a text, but got 3.',
      'test/echo: "threads" must be a whole number from 1 to 8, but got 99.',
      'test/echo: "threads" must be a whole number from 1 to 8, but got 1.5.',
      'test/echo: "method" must be "static" or "dynamic", but got "best".',
      'test/echo: "bind.batch" must be a whole number of at least 0, but got "many".',
      'test/echo: "uris" must be a list with 1 to 4 entries, but got [].',
      'test/echo: "uris[1]" must be a text, but got 7.',
      'test/echo: The params must be an object, but got [[1,2]].',
    ],
  );
  assert.equal((await failure(connection.sendRequest('test/none', {}))).code, ErrorCode.methodNotFound);
});

test('a bug in a handler costs its request; the log has the stack', async () => {
  const { connection, log } = setUp(
    echo,
    doing('test/bug', () => {
      throw new TypeError('x is undefined');
    }),
    doing('test/lateBug', async () => {
      await sleep(1);
      throw new RangeError('index 7');
    }),
    doing('test/oddThrow', () => {
      // eslint-disable-next-line @typescript-eslint/only-throw-error -- a library may
      throw 'text';
    }),
  );
  for (const method of ['test/bug', 'test/lateBug', 'test/oddThrow']) {
    const error = await failure(connection.sendRequest(method, {}));
    assert.equal(error.code, ErrorCode.internalError);
    assert.equal(error.data?.name, 'internalError');
  }
  assert.equal(await connection.sendRequest('test/echo', { text: 'alive' }), 'alive');
  assert.match(log.join('\n'), /test\/bug failed unexpectedly[^]*TypeError: x is undefined[^]*at /);
});

test('errors of the outside world keep their sentence, their kind and their diagnostics', async () => {
  const diagnostics = [{ id: 'onnx/cycle', severity: 'error', message: 'A cycle.' }];
  const { connection } = setUp(
    doing('test/bad', () => {
      throw badRequest('The batch must be 1.');
    }),
    doing('test/model', () => {
      throw new SlipwayError('invalidModel', 'It cannot run.', { data: { diagnostics } });
    }),
    doing('test/changed', () => {
      throw new SlipwayError('modelChanged', 'It changed.');
    }),
  );
  const bad = await failure(connection.sendRequest('test/bad', {}));
  assert.deepEqual(
    [bad.code, bad.message, bad.data],
    [ErrorCode.badRequest, 'The batch must be 1.', { name: 'badRequest' }],
  );
  const model = await failure(connection.sendRequest('test/model', {}));
  assert.deepEqual([model.code, model.data], [ErrorCode.invalidModel, { name: 'invalidModel', diagnostics }]);
  assert.equal((await failure(connection.sendRequest('test/changed', {}))).code, ErrorCode.modelChanged);
});

test('a cancelled request is answered, by the handler or over its head, and others go on', async () => {
  let stopped = false;
  const { connection, log } = setUp(
    echo,
    doing('test/polite', async (_params, { signal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      stopped = true;
      throw new Error('AbortError of some library');
    }),
    doing('test/deaf', () => sleep(3000)),
  );
  for (const method of ['test/polite', 'test/deaf']) {
    const source = new CancellationTokenSource();
    const asked = failure(connection.sendRequest(method, {}, source.token));
    await connection.sendRequest('test/echo', { text: 'meanwhile' });
    source.cancel();
    assert.equal((await asked).code, ErrorCode.requestCancelled);
  }
  assert.ok(stopped);
  assert.match(log.join('\n'), /test\/deaf went on after it was cancelled/);
  assert.doesNotMatch(log.join('\n'), /failed unexpectedly/);
});

test('closing a connection cancels what it was waiting for', async () => {
  let aborted = false;
  const { connection, close, closed } = setUp(
    doing('test/wait', (_params, { signal }) => {
      return new Promise((_resolve, reject) =>
        signal.addEventListener('abort', () => {
          aborted = true;
          reject(new Error('aborted'));
        }),
      );
    }),
  );
  void connection.sendRequest('test/wait', {}).catch(() => undefined);
  await sleep(20);
  close();
  await closed;
  assert.ok(aborted);
});

test('progress: all rows, few other reports, an estimate, nothing after the answer', async () => {
  const { connection } = setUp(
    doing('test/work', async (_params, task) => {
      for (let done = 0; done <= 40; done++) {
        task.report({ stage: 'Counting', done, total: 40, ...(done % 10 === 0 ? { row: done } : {}) });
        await sleep(5);
      }
      setTimeout(() => task.report({ stage: 'Too late', row: 'ghost' }), 5);
      return 'done';
    }),
  );
  const seen: Record<string, unknown>[] = [];
  connection.onUnhandledProgress(({ token, value }) => seen.push({ token, ...(value as object) }));
  assert.equal(await connection.sendRequest('test/work', { progressToken: 't1' }), 'done');
  const atAnswer = seen.length;
  await sleep(40);
  assert.equal(seen.length, atAnswer);
  assert.deepEqual(
    seen.flatMap(({ row }) => (row === undefined ? [] : [row])),
    [0, 10, 20, 30, 40],
  );
  assert.ok(seen.length < 30, `${seen.length} reports of 41 went out`);
  assert.ok(seen.every(({ token, stage }) => token === 't1' && stage === 'Counting'));
  assert.deepEqual(
    seen.map(({ done }) => done),
    seen.map(({ done }) => Number(done)).sort((a, b) => a - b),
  );
  assert.ok(seen.some(({ remainingMs }) => typeof remainingMs === 'number' && remainingMs > 0));
  assert.deepEqual(await connection.sendRequest('test/work', {}), 'done');
  assert.equal(seen.length, atAnswer, 'without a token there is no progress');
});

test('frames come before the answer that names them, and not at all when it is an error', async () => {
  const { connection, frames } = setUp(
    doing('test/bulk', (_params, _task, { frame }) => [
      frame(Uint8Array.of(1, 2, 3)),
      frame(new Uint8Array(0)),
    ]),
    doing('test/bulkThenFail', (_params, _task, { frame }) => {
      frame(new Uint8Array(8));
      throw badRequest('No.');
    }),
  );
  const [one, two] = await connection.sendRequest<{ frame: number; byteLength: number }[]>('test/bulk', {});
  assert.deepEqual(frames, [one?.frame, two?.frame]);
  assert.deepEqual([one?.byteLength, two?.byteLength], [3, 0]);
  await failure(connection.sendRequest('test/bulkThenFail', {}));
  assert.equal(frames.length, 2);
});

test('messages that are no JSON-RPC are answered, and the connection lives on', async () => {
  const pair = memoryPair();
  const log: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  serve(pair.transport, { handlers: new Map([[echo.type.method, echo]]), workspace: new Workspace(), log });
  const answers: unknown[] = [];
  pair.client.reader.listen((message) => answers.push(message));
  const odd = [
    [],
    [{ jsonrpc: '2.0', id: 1, method: 'test/echo' }],
    null,
    7,
    {},
    { jsonrpc: '1.0', id: 2, method: 'test/echo' },
    { jsonrpc: '2.0', id: null, method: 'test/echo' },
    { jsonrpc: '2.0', id: 3, method: 4 },
    { jsonrpc: '2.0', id: 4, method: 'test/echo', params: 'text' },
    { jsonrpc: '2.0', method: '$/cancelRequest' },
    { jsonrpc: '2.0', method: '$/cancelRequest', params: { id: 99 } },
    { jsonrpc: '2.0', id: 77, result: 'to nothing' },
    { jsonrpc: '2.0', method: 'unknown/notification', params: {} },
  ];
  for (const message of odd) await pair.client.writer.write(message as never);
  await pair.client.writer.write({
    jsonrpc: '2.0',
    id: 5,
    method: 'test/echo',
    params: { text: 'still here' },
  } as never);
  await sleep(50);
  const codes = answers.map((answer) => (answer as { error?: { code: number } }).error?.code);
  assert.deepEqual(codes.slice(0, -1), Array(10).fill(ErrorCode.invalidRequest));
  assert.deepEqual(answers.at(-1), { jsonrpc: '2.0', id: 5, result: 'still here' });
});

test('the language-server lifecycle: initialize once, after shutdown nothing but exit', async () => {
  const { connection, closed } = setUp(echo);
  assert.equal(await connection.sendRequest('test/echo', { text: 'before initialize' }), 'before initialize');
  const initialized: unknown = await connection.sendRequest('initialize', {
    processId: null,
    rootUri: null,
    capabilities: {},
  });
  assert.deepEqual((initialized as { serverInfo: { name: string } }).serverInfo.name, 'slipway');
  assert.equal(
    (await failure(connection.sendRequest('initialize', { capabilities: {} }))).code,
    ErrorCode.invalidRequest,
  );
  await connection.sendNotification('initialized', {});
  assert.equal(await connection.sendRequest('test/echo', { text: 'after' }), 'after');
  assert.equal(await connection.sendRequest('shutdown'), null);
  assert.equal(
    (await failure(connection.sendRequest('test/echo', { text: 'x' }))).code,
    ErrorCode.invalidRequest,
  );
  await connection.sendNotification('exit');
  await closed;
});
