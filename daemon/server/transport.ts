// What the server needs of a way to talk, whatever it is made of; and the check that every message passes
// before the JSON-RPC library sees it.

import type { DataCallback, Message, MessageReader, MessageWriter } from 'vscode-jsonrpc';
import { ErrorCode, type ErrorName } from '../protocol/errors';

export interface Transport {
  readonly reader: MessageReader;
  readonly writer: MessageWriter;
  /** Sends bulk data; resolves once the system took it. Frames and messages keep their order. */
  sendFrame(id: number, payload: Uint8Array): Promise<void>;
  /** True while much of what was sent is still unread. */
  congested(): boolean;
  close(): void;
}

/** An answer to something that was no request: there is no id to refer to. */
export const refusal = (name: ErrorName, message: string, id: unknown = null) => ({
  jsonrpc: '2.0',
  id: typeof id === 'string' || typeof id === 'number' ? id : null,
  error: { code: ErrorCode[name], message, data: { name } },
});

/** Why a parsed message is not JSON-RPC 2.0; undefined when it is. */
export function malformed(message: unknown): string | undefined {
  if (Array.isArray(message)) return 'Batches are not supported; send the messages one by one.';
  if (typeof message !== 'object' || message === null) return 'A message must be a JSON object.';
  const { jsonrpc, method, id, params, result, error } = message as Record<string, unknown>;
  if (jsonrpc !== '2.0') return 'A message must hold "jsonrpc": "2.0".';
  if (id !== undefined && typeof id !== 'string' && !Number.isInteger(id)) {
    return '"id" must be a text or a whole number.';
  }
  if (method === undefined) {
    return id !== undefined && (result !== undefined || error !== undefined)
      ? undefined
      : 'A request needs a "method".';
  }
  if (typeof method !== 'string') return '"method" must be a text.';
  if (params !== undefined && typeof params !== 'object') {
    return '"params" must be an object.';
  }
  if (method === '$/cancelRequest') {
    const target = (params as { id?: unknown } | undefined)?.id;
    if (typeof target !== 'string' && !Number.isInteger(target))
      return '"$/cancelRequest" needs "params.id".';
  }
  return undefined;
}

/** Wraps the library's callback: what is not JSON-RPC is answered and goes no further. */
export const guarded =
  (callback: DataCallback, answer: (message: Message) => void) =>
  (message: unknown): void => {
    const why = malformed(message);
    if (why === undefined) callback(message as Message);
    else answer(refusal('invalidRequest', why, (message as { id?: unknown } | null)?.id));
  };
