// A tunnel between a page in the test's browser and its host that carries bytes as bytes, as VS Code does: a text
// message is an envelope in JSON, a binary one an envelope whose bytes (one array at most) follow it.

import type { WebSocket as HostSocket, WebSocketServer } from 'ws';
import type { Envelope } from '../../daemon/protocol/page';
import type { Port } from '../../daemon/protocol/pageChannel';

/** The host's end; serves the next page that connects. */
export class SocketTunnel implements Port {
  private socket: HostSocket | undefined;
  private readonly listeners: ((message: unknown) => void)[] = [];

  constructor(server: WebSocketServer) {
    server.once('connection', (socket) => {
      this.socket = socket;
      socket.on('message', (data: Buffer) => {
        const message: unknown = JSON.parse(data.toString('utf8'));
        for (const listener of this.listeners) listener(message);
      });
    });
  }

  post(envelope: Envelope): void {
    let bytes: Uint8Array | undefined;
    const text = JSON.stringify(envelope, (_, value: unknown) => {
      if (!(value instanceof Uint8Array)) return value;
      bytes = value;
      return { bytesFollow: true };
    });
    if (bytes === undefined) {
      this.socket?.send(text);
      return;
    }
    const head = Buffer.from(text);
    const size = Buffer.alloc(4);
    size.writeUInt32LE(head.length);
    this.socket?.send(Buffer.concat([size, head, bytes]));
  }

  listen(listener: (message: unknown) => void): () => void {
    this.listeners.push(listener);
    return () => void this.listeners.splice(this.listeners.indexOf(listener), 1);
  }
}

/** The page's end; runs in the page before its own script. */
export function openSocket(address: string): void {
  const socket = new WebSocket(address);
  socket.binaryType = 'arraybuffer';
  const waiting: string[] = [];
  const scope = window as unknown as { toHost: (envelope: unknown) => void };
  scope.toHost = (envelope) => {
    const text = JSON.stringify(envelope);
    if (socket.readyState === WebSocket.OPEN) socket.send(text);
    else waiting.push(text);
  };
  socket.onopen = () => waiting.splice(0).forEach((text) => socket.send(text));
  socket.onmessage = (event) => {
    const data = event.data as string | ArrayBuffer;
    if (typeof data === 'string') {
      window.postMessage(JSON.parse(data), '*');
      return;
    }
    const size = new DataView(data).getUint32(0, true);
    const bytes = data.slice(4 + size);
    const message: unknown = JSON.parse(
      new TextDecoder().decode(new Uint8Array(data, 4, size)),
      (_, value: unknown) => ((value as { bytesFollow?: true } | null)?.bytesFollow === true ? bytes : value),
    );
    window.postMessage(message, '*', [bytes]);
  };
}
