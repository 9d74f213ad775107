// The WebSocket listener on 127.0.0.1: who may connect (no browser page, no other host name, the token first),
// and one Transport for each connection that was let in. What is said afterwards is the dispatcher's.

import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import {
  AbstractMessageReader,
  AbstractMessageWriter,
  type DataCallback,
  type Message,
} from 'vscode-jsonrpc';
import { WebSocketServer, type RawData, type WebSocket } from 'ws';
import { conflict } from '../../base/errors';
import type { Log } from '../../host/log';
import { version } from '../../host/version';
import { frameHeaderBytes, frameKind } from '../../protocol/frames';
import { Hello, protocolVersion, subprotocol } from '../../protocol/handshake';
import { firstMessageBytes, judge } from '../gate';
import { guarded, refusal, type Transport } from '../transport';

const maxConnections = 64;
const maxMessageBytes = 64 << 20;
const handshakeMs = 5000;
const congestedBytes = 4 << 20;
/** WebSocket close code "policy violation". */
const policy = 1008;

export interface Listener {
  readonly port: number;
  /** Open connections, those before the handshake included. */
  connections(): number;
  close(): Promise<void>;
}

export interface ListenOptions {
  /** A free one when absent or 0. */
  readonly port?: number;
  readonly token: string;
  readonly log: Log;
  readonly onConnection: (transport: Transport, clientName: string) => void;
}

/** Listens on 127.0.0.1. Throws `conflict` when the port is in use. */
export async function listenWebSocket(options: ListenOptions): Promise<Listener> {
  const server = createServer((_request, response) => {
    response.writeHead(426, { 'content-type': 'text/plain', connection: 'close' });
    response.end('This is the Slipway daemon; it speaks WebSocket.\n');
  });
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: maxMessageBytes,
    handleProtocols: () => subprotocol,
  });
  server.on('upgrade', (request, socket, head) => {
    const refused = reasonToRefuse(request, port, sockets.clients.size);
    if (refused) {
      options.log.warn(`connection refused: ${refused.why}`);
      refuse(socket, refused.status, refused.why);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => greet(webSocket, socket, options));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? conflict(`Port ${options.port ?? 0} is in use. Choose another one, or none.`)
          : error,
      ),
    );
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    port,
    connections: () => sockets.clients.size,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const webSocket of sockets.clients) webSocket.close(1001, 'The daemon ends.');
      const timer = setTimeout(() => sockets.clients.forEach((webSocket) => webSocket.terminate()), 500);
      server.closeIdleConnections();
      await closed;
      clearTimeout(timer);
    },
  };
}

function reasonToRefuse(request: IncomingMessage, port: number, connections: number) {
  const { origin, host } = request.headers;
  // Programs send no Origin; a page in a browser always does, and no page has business here.
  if (origin !== undefined) return { status: '403 Forbidden', why: 'Pages in a browser may not connect.' };
  // A name that was made to resolve to 127.0.0.1 shows in Host.
  if (host !== `127.0.0.1:${port}` && host !== `localhost:${port}`) {
    return { status: '403 Forbidden', why: `Connect to 127.0.0.1:${port} by that name.` };
  }
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  if (!offered.includes(subprotocol)) {
    return { status: '400 Bad Request', why: `Ask for the subprotocol ${subprotocol}.` };
  }
  if (connections >= maxConnections) {
    return { status: '503 Service Unavailable', why: `There are ${maxConnections} connections already.` };
  }
  return undefined;
}

