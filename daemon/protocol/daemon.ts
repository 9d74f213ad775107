// About the daemon itself.

import { Type } from 'typebox';
import { MachineSchema } from './benchmark';
import { ProgressSchema } from './common';
import { notification, request } from './core';

export const GetMachine = request('slipway/machine', {
  description: 'What this machine is and can run.',
  params: Type.Object({}),
  result: MachineSchema,
});

export const Ping = request('slipway/ping', {
  description: 'Answers at once; for measuring the round trip.',
  params: Type.Object({}),
  result: Type.Object({
    uptimeMs: Type.Number({ description: 'Time since the daemon started, milliseconds.' }),
    rssBytes: Type.Integer({ description: 'Resident memory of the daemon, bytes.' }),
    peakRssBytes: Type.Integer({ description: 'Largest resident memory of the daemon so far, bytes.' }),
  }),
});

export const ProgressNotification = notification('$/progress', {
  direction: 'daemonToClient',
  description: "Progress of a long request, by the token that the request's params gave.",
  params: Type.Object({
    token: Type.Union([Type.String(), Type.Integer()], { description: 'The token.' }),
    value: ProgressSchema,
  }),
});

export const Cancel = notification('$/cancelRequest', {
  direction: 'clientToDaemon',
  description:
    'Cancels a request; it is answered with `requestCancelled` within a second, and what it had finished is kept.',
  params: Type.Object({
    id: Type.Union([Type.String(), Type.Integer()], { description: 'Id of the request.' }),
  }),
});
