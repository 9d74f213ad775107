// Where our own built scripts lie (runner.js, server.js, slipway.js): beside the bundle that runs.

import { join } from 'node:path';

let folder = __dirname;

/** Path of a built script, `runner.js`. */
export const scriptPath = (name: string): string => join(folder, name);

/** For tests, whose own bundles do not lie beside the built scripts. */
export function setScriptFolder(path: string): void {
  folder = path;
}
