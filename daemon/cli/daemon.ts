// slipway daemon: the daemon in the foreground, for editors and other clients.

import { numberOption, textOption } from './args';
import type { ForegroundCommand } from './command';

export const daemonCommand: ForegroundCommand = {
  spec: {
    name: 'daemon',
    summary: 'Runs the daemon that editors talk to; it says where it listens in one JSON line',
    usage: 'daemon',
    options: {
      stdio: { type: 'boolean', help: 'Serve one client on standard input and output instead of listening' },
      port: { type: 'string', value: 'N', help: 'Port on 127.0.0.1; a free one when absent' },
      'idle-minutes': {
        type: 'string',
        value: 'N',
        help: 'End after so long without clients and work; 10 when absent',
      },
      'state-folder': {
        type: 'string',
        value: 'FOLDER',
        help: "Where the daemon's file and log lie; this user's state folder when absent",
      },
    },
    positionals: { min: 0, max: 0, what: 'Nothing' },
    examples: ['slipway daemon', 'slipway daemon --stdio'],
  },
  async runInForeground(args) {
    const port = numberOption(args, 'port', { min: 0, max: 65_535, whole: true });
    const idleMinutes = numberOption(args, 'idle-minutes', { min: 0.001, max: 525_600 });
    const stateFolder = textOption(args, 'state-folder');
    const { runDaemon } = await import('../server/daemon');
    await runDaemon({
      stdio: args.flags.has('stdio'),
      ...(port === undefined ? {} : { port }),
      ...(idleMinutes === undefined ? {} : { idleMinutes }),
      ...(stateFolder === undefined ? {} : { stateFolder }),
    });
    return Number(process.exitCode ?? 0);
  },
};
