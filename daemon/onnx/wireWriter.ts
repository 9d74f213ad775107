// Encodes protobuf messages into memory, with payloads by reference: weights are not copied here, they
// are streamed when the pieces are written out.

import type { Bytes } from '../ir/tensor';

/** A payload that is not in the writer's own buffer. */
export interface Payload {
  readonly bytes: Bytes;
  /** The bytes come from an external data file, whose place is checked again when it is read. */
  readonly isExternal: boolean;
}

interface Insert {
  /** Where in the buffer the payload or the inner message belongs. */
  at: number;
  readonly part: Payload | WireWriter;
}

/** Payloads up to this size are copied into the buffer: cheaper than carrying a reference. */
const copiedPayload = 256;

const utf8 = new TextEncoder();

export class WireWriter {
  private buffer = new Uint8Array(256);
  private view = new DataView(this.buffer.buffer);
  private at = 0;
  private readonly inserts: Insert[] = [];
  private inserted = 0;

  /** Bytes of the whole message, payloads included. */
  get length(): number {
    return this.at + this.inserted;
  }

  /** A varint field of a whole number (int32, int64, enum); exact up to 2^53. */
  int(field: number, value: number): void {
    this.tag(field, 0);
    this.varint(value);
  }

  bigint(field: number, value: bigint): void {
    this.tag(field, 0);
    this.bigVarint(value);
  }

  float(field: number, value: number): void {
    this.tag(field, 5);
    this.reserve(4);
    this.view.setFloat32(this.at, value, true);
    this.at += 4;
  }

  string(field: number, text: string): void {
    this.tag(field, 2);
    // Three bytes are the most that one UTF-16 unit takes.
    this.reserve(text.length * 3 + 10);
    const start = this.at;
    const guess = varintLength(text.length);
    const { written } = utf8.encodeInto(text, this.buffer.subarray(start + guess));
    const actual = varintLength(written);
    if (actual !== guess) {
      this.buffer.copyWithin(start + actual, start + guess, start + guess + written);
    }
    this.varint(written);
    this.at = start + actual + written;
  }

  bytes(field: number, data: Uint8Array): void {
    this.tag(field, 2);
    this.varint(data.length);
    this.verbatim(data);
  }

  /** Bytes as they are, tags included: unknown fields and typed tensor fields. */
  verbatim(data: Uint8Array): void {
    if (data.length > copiedPayload) {
      this.insert({ bytes: { in: 'memory', data }, isExternal: false }, data.length);
      return;
    }
    this.reserve(data.length);
    this.buffer.set(data, this.at);
    this.at += data.length;
  }

  /** A bytes field whose payload is written when the pieces are streamed. */
  payload(field: number, payload: Payload): void {
    this.tag(field, 2);
    this.verbatimPayloadWithLength(payload);
  }

  /** Bytes as they are, from wherever they lie. */
  verbatimPayload(payload: Payload): void {
    const { bytes } = payload;
    if (bytes.in === 'memory') this.verbatim(bytes.data);
    else this.insert(payload, bytes.length);
  }

  /** An inner message written by `write` into this writer. */
  message(field: number, write: () => void): void {
    this.tag(field, 2);
    this.reserve(1);
    const lengthAt = this.at;
    const insertedBefore = this.inserted;
    const firstInsert = this.inserts.length;
    this.at += 1;
    write();
    const bodyLength = this.at - lengthAt - 1;
    const total = bodyLength + this.inserted - insertedBefore;
    const extra = varintLength(total) - 1;
    if (extra > 0) {
      // One byte was left for the length; longer ones push the body back.
      this.reserve(extra);
      this.buffer.copyWithin(lengthAt + 1 + extra, lengthAt + 1, lengthAt + 1 + bodyLength);
      for (let index = firstInsert; index < this.inserts.length; index += 1) this.inserts[index]!.at += extra;
    }
    const end = this.at + extra;
    this.at = lengthAt;
    this.varint(total);
    this.at = end;
  }

  /** An inner message that was encoded on its own; it is kept by reference. */
  nested(field: number, inner: WireWriter): void {
    this.tag(field, 2);
    this.varint(inner.length);
    this.insert(inner, inner.length);
  }

  /** Packed signed integers. */
  packedInts(field: number, values: readonly number[]): void {
    if (values.length === 0) return;
    this.message(field, () => {
      for (const value of values) this.varint(value);
    });
  }

  packedBigints(field: number, values: readonly bigint[]): void {
    if (values.length === 0) return;
    this.message(field, () => {
      for (const value of values) this.bigVarint(value);
    });
  }

  /** The message in order: own bytes and payloads. Inner messages are walked without recursion. */
  *pieces(): Generator<Uint8Array | Payload, void, undefined> {
    const stack: { writer: WireWriter; next: number; from: number }[] = [{ writer: this, next: 0, from: 0 }];
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      const { writer } = top;
      const insert = writer.inserts[top.next];
      const end = insert ? insert.at : writer.at;
      if (end > top.from) yield writer.buffer.subarray(top.from, end);
      top.from = end;
      top.next += 1;
      if (!insert) stack.pop();
      else if (insert.part instanceof WireWriter) stack.push({ writer: insert.part, next: 0, from: 0 });
      else yield insert.part;
    }
  }

  private verbatimPayloadWithLength(payload: Payload): void {
    const { bytes } = payload;
    this.varint(bytes.in === 'memory' ? bytes.data.length : bytes.length);
    this.verbatimPayload(payload);
  }

  private insert(part: Payload | WireWriter, length: number): void {
    if (length === 0) return;
    this.inserts.push({ at: this.at, part });
    this.inserted += length;
  }

  private tag(field: number, wire: number): void {
    this.varint(field * 8 + wire);
  }

  private varint(value: number): void {
    if (value < 0 || value > 0xffffffff) {
      this.bigVarint(BigInt(value));
      return;
    }
    this.reserve(5);
    let rest = value;
    while (rest > 127) {
      this.buffer[this.at] = (rest & 127) | 128;
      this.at += 1;
      rest >>>= 7;
    }
    this.buffer[this.at] = rest;
    this.at += 1;
  }

  private bigVarint(value: bigint): void {
    this.reserve(10);
    let rest = BigInt.asUintN(64, value);
    while (rest > 127n) {
      this.buffer[this.at] = Number(rest & 127n) | 128;
      this.at += 1;
      rest >>= 7n;
    }
    this.buffer[this.at] = Number(rest);
    this.at += 1;
  }

  private reserve(count: number): void {
    if (this.buffer.length - this.at >= count) return;
    const grown = new Uint8Array(Math.max(this.buffer.length * 2, this.at + count));
    grown.set(this.buffer.subarray(0, this.at));
    this.buffer = grown;
    this.view = new DataView(grown.buffer);
  }
}

function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) length += 1;
  return length;
}
