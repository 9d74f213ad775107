// The first words on a WebSocket: the daemon says which protocol it speaks, the client answers with the token.

import { Type } from 'typebox';
import { notification, request } from './core';

/** Raised when a message changes in a way that an older peer cannot read. */
export const protocolVersion = 1;

/** WebSocket subprotocol. */
export const subprotocol = 'slipway.v1';

export const Hello = notification('slipway/hello', {
  direction: 'daemonToClient',
  description: 'The first message on every WebSocket connection, sent by the daemon unasked.',
  params: Type.Object({
    protocolVersion: Type.Integer({ description: 'Protocol version that the daemon speaks.' }),
    daemonVersion: Type.String({ description: "The daemon's own version." }),
  }),
});

export const Handshake = request('slipway/handshake', {
  description:
    'Must be the first message of a client over WebSocket; anything else is answered with `notAuthenticated` and the connection is closed. Not needed over stdio.',
  params: Type.Object({
    protocolVersion: Type.Integer({ description: 'Protocol version that the client speaks.' }),
    token: Type.String({ description: 'The token from the daemon file.' }),
    client: Type.String({ description: 'Name of the client, for the log.' }),
  }),
  result: Type.Object({
    daemonVersion: Type.String({ description: "The daemon's own version." }),
    processId: Type.Integer({ description: "The daemon's process id." }),
  }),
});
