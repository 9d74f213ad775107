// Asks the daemon that a daemon file names whether it is there.

import { WebSocket } from 'ws';
import { version } from '../host/version';
import { Handshake, Hello, protocolVersion, subprotocol } from '../protocol/handshake';
import type { DaemonFile } from './daemonFile';

const answerMs = 1500;

/** True when a daemon of our version answers there and takes the token. */
export function answersAsOurs(file: DaemonFile): Promise<boolean> {
  if (file.protocolVersion !== protocolVersion || file.daemonVersion !== version)
    return Promise.resolve(false);
  return new Promise((resolve) => {
    const socket = new WebSocket(`ws://127.0.0.1:${file.port}`, subprotocol, { perMessageDeflate: false });
    const end = (answer: boolean) => {
      clearTimeout(timer);
      resolve(answer);
      socket.terminate();
    };
    const timer = setTimeout(() => end(false), answerMs);
    socket.on('error', () => end(false));
    socket.on('close', () => end(false));
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString('utf8')) as { id?: number; method?: string; error?: unknown };
      if (message.method === Hello.method) {
        const params = { protocolVersion, token: file.token, client: 'slipway daemon (looking for another)' };
        socket.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: Handshake.method, params }));
      } else if (message.id === 1) end(message.error === undefined);
    });
  });
}
