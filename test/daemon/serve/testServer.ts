// A real model server as a child process, a plain HTTP client for it, and models to serve.

import { spawn, type ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { request, type Agent, type IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import { after } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { setScriptFolder } from '../../../daemon/host/scripts';
import { silentTask } from '../../../daemon/base/task';
import { floatTensor, graph, model, node, valueInfo } from '../../../daemon/ir/builder';
import { DataType } from '../../../daemon/ir/dataType';
import { writeModel } from '../../../daemon/onnx/writeModel';
import { distFolder, sharedFolder } from '../../support/paths';

setScriptFolder(distFolder);

// Registered once for the file: inside a hook, `after` would run as soon as the hook ends.
const started: ChildProcess[] = [];
after(() => {
  for (const child of started) if (child.exitCode === null) child.kill('SIGKILL');
});

export interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface TestServer {
  readonly url: string;
  readonly child: ChildProcess;
  readonly pid: number;
  /** Everything on standard error so far. */
  stderr(): string;
  readonly ended: Promise<Ended>;
  stop(): Promise<Ended>;
}

/** Starts dist/server.js and does not wait. */
export function spawnServer(args: readonly string[], options: { group?: boolean } = {}) {
  const child = spawn(process.execPath, [join(distFolder, 'server.js'), ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: options.group ?? false,
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.on('error', () => undefined);
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  started.push(child);
  return { child, ended, stdout: () => stdout, stderr: () => stderr };
}

/** Starts dist/server.js on a free port and waits until it says that it is ready. */
export async function startServer(
  args: readonly string[],
  options: { group?: boolean } = {},
): Promise<TestServer> {
  const { child, ended, stdout, stderr } = spawnServer(['--port', '0', ...args], options);
  const state = { over: false };
  void ended.then(() => (state.over = true));
  while (!stdout().includes('\n')) {
    if (state.over) throw new Error(`The server ended before it was ready: ${stderr()}`);
    await delay(5);
  }
  const { url } = JSON.parse(stdout()) as { url: string };
  return {
    url,
    child,
    pid: child.pid ?? 0,
    stderr,
    ended,
    stop() {
      child.kill('SIGTERM');
      return ended;
    },
  };
}

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  readonly text: string;
  /** The body as JSON; that of a refusal unless said otherwise. */
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- a test says what it expects
  json: <T = { error: string }>() => T;
}

export interface CallOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | number>>;
  readonly body?: string | Uint8Array;
  readonly agent?: Agent;
}

/** One HTTP request with exactly these headers. */
export function call(url: string, options: CallOptions = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const body = options.body === undefined ? undefined : Buffer.from(options.body);
    const sent = request(
      url,
      {
        method: options.method ?? (body ? 'POST' : 'GET'),
        headers: {
          ...(body && !options.headers?.['Transfer-Encoding'] ? { 'Content-Length': body.length } : {}),
          ...options.headers,
        },
        agent: options.agent ?? false,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject);
        response.once('end', () => {
          const bytes = Buffer.concat(chunks);
          const text = bytes.toString();
          const { statusCode = 0, headers } = response;
          resolve({
            status: statusCode,
            headers,
            bytes,
            text,
            json: (() => JSON.parse(text) as unknown) as Reply['json'],
          });
        });
      },
    );
    sent.once('error', reject);
    sent.end(body);
  });
}

export interface WireTensor {
  name: string;
  datatype: string;
  shape: number[];
  data?: unknown[];
  parameters?: Record<string, unknown>;
}
export interface WireResponse {
  model_name: string;
  model_version: string;
  id?: string;
  outputs: WireTensor[];
}

/** Posts a JSON inference request. */
export const infer = (server: { url: string }, modelName: string, body: unknown, options: CallOptions = {}) =>
  call(`${server.url}/v2/models/${modelName}/infer`, {
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...options,
  });

/** A request whose tensors follow the JSON as bytes. */
export function binaryBody(json: unknown, ...tensors: Uint8Array[]) {
  const head = Buffer.from(JSON.stringify(json));
  return {
    body: Buffer.concat([head, ...tensors]),
    headers: { 'Inference-Header-Content-Length': head.length },
  };
}

