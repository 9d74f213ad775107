// Names under which models are served: parts of URLs and labels of metrics.

import { existsSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { badRequest } from '../base/errors';

export interface ModelArgument {
  readonly name: string;
  /** Absolute. */
  readonly path: string;
}

/** The name a model gets when none is given: its file's, without `.onnx`, spaces and `=` as `_`. */
export const defaultModelName = (path: string): string =>
  basename(path)
    .replace(/\.onnx$/i, '')
    .replace(/[\s=]/g, '_');

/** Throws `badRequest` for a name that cannot stand in a URL's path. */
export function checkModelName(name: string): void {
  if (!/^[^/\\=\x00-\x20\x7f]{1,128}$/.test(name) || name === '.' || name === '..') {
    throw badRequest(
      `'${name}' is no name to serve a model under. Use letters, digits, '.', '_' and '-', without spaces or '='.`,
    );
  }
}

/** `NAME=PATH` or `PATH`; a "=" in an existing file's name, or after a slash, belongs to the path. */
export function parseModelArgument(text: string): ModelArgument {
  const at = text.indexOf('=');
  const named = at > 0 && !/[/\\]/.test(text.slice(0, at)) && !existsSync(text);
  const path = named ? text.slice(at + 1) : text;
  const name = named ? text.slice(0, at) : defaultModelName(path);
  if (path === '') throw badRequest(`--model ${text} names no file. Write --model NAME=PATH.`);
  checkModelName(name);
  return { name, path: resolve(path) };
}
