#!/usr/bin/env node
// What `slipway` starts: the daemon with all it needs to listen, or one command without that. A command then has half
// as much to read and compile before it begins.

import * as modules from 'node:module';
import { join } from 'node:path';
import { runCompiled } from './compiled';

const [, , command = '', ...rest] = process.argv;
const bundle = join(__dirname, command === 'daemon' ? 'slipwayDaemon.js' : 'slipwayCommands.js');
// Newer Node keeps what it compiled for the next start.
const { enableCompileCache } = modules as { enableCompileCache?: () => unknown };
// A daemon starts rarely and stays: kept code would cost it 4 MB for as long as it runs.
if (enableCompileCache || command === 'daemon') {
  enableCompileCache?.();
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- bundles beside this one, one of which is wanted
  require(bundle);
} else {
  // A page of help compiles next to nothing of what the command would.
  const help = rest.some((word) => word === '--help' || word === '-h');
  runCompiled(bundle, help ? 'help' : command, modules.createRequire(bundle));
}
