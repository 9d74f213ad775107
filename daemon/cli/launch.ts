#!/usr/bin/env node
// What `slipway` starts: the daemon with all it needs to listen, or one command without that. A command then has half
// as much to read and compile before it begins.

import * as modules from 'node:module';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runCompiled } from './compiled';

const [, , command = '', ...rest] = process.argv;
const bundle = join(__dirname, command === 'daemon' ? 'slipwayDaemon.js' : 'slipwayCommands.js');
// Newer Node keeps what it compiled for the next start.
const { enableCompileCache } = modules as { enableCompileCache?: () => unknown };
// A daemon starts rarely and stays: kept code would cost it 4 MB for as long as it runs.
if (enableCompileCache || command === 'daemon') {
  if (command !== 'daemon') optimiseLate();
  enableCompileCache?.();
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- bundles beside this one, one of which is wanted
  require(bundle);
} else {
  optimiseLate();
  // A page of help compiles next to nothing of what the command would.
  const help = rest.some((word) => word === '--help' || word === '-h');
  runCompiled(bundle, help ? 'help' : command, modules.createRequire(bundle));
}

/**
 * A command is short: what V8 would optimise after a tenth of a second is done before that pays, and its compiler takes
 * megabytes and the processor that ONNX Runtime runs on. Loops that really run long still are.
 */
function optimiseLate(): void {
  setFlagsFromString('--interrupt-budget=4000000');
}
