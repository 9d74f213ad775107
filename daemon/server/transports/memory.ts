// Both ends in one process: for tests, and for anybody who wants the daemon's services without a wire.
// Messages are copied as JSON on the way, so that nothing passes that a wire would not carry.

import {
  AbstractMessageReader,
  AbstractMessageWriter,
  type DataCallback,
  type Message,
} from 'vscode-jsonrpc';
import { guarded, type Transport } from '../transport';

class MemoryReader extends AbstractMessageReader {
  private callback: ((message: unknown) => void) | undefined;
  private readonly early: unknown[] = [];

  constructor(private readonly answer?: (message: Message) => void) {
    super();
  }

  listen(callback: DataCallback): { dispose(): void } {
    this.callback = this.answer ? guarded(callback, this.answer) : (callback as (message: unknown) => void);
    for (const message of this.early.splice(0)) this.callback(message);
    return { dispose: () => (this.callback = undefined) };
  }

  receive(text: string): void {
    const message: unknown = JSON.parse(text);
    if (this.callback) this.callback(message);
    else this.early.push(message);
  }

  close(): void {
    this.fireClose();
  }
}

class MemoryWriter extends AbstractMessageWriter {
  constructor(private readonly deliver: (text: string) => void) {
    super();
  }

  write(message: Message): Promise<void> {
    const text = JSON.stringify(message);
    queueMicrotask(() => this.deliver(text));
    return Promise.resolve();
  }

  end(): void {
    this.fireClose();
  }
}

export interface MemoryPair {
  /** The daemon's end. */
  readonly transport: Transport;
  /** The client's end. */
  readonly client: { reader: MemoryReader; writer: MemoryWriter; close(): void };
}

/** Two connected ends; `onFrame` gets the frames at the client's end. */
export function memoryPair(onFrame: (id: number, payload: Uint8Array) => void = () => undefined): MemoryPair {
  let open = true;
  const clientReader = new MemoryReader();
  const toClient = new MemoryWriter((text) => (open ? clientReader.receive(text) : undefined));
  const serverReader = new MemoryReader((message) => void toClient.write(message));
  const toServer = new MemoryWriter((text) => (open ? serverReader.receive(text) : undefined));
  const close = () => {
    if (!open) return;
    open = false;
    clientReader.close();
    serverReader.close();
  };
  return {
    transport: {
      reader: serverReader,
      writer: toClient,
      sendFrame: (id, payload) => {
        const copy = payload.slice();
        return new Promise((resolve) =>
          queueMicrotask(() => {
            if (open) onFrame(id, copy);
            resolve();
          }),
        );
      },
      congested: () => false,
      close,
    },
    client: { reader: clientReader, writer: toServer, close },
  };
}
