// Request bodies: read, bounded, and decompressed. Bounds hold for each body and for all bodies held at once,
// before memory is taken.

import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip, inflate } from 'node:zlib';
import { invalid, RequestError, unavailable } from './requestError';

/** Bytes that all requests together may hold. */
export class ByteBudget {
  private used = 0;
  constructor(private readonly limit: number) {}

  take(bytes: number): void {
    if (this.used + bytes > this.limit) {
      throw unavailable('The server holds as much request data as it may. Try again later.');
    }
    this.used += bytes;
  }

  give(bytes: number): void {
    this.used -= bytes;
  }
}

export interface Body {
  readonly bytes: Buffer;
  /** Gives the memory back to the budget; call it once the bytes are of no more use. */
  release(): void;
}

const decoders = { gzip: promisify(gunzip), 'x-gzip': promisify(gunzip), deflate: promisify(inflate) };

/** Reads a body; throws 413 when it is too large, 415 for an unknown encoding, 400 when it is broken. */
export async function readBody(
  request: IncomingMessage,
  maxBytes: number,
  budget: ByteBudget,
): Promise<Body> {
  const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  if (encoding !== 'identity' && encoding !== '' && !Object.hasOwn(decoders, encoding)) {
    throw new RequestError(415, 'This Content-Encoding is not offered. Send gzip, deflate or identity.');
  }
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes);
  let held = 0;
  const hold = (bytes: number) => {
    budget.take(bytes);
    held += bytes;
  };
  const release = () => {
    budget.give(held);
    held = 0;
  };
  try {
    const bytes = await collect(request, maxBytes, hold);
    const decoder = decoders[encoding as keyof typeof decoders] as (typeof decoders)['gzip'] | undefined;
    if (!decoder) return { bytes, release };
    const plain = await decoder(bytes, { maxOutputLength: maxBytes }).catch((error: unknown) => {
      if ((error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(maxBytes);
      throw invalid(`The body is not valid ${encoding}.`);
    });
    hold(plain.length);
    return { bytes: plain, release };
  } catch (error) {
    release();
    throw error;
  }
}

function collect(request: IncomingMessage, maxBytes: number, hold: (bytes: number) => void): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const fail = (error: Error) => {
      request.off('data', onData);
      reject(error);
    };
    const onData = (chunk: Buffer) => {
      try {
        size += chunk.length;
        if (size > maxBytes) throw tooLarge(maxBytes);
        hold(chunk.length);
        chunks.push(chunk);
      } catch (error) {
        fail(error as Error);
      }
    };
    request.on('data', onData);
    request.once('end', () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)));
    request.once('error', fail);
    request.once('close', () => {
      if (!request.complete) fail(invalid('The connection was closed before the request was complete.'));
    });
  });
}

const tooLarge = (maxBytes: number) =>
  new RequestError(413, `The request is larger than the ${maxBytes} bytes that --max-body-bytes allows.`);

/** Reads and drops what is left of a refused body, up to a bound: a client that still sends may not read the answer. */
export function discard(request: IncomingMessage, maxBytes: number, maxMs: number): Promise<void> {
  return new Promise((resolve) => {
    if (request.complete || request.destroyed) {
      resolve();
      return;
    }
    let left = maxBytes;
    const done = () => {
      clearTimeout(timer);
      request.off('data', count).off('end', done).off('close', done);
      request.pause();
      resolve();
    };
    const count = (chunk: Buffer) => {
      left -= chunk.length;
      if (left < 0) done();
    };
    const timer = setTimeout(done, maxMs);
    request.on('data', count).once('end', done).once('close', done);
    request.resume();
  });
}
