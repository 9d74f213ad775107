// The built daemon as a process, and a client written by hand: text messages in, text messages out, so that
// tests see what really crosses the wire.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { WebSocket, type ClientOptions } from 'ws';
import type { DaemonFile } from '../../daemon/server/daemonFile';
import { daemonFlags } from '../../extension/daemon/daemonFlags';
import { decodeFrame } from '../../daemon/protocol/frames';
import { protocolVersion, subprotocol } from '../../daemon/protocol/handshake';
import { distFolder } from './paths';

export interface RunningDaemon {
  readonly child: ChildProcess;
  /** The line it said on standard output. */
  readonly said: { listening: string; file: string; processId: number; existing: boolean };
  readonly file: DaemonFile;
  /** Sends SIGTERM (or another signal) and waits for the end; the exit code, or the signal. */
  stop(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals | null>;
}

/** Starts `slipway daemon` as the extension does, with its state in `folder` and waits until it says where it listens. */
export async function startDaemon(folder: string, args: readonly string[] = []): Promise<RunningDaemon> {
  const child = spawn(process.execPath, [...daemonFlags, join(distFolder, 'slipway.js'), 'daemon', ...args], {
    env: { ...process.env, SLIPWAY_STATE: folder, NODE_OPTIONS: '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const line = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    child.once('close', (code) =>
      reject(new Error(`The daemon ended with ${String(code)} at once: ${errors}`)),
    );
  });
  const said = JSON.parse(line) as RunningDaemon['said'];
  return {
    child,
    said,
    file: JSON.parse(readFileSync(said.file, 'utf8')) as DaemonFile,
    stop: async (signal = 'SIGTERM') => {
      if (child.exitCode !== null) return child.exitCode;
      if (child.signalCode !== null) return child.signalCode;
      const ended = once(child, 'close');
      child.kill(signal);
      const [code, endedBy] = (await ended) as [number | null, NodeJS.Signals | null];
      return code ?? endedBy;
    },
  };
}

export interface Message {
  id?: number | string | null;
  method?: string;
  params?: Record<string, unknown>;
  result?: unknown;
  error?: { code: number; message: string; data?: Record<string, unknown> };
}

/** One WebSocket with its messages in the order they came; a frame is shown as `{method: 'frame'}`. */
export class WireClient {
  readonly received: Message[] = [];
  readonly frames = new Map<number, Uint8Array>();
  readonly closed: Promise<number>;
  private readonly waiting = new Set<() => void>();
  private isClosed = false;
  private nextId = 1000;

  constructor(readonly socket: WebSocket) {
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      const frame = isBinary ? decodeFrame(data) : undefined;
      if (frame) {
        this.frames.set(frame.id, frame.payload);
        this.received.push({ method: 'frame', params: { id: frame.id } });
      } else this.received.push(JSON.parse(data.toString('utf8')) as Message);
      for (const look of [...this.waiting]) look();
    });
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) =>
      socket.once('close', (code) => {
        this.isClosed = true;
        for (const look of [...this.waiting]) look();
        resolve(code);
      }),
    );
  }

  send(message: object | string): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** Waits for the first message, old or new, that fits. */
  wait(fits: (message: Message) => boolean): Promise<Message> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = this.received.find(fits);
        if (!found && !this.isClosed) return;
        this.waiting.delete(look);
        if (found) resolve(found);
        else reject(new Error(`The connection closed after ${JSON.stringify(this.received.slice(-3))}.`));
      };
      this.waiting.add(look);
      look();
    });
  }

  /** Sends a request without waiting; its id. */
  begin(method: string, params: object = {}): number {
    const id = this.nextId++;
    this.send({ jsonrpc: '2.0', id, method, params });
    return id;
  }

  answer(id: number): Promise<Message> {
    return this.wait((message) => message.id === id && message.method === undefined);
  }

  ask(method: string, params: object = {}): Promise<Message> {
    return this.answer(this.begin(method, params));
  }

  close(): void {
    this.socket.close();
  }
}

/** Opens a WebSocket and waits for `slipway/hello`. Rejects when the upgrade is refused: "Unexpected server response: 403". */
export async function dial(
  port: number,
  options: ClientOptions = {},
  protocols: string[] = [subprotocol],
): Promise<WireClient> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, protocols, { perMessageDeflate: false, ...options });
  const client = new WireClient(socket);
  await new Promise<void>((resolve, reject) => {
    socket.once('open', () => resolve());
    socket.once('error', reject);
  });
  await client.wait((message) => message.method === 'slipway/hello');
  return client;
}

/** Dials a daemon and shakes hands. */
export async function connect(daemon: { file: DaemonFile }): Promise<WireClient> {
  const client = await dial(daemon.file.port);
  const answer = await client.ask('slipway/handshake', {
    protocolVersion,
    token: daemon.file.token,
    client: 'test',
  });
  if (answer.error) throw new Error(answer.error.message);
  return client;
}
