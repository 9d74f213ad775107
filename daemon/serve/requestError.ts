// Why a request was refused, with the HTTP status that says so; other protocols map the status to their own
// codes. Everything thrown while serving becomes one of these at the front end.

import { SlipwayError, messageOf, type ErrorKind } from '../base/errors';

/** The statuses this server answers with, beside 200. */
export type Status = 400 | 403 | 404 | 405 | 408 | 413 | 415 | 500 | 501 | 503 | 504;

export class RequestError extends Error {
  override readonly name = 'RequestError';
  constructor(
    readonly status: Status,
    /** A sentence for the client; it never holds payload. */
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }
}

export const invalid = (message: string) => new RequestError(400, message);
export const notImplemented = (message: string) => new RequestError(501, message);
export const unavailable = (message: string) => new RequestError(503, message, { 'Retry-After': '1' });

const statuses: Readonly<Record<ErrorKind, Status>> = {
  badRequest: 400,
  notFound: 404,
  invalidModel: 500,
  unsupported: 501,
  fileSystem: 500,
  conflict: 500,
  modelChanged: 500,
  runnerFailed: 500,
  // The client may try again: the worker is being replaced.
  runnerDied: 503,
  timeout: 504,
  // Only shutting down cancels what still has a client.
  cancelled: 503,
};

/** Anything thrown, as a RequestError. Our own bugs become a plain 500; the log has their stack. */
export function requestError(thrown: unknown): RequestError {
  if (thrown instanceof RequestError) return thrown;
  if (thrown instanceof SlipwayError) {
    const status = statuses[thrown.kind];
    return new RequestError(status, messageOf(thrown), status === 503 ? { 'Retry-After': '1' } : {});
  }
  return new RequestError(500, 'The server failed on this request; its log says why.');
}
