// Bulk data: a binary WebSocket message beside the JSON-RPC text messages. Over stdio, which has no binary
// messages, the same payload goes base64-encoded in a `slipway/frame` notification.
//
// Frame: byte 0 kind (1), bytes 1–3 zero, bytes 4–7 frame id (uint32, little-endian), then the payload.

import { Type } from 'typebox';
import { notification } from './core';

export const frameKind = 1;
export const frameHeaderBytes = 8;

/** Wraps a payload (any bytes) as one binary message. */
export function encodeFrame(id: number, payload: Uint8Array): Uint8Array {
  const message = new Uint8Array(frameHeaderBytes + payload.byteLength);
  const view = new DataView(message.buffer);
  view.setUint8(0, frameKind);
  view.setUint32(4, id, true);
  message.set(payload, frameHeaderBytes);
  return message;
}

/** Unwraps a binary message; undefined when it is not a frame. The payload is a view, 8-byte aligned to the message. */
export function decodeFrame(message: Uint8Array): { id: number; payload: Uint8Array } | undefined {
  if (message.byteLength < frameHeaderBytes || message[0] !== frameKind) return undefined;
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  return { id: view.getUint32(4, true), payload: message.subarray(frameHeaderBytes) };
}

export const FrameNotification = notification('slipway/frame', {
  direction: 'daemonToClient',
  description: 'A binary frame on a transport without binary messages (stdio).',
  params: Type.Object({
    frame: Type.Integer({ description: 'Frame id.' }),
    base64: Type.String({ description: 'The payload, base64.' }),
  }),
});
