// How soon the daemon is there, and how long a request takes that asks nothing of it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import type { DaemonFile } from '../../daemon/server/daemonFile';
import { protocolVersion, subprotocol } from '../../daemon/protocol/handshake';
import { distFolder } from '../support/paths';
import type { BenchRow } from './row';

const starts = 9;
const pings = 2000;

interface Live {
  socket: WebSocket;
  /** From the start of the process to the answered handshake, milliseconds. */
  readyMs: number;
  stop(): Promise<void>;
}

const sorted = (values: number[]) => values.sort((a, b) => a - b);
const at = (values: readonly number[], q: number) =>
  values[Math.round((values.length - 1) * q)] ?? Number.NaN;

async function start(): Promise<Live> {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-bench-'));
  const began = performance.now();
  const child = spawn(process.execPath, [join(distFolder, 'slipway.js'), 'daemon'], {
    env: { ...process.env, SLIPWAY_STATE: folder, NODE_OPTIONS: '' },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await once(child.stdout, 'data');
  const { port, token } = JSON.parse(readFileSync(join(folder, 'daemon.json'), 'utf8')) as DaemonFile;
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, subprotocol, { perMessageDeflate: false });
  await once(socket, 'message');
  const params = { protocolVersion, token, client: 'bench' };
  socket.send(JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'slipway/handshake', params }));
  await once(socket, 'message');
  const readyMs = performance.now() - began;
  return {
    socket,
    readyMs,
    stop: async () => {
      const ended = once(child, 'close');
      socket.close();
      child.kill();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function roundTrips({ socket }: Live): Promise<number[]> {
  const times: number[] = [];
  let arrived: () => void = () => undefined;
  socket.on('message', () => arrived());
  for (let id = 1; id <= pings; id++) {
    const began = performance.now();
    const answered = new Promise<void>((resolve) => (arrived = resolve));
    socket.send(JSON.stringify({ jsonrpc: '2.0', id, method: 'slipway/ping', params: {} }));
    await answered;
    times.push(performance.now() - began);
  }
  return sorted(times);
}

/** Starts the built daemon nine times, and asks the last one two thousand times. */
export async function daemonLatency(): Promise<BenchRow[]> {
  const ready: number[] = [];
  let trips: number[] = [];
  for (let i = 0; i < starts; i++) {
    const live = await start();
    ready.push(live.readyMs);
    if (i === starts - 1) trips = await roundTrips(live);
    await live.stop();
  }
  sorted(ready);
  const readyS = at(ready, 0.5) / 1000;
  const trip = at(trips, 0.5);
  return [
    {
      name: 'daemon: ready after start',
      value: readyS,
      unit: 's',
      goal: '≤ 0.4 s',
      holds: readyS <= 0.4,
      detail: `from spawn to the answered handshake; median of ${starts}, ${(at(ready, 0) / 1000).toFixed(3)} to ${(at(ready, 1) / 1000).toFixed(3)} s`,
    },
    {
      name: 'daemon: round trip p50',
      value: trip,
      unit: 'ms',
      goal: '≤ 0.5 ms',
      holds: trip <= 0.5,
      detail: `slipway/ping over WebSocket, ${pings} one after the other; p90 ${at(trips, 0.9).toFixed(2)}, p99 ${at(trips, 0.99).toFixed(2)} ms`,
    },
  ];
}
