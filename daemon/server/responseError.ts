// What a client is told when a request fails: a code, a sentence, and what a program can use.

import { ResponseError } from 'vscode-jsonrpc';
import { SlipwayError, type ErrorKind } from '../base/errors';
import type { Log } from '../host/log';
import { ErrorCode, type ErrorName } from '../protocol/errors';

const nameOf: Readonly<Record<ErrorKind, ErrorName>> = {
  badRequest: 'badRequest',
  notFound: 'notFound',
  invalidModel: 'invalidModel',
  unsupported: 'unsupported',
  fileSystem: 'fileSystem',
  conflict: 'conflict',
  runnerFailed: 'runnerFailed',
  runnerDied: 'runnerDied',
  timeout: 'timeout',
  modelChanged: 'modelChanged',
  cancelled: 'requestCancelled',
};

/** `data` always holds `name`, the code's name; for invalidModel also `diagnostics`. */
export function responseError(name: ErrorName, message: string, data?: unknown): ResponseError<object> {
  const extra = Array.isArray(data)
    ? { diagnostics: data as unknown[] }
    : typeof data === 'object' && data !== null
      ? data
      : {};
  return new ResponseError(ErrorCode[name], message, { name, ...extra });
}

/** Turns anything that a handler threw into an error response; a bug of ours is logged with its stack. */
export function errorOf(thrown: unknown, method: string, log: Log): ResponseError<object> {
  if (thrown instanceof SlipwayError) return responseError(nameOf[thrown.kind], thrown.message, thrown.data);
  if (thrown instanceof ResponseError) return thrown as ResponseError<object>;
  log.error(`${method} failed unexpectedly.`, thrown);
  const said = thrown instanceof Error ? thrown.message : String(thrown);
  return responseError(
    'internalError',
    `The daemon made a mistake while it worked on ${method}: ${said}. Its log has the details; please report it.`,
  );
}
