#!/usr/bin/env node
// What `slipway` starts: the daemon with all it needs to listen, or one command without that. A command then has half
// as much to read and compile before it begins.

import * as modules from 'node:module';
import { join } from 'node:path';

// Newer Node keeps what it compiled for the next start.
const { enableCompileCache } = modules as { enableCompileCache?: () => unknown };
enableCompileCache?.();
// eslint-disable-next-line @typescript-eslint/no-require-imports -- bundles beside this one, one of which is wanted
require(join(__dirname, process.argv[2] === 'daemon' ? 'slipwayDaemon.js' : 'slipwayCommands.js'));
