// Standard input and output with Content-Length framing, as language servers do. Whoever started us owns
// both ends, so there is no token and no handshake; frames go as base64 in notifications.

import type { Readable, Writable } from 'node:stream';
import {
  StreamMessageReader,
  StreamMessageWriter,
  type DataCallback,
  type Message,
} from 'vscode-jsonrpc/node';
import { FrameNotification } from '../../protocol/frames';
import { guarded, type Transport } from '../transport';

class GuardedReader extends StreamMessageReader {
  constructor(
    input: Readable,
    private readonly answer: (message: Message) => void,
  ) {
    super(input);
  }

  override listen(callback: DataCallback) {
    return super.listen(guarded(callback, this.answer));
  }
}

const congestedBytes = 4 << 20;

/** Serves over two streams, `process.stdin` and `process.stdout`. */
export function stdioTransport(input: Readable, output: Writable): Transport {
  const writer = new StreamMessageWriter(output);
  const reader = new GuardedReader(input, (message) => void writer.write(message).catch(() => undefined));
  return {
    reader,
    writer,
    sendFrame: async (frame, payload) => {
      const base64 = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('base64');
      const message = { jsonrpc: '2.0', method: FrameNotification.method, params: { frame, base64 } };
      await writer.write(message);
      if (output.writableNeedDrain)
        await new Promise((resolve) => output.once('drain', resolve).once('close', resolve));
    },
    congested: () => output.writableLength > congestedBytes,
    close: () => input.destroy(),
  };
}