/** JSON and the bytes behind it, of a binary response. */
export function splitBinary(reply: Reply): { json: WireResponse; bytes: Buffer } {
  const length = Number(reply.headers['inference-header-content-length']);
  return {
    json: JSON.parse(reply.bytes.subarray(0, length).toString()) as WireResponse,
    bytes: reply.bytes.subarray(length),
  };
}

export const bytesOf = (view: ArrayBufferView) =>
  new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

/** Path of the digits model: input `image` FP32 [-1,1,8,8], output `logits` FP32 [-1,10]. Built where shared models are absent. */
export async function digitsModel(folder: string): Promise<string> {
  const shared = sharedFolder();
  if (shared) return join(shared, 'models', 'digits', 'digits.onnx');
  process.stdout.write('The shared models are absent; a small one is built instead.\n');
  const weights = Float32Array.from({ length: 640 }, (_, i) => Math.sin(i));
  const built = model(
    graph({
      nodes: [node('Flatten', ['image'], ['flat']), node('MatMul', ['flat', 'w'], ['logits'])],
      inputs: [valueInfo('image', DataType.FLOAT, ['batch', 1, 8, 8])],
      outputs: [valueInfo('logits', DataType.FLOAT, ['batch', 10])],
      initializers: [floatTensor('w', [64, 10], weights)],
    }),
  );
  return save(built, folder, 'digits');
}

/** Element types that the server takes: the ONNX type, the protocol's name. */
export const wireTypes = [
  ['BOOL', DataType.BOOL],
  ['UINT8', DataType.UINT8],
  ['UINT16', DataType.UINT16],
  ['UINT32', DataType.UINT32],
  ['UINT64', DataType.UINT64],
  ['INT8', DataType.INT8],
  ['INT16', DataType.INT16],
  ['INT32', DataType.INT32],
  ['INT64', DataType.INT64],
  ['FP16', DataType.FLOAT16],
  ['FP32', DataType.FLOAT],
  ['FP64', DataType.DOUBLE],
  ['BYTES', DataType.STRING],
] as const;

/** A model that gives back its one input: `x` to `y`. */
export function echoModel(
  folder: string,
  name: string,
  type: DataType,
  dims: readonly (number | string)[],
): Promise<string> {
  const built = model(
    graph({
      nodes: [node('Identity', ['x'], ['y'])],
      inputs: [valueInfo('x', type, dims)],
      outputs: [valueInfo('y', type, dims)],
    }),
  );
  return save(built, folder, name);
}

/** Two inputs `a` and `b` FP32 [n,4]; outputs `sum` and `product`. */
export function pairModel(folder: string): Promise<string> {
  const value = (name: string) => valueInfo(name, DataType.FLOAT, ['n', 4]);
  const built = model(
    graph({
      nodes: [node('Add', ['a', 'b'], ['sum']), node('Mul', ['a', 'b'], ['product'])],
      inputs: [value('a'), value('b')],
      outputs: [value('sum'), value('product')],
    }),
  );
  return save(built, folder, 'pair');
}

async function save(built: ReturnType<typeof model>, folder: string, name: string): Promise<string> {
  const path = join(folder, `${name}.onnx`);
  await writeModel(built, path, { overwrite: true }, silentTask);
  return path;
}

/** Runner processes of a server (Linux). */
export function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const fields = readFileSync(`/proc/${name}/stat`, 'utf8')
          .replace(/^.*\) /s, '')
          .split(' ');
        // A zombie has ended; its parent has only not looked yet.
        return Number(fields[1]) === pid && fields[0] !== 'Z' ? [Number(name)] : [];
      } catch {
        return [];
      }
    });
}

/** Waits until `check` holds. */
export async function until(check: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = performance.now() + 30_000;
  while (!(await check())) {
    if (performance.now() > end) throw new Error(`Waited in vain: ${what}`);
    await delay(10);
  }
}

/** A metric's value from an exposition text, by its whole series name. */
export function metric(text: string, series: string): number | undefined {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}
