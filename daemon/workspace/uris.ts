// Between the protocol's URIs and paths. Only local files have a place here.

import { isAbsolute } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { badRequest } from '../base/errors';

/** The path of a `file:` URI; throws `badRequest` for any other. */
export function pathOfUri(uri: string): string {
  let url: URL;
  try {
    url = new URL(uri);
  } catch {
    throw badRequest(`"${uri}" is not a URI. Name the model as file:///folder/model.onnx.`);
  }
  if (url.protocol !== 'file:') {
    throw badRequest(
      `The daemon reads local files only, but "${uri}" is a ${url.protocol} URI. Save the model to disk and open it from there.`,
    );
  }
  try {
    // "localhost" is this machine (RFC 8089), and Node keeps a query or fragment out of the path silently.
    if (url.search || url.hash) throw new Error('"?" and "#" in a path are written %3F and %23');
    return fileURLToPath(url);
  } catch (error) {
    throw badRequest(`"${uri}" names no file: ${(error as Error).message}.`);
  }
}

/** The `file:` URI of a path. */
export const uriOfPath = (path: string): string => pathToFileURL(path).href;

/**
 * Refuses params whose paths are relative: the daemon's working folder is nobody's, so `out.onnx` would land where
 * no one looks. Absent ones are left alone.
 */
export function requireAbsolute(paths: Readonly<Record<string, string | undefined>>): void {
  for (const [field, path] of Object.entries(paths)) {
    if (path !== undefined && !isAbsolute(path)) {
      throw badRequest(`\`${field}\` must be an absolute path, but it is "${path}".`);
    }
  }
}
