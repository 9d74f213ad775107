// One WebSocket as the reader and writer that vscode-languageclient wants. The handshake (version, token)
// happens here, before the client says its first word.

import { AbstractMessageReader, AbstractMessageWriter } from 'vscode-languageclient/node';
import type { DataCallback, Disposable, Message, MessageTransports } from 'vscode-languageclient/node';
import { WebSocket, type RawData } from 'ws';
import { Handshake, Hello, protocolVersion, subprotocol } from '../../daemon/protocol/handshake';
import type { FrameStore } from './frameStore';
import type { DaemonAddress } from './launch';

class SocketReader extends AbstractMessageReader {
  constructor(
    private readonly socket: WebSocket,
    frames: FrameStore,
  ) {
    super();
    socket.on('message', (data: RawData, isBinary: boolean) => {
      if (isBinary) frames.receive(bytesOf(data));
      else this.deliver(textOf(data));
    });
    socket.on('error', (error) => this.fireError(error));
    socket.on('close', () => this.fireClose());
  }

  private callback: DataCallback | undefined;
  private readonly early: Message[] = [];

  listen(callback: DataCallback): Disposable {
    this.callback = callback;
    for (const message of this.early.splice(0)) callback(message);
    return { dispose: () => this.socket.close() };
  }

  private deliver(text: string): void {
    const message = JSON.parse(text) as Message;
    if (this.callback) this.callback(message);
    else this.early.push(message);
  }
}

class SocketWriter extends AbstractMessageWriter {
  constructor(private readonly socket: WebSocket) {
    super();
    socket.on('close', () => this.fireClose());
  }

  write(message: Message): Promise<void> {
    return new Promise((resolve, reject) => {
      this.socket.send(JSON.stringify(message), (error) => {
        if (!error) {
          resolve();
          return;
        }
        this.fireError(error, message, 1);
        reject(error);
      });
    });
  }

  end(): void {
    this.socket.close();
  }
}

/** Connects to a daemon and shakes hands. Rejects with a sentence when versions differ or the token is refused. */
export async function connect(address: DaemonAddress, frames: FrameStore): Promise<MessageTransports> {
  const socket = new WebSocket(`ws://127.0.0.1:${address.port}/`, subprotocol, { perMessageDeflate: false });
  try {
    await shakeHands(socket, address.token);
  } catch (error) {
    socket.terminate();
    throw error;
  }
  return { reader: new SocketReader(socket, frames), writer: new SocketWriter(socket), detached: true };
}

function shakeHands(socket: WebSocket, token: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`Cannot connect to the Slipway daemon: ${why}`));
    const onMessage = (data: RawData) => {
      const message = JSON.parse(textOf(data)) as {
        method?: string;
        params?: { protocolVersion: number; daemonVersion: string };
        id?: number;
        error?: { message: string };
      };
      if (message.method === Hello.method) {
        const theirs = message.params?.protocolVersion;
        if (theirs !== protocolVersion) {
          fail(
            `it speaks protocol version ${theirs}, this extension speaks ${protocolVersion}. Reload the window.`,
          );
          return;
        }
        const params = { protocolVersion, token, client: 'vscode' };
        socket.send(JSON.stringify({ jsonrpc: '2.0', id: 0, method: Handshake.method, params }));
      } else if (message.id === 0) {
        socket.off('message', onMessage);
        if (message.error) fail(message.error.message);
        else resolve();
      }
    };
    socket.on('message', onMessage);
    socket.once('error', (error) => fail(error.message));
    socket.once('close', () => fail('it closed the connection.'));
  });
}

function bytesOf(data: RawData): Uint8Array {
  if (Array.isArray(data)) return Buffer.concat(data);
  return data instanceof ArrayBuffer ? new Uint8Array(data) : data;
}

const textOf = (data: RawData): string => Buffer.from(bytesOf(data)).toString('utf8');
