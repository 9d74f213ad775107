// The handshake: what the first message on a WebSocket must be, and what it is answered with.

import { createHash, timingSafeEqual } from 'node:crypto';
import type { ErrorName } from '../protocol/errors';
import { versionMismatch, welcome } from '../handlers/handshake';
import { Handshake } from '../protocol/handshake';
import { malformed, refusal } from './transport';
import { complaint } from './validate';

/** Bytes that the first message may have. */
export const firstMessageBytes = 4096;

export type Verdict =
  | { readonly welcome: true; readonly client: string; readonly answer: object }
  | { readonly welcome: false; readonly reason: string; readonly answer: object };

/** Judges the first message of a connection. */
export function judge(text: string, token: string): Verdict {
  const no = (name: ErrorName, reason: string, id?: unknown): Verdict => ({
    welcome: false,
    reason,
    answer: refusal(name, reason, id),
  });
  if (Buffer.byteLength(text) > firstMessageBytes) {
    return no(
      'notAuthenticated',
      `The first message must be ${Handshake.method} and at most ${firstMessageBytes} bytes.`,
    );
  }
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return no('parseError', 'The first message is not JSON.');
  }
  const wrong = malformed(message);
  if (wrong !== undefined) return no('invalidRequest', wrong);
  const { id, method, params } = message as { id?: unknown; method?: string; params?: unknown };
  if (method !== Handshake.method || id === undefined) {
    return no('notAuthenticated', `The first message must be a ${Handshake.method} request.`, id);
  }
  const bad = complaint(method, Handshake.params, params);
  if (bad !== undefined) return no('invalidParams', bad, id);
  const given = params as { protocolVersion: number; token: string; client: string };
  const mismatch = versionMismatch(given.protocolVersion);
  if (mismatch !== undefined) return no('versionMismatch', mismatch, id);
  if (!sameText(given.token, token)) {
    return no(
      'wrongToken',
      'The token is wrong. Read it again from the daemon file; the daemon may have been restarted.',
      id,
    );
  }
  return { welcome: true, client: given.client, answer: { jsonrpc: '2.0', id, result: welcome() } };
}

/** Compares without telling by its time where the texts differ. */
function sameText(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
