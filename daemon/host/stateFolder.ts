// Where what outlives a process lies: the daemon's file, its log, histories, notes of unfinished commands.

import { homedir } from 'node:os';
import { join } from 'node:path';

/** `SLIPWAY_STATE`, or where this system keeps such things. It may not exist yet. */
export function stateFolder(): string {
  const { SLIPWAY_STATE, XDG_STATE_HOME, LOCALAPPDATA } = process.env;
  if (SLIPWAY_STATE) return SLIPWAY_STATE;
  if (process.platform === 'win32')
    return join(LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'), 'slipway');
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'slipway');
  return join(XDG_STATE_HOME ? XDG_STATE_HOME : join(homedir(), '.local', 'state'), 'slipway');
}
