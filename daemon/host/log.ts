// The daemon's log: one line per event, to stderr and to a file that is rotated once it grows.
// Never params, never a token: callers log what happened, and `secrets` are cut out of every line anyway.

import { appendFileSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileSystemError } from '../base/errors';

export interface Log {
  info(message: string): void;
  warn(message: string): void;
  /** `thrown` adds its stack. */
  error(message: string, thrown?: unknown): void;
}

const rotateBytes = 1 << 20;

/**
 * A log to stderr and, when `path` is given, to that file (mode 0600); at 1 MiB the file becomes `path.1`,
 * replacing an older one. A file that cannot be written is given up with one line on stderr.
 */
export function openLog(options: { path?: string; secrets?: readonly string[] } = {}): Log {
  let path = options.path;
  let size = 0;
  if (path !== undefined) {
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    } catch (error) {
      throw fileSystemError('write the log', path, error);
    }
  }
  const write = (level: string, message: string) => {
    let line = `${new Date().toISOString()} ${level} ${message}\n`;
    for (const secret of options.secrets ?? []) line = line.replaceAll(secret, '***');
    process.stderr.write(line);
    if (path === undefined) return;
    try {
      if (size > rotateBytes) {
        renameSync(path, `${path}.1`);
        size = 0;
      }
      appendFileSync(path, line, { mode: 0o600 });
      size += Buffer.byteLength(line);
    } catch (error) {
      process.stderr.write(`The log file ${path} cannot be written: ${String(error)}\n`);
      path = undefined;
    }
  };
  return {
    info: (message) => write('info', message),
    warn: (message) => write('warn', message),
    error: (message, thrown) => {
      const stack = thrown instanceof Error ? (thrown.stack ?? thrown.message) : thrown;
      write(
        'error',
        stack === undefined
          ? message
          : `${message}\n${typeof stack === 'string' ? stack : JSON.stringify(stack)}`,
      );
    },
  };
}