function refuse(socket: Duplex, status: string, why: string): void {
  socket.on('error', () => undefined);
  const length = Buffer.byteLength(why) + 1;
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: ${length}\r\n\r\n${why}\n`,
  );
}

/** Says hello and waits for the handshake; nothing of the daemon is reachable before it. */
function greet(webSocket: WebSocket, socket: Duplex, { token, log, onConnection }: ListenOptions): void {
  webSocket.on('error', (error) => log.warn(`connection failed: ${error.message}`));
  const params = { protocolVersion, daemonVersion: version };
  webSocket.send(JSON.stringify({ jsonrpc: '2.0', method: Hello.method, params }));

  const turnAway = (answer: object, reason: string) => {
    end();
    log.warn(`connection turned away: ${reason}`);
    webSocket.send(JSON.stringify(answer));
    webSocket.close(policy, reason.slice(0, 100));
    setTimeout(() => webSocket.terminate(), 1000).unref();
  };
  const notAuthenticated = (reason: string) => turnAway(refusal('notAuthenticated', reason), reason);
  const timer = setTimeout(
    () => notAuthenticated(`No handshake came within ${handshakeMs / 1000} s.`),
    handshakeMs,
  );
  // Bytes are counted as they arrive: a stranger must not make us collect a message of 64 MiB.
  let bytes = 0;
  let decided = false;
  const count = (chunk: Buffer) => {
    bytes += chunk.byteLength;
    // The chunk that held the handshake may hold more; it reaches us although we have stopped listening.
    if (decided || bytes <= firstMessageBytes + 64) return;
    webSocket.pause();
    notAuthenticated(`The first message may have ${firstMessageBytes} bytes.`);
  };
  const onMessage = (data: RawData, isBinary: boolean) => {
    if (isBinary) {
      notAuthenticated('The first message must be text.');
      return;
    }
    const verdict = judge(textOf(data), token);
    if (!verdict.welcome) {
      turnAway(verdict.answer, verdict.reason);
      return;
    }
    end();
    onConnection(new WebSocketTransport(webSocket), verdict.client);
    webSocket.send(JSON.stringify(verdict.answer));
  };
  const end = () => {
    decided = true;
    clearTimeout(timer);
    socket.off('data', count);
    webSocket.off('message', onMessage);
  };
  socket.on('data', count);
  webSocket.on('message', onMessage);
  webSocket.once('close', end);
}

const textOf = (data: RawData): string =>
  (Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as ArrayBuffer)).toString('utf8');

class WebSocketReader extends AbstractMessageReader {
  constructor(
    private readonly webSocket: WebSocket,
    private readonly answer: (message: Message) => void,
  ) {
    super();
    webSocket.on('close', () => this.fireClose());
  }

  listen(callback: DataCallback): { dispose(): void } {
    const receive = guarded(callback, this.answer);
    const onMessage = (data: RawData, isBinary: boolean) => {
      if (isBinary) {
        this.answer(refusal('invalidRequest', 'Clients send text messages only.'));
        return;
      }
      try {
        receive(JSON.parse(textOf(data)));
      } catch (error) {
        this.fireError(error);
      }
    };
    this.webSocket.on('message', onMessage);
    return { dispose: () => this.webSocket.off('message', onMessage) };
  }
}

class WebSocketWriter extends AbstractMessageWriter {
  constructor(private readonly webSocket: WebSocket) {
    super();
  }

  write(message: Message): Promise<void> {
    return new Promise((resolve, reject) => {
      this.webSocket.send(JSON.stringify(message), (error) => (error ? reject(error) : resolve()));
    });
  }

  end(): void {
    this.webSocket.close();
  }
}

class WebSocketTransport implements Transport {
  readonly writer: WebSocketWriter;
  readonly reader: WebSocketReader;

  constructor(private readonly webSocket: WebSocket) {
    this.writer = new WebSocketWriter(webSocket);
    this.reader = new WebSocketReader(
      webSocket,
      (message) => void this.writer.write(message).catch(() => undefined),
    );
  }

  /** Two fragments of one binary message, so that a large payload is not copied behind its header. */
  sendFrame(id: number, payload: Uint8Array): Promise<void> {
    const header = new Uint8Array(frameHeaderBytes);
    header[0] = frameKind;
    new DataView(header.buffer).setUint32(4, id, true);
    return new Promise((resolve, reject) => {
      this.webSocket.send(header, { binary: true, fin: false });
      this.webSocket.send(payload, { binary: true, fin: true }, (error) =>
        error ? reject(error) : resolve(),
      );
    });
  }

  congested(): boolean {
    return this.webSocket.bufferedAmount > congestedBytes;
  }

  close(): void {
    this.webSocket.close(1000);
  }
}
