// Binary frames that have arrived and wait for the message that refers to them.

import { decodeFrame } from '../../daemon/protocol/frames';

/** Frames that nobody asks for are dropped, oldest first, beyond this many. */
const capacity = 64;

export class FrameStore {
  private readonly frames = new Map<number, Uint8Array>();

  /** Keeps the payload of a binary message. */
  receive(message: Uint8Array): void {
    const frame = decodeFrame(message);
    if (!frame) return;
    this.frames.set(frame.id, frame.payload);
    for (const oldest of this.frames.keys()) {
      if (this.frames.size <= capacity) break;
      this.frames.delete(oldest);
    }
  }

  /** Takes a payload out; throws when it never came. */
  take(id: number): Uint8Array {
    const payload = this.frames.get(id);
    if (!payload) throw new Error(`The daemon referred to binary frame ${id}, which did not arrive.`);
    this.frames.delete(id);
    return payload;
  }
}
