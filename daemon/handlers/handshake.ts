// The handshake's answer. Over WebSocket the token was checked before any handler is reached (server/gate.ts);
// over stdio a client may shake hands too, to compare versions.

import { ResponseError } from 'vscode-jsonrpc';
import { version } from '../host/version';
import { ErrorCode } from '../protocol/errors';
import { Handshake, protocolVersion } from '../protocol/handshake';
import { handler } from './handler';

export const handshake = handler(Handshake, ({ protocolVersion: theirs }) => {
  const mismatch = versionMismatch(theirs);
  if (mismatch !== undefined)
    throw new ResponseError(ErrorCode.versionMismatch, mismatch, { name: 'versionMismatch' });
  return welcome();
});

/** The handshake's result. */
export const welcome = () => ({ daemonVersion: version, processId: process.pid });

/** The sentence for a client of another protocol version; undefined when the versions agree. */
export function versionMismatch(theirs: number): string | undefined {
  if (theirs === protocolVersion) return undefined;
  const older = theirs < protocolVersion ? 'client' : 'daemon';
  return `The client speaks protocol version ${theirs}, the daemon (${version}) speaks version ${protocolVersion}. Update the ${older}.`;
}
