// Profiles a model, and lists devices.

import { basename } from 'node:path';
import { ListDevices, Profile } from '../protocol/profile';
import { pathOfUri } from '../workspace/uris';
import { handler } from './handler';

export const profile = handler(Profile, ({ uri, against, data, ...options }, task, { workspace }) => {
  const path = pathOfUri(uri);
  return workspace.jobs.heavy(`profile of ${basename(path)}`, task, async () => {
    const { profile } = await import('../runtime/profile/profile');
    const { inputsFrom } = await import('../recipes/benchmarkData');
    const other = against === undefined ? undefined : pathOfUri(against);
    return profile(path, other, { ...options, inputs: inputsFrom(data) }, task);
  });
});

export const devices = handler(ListDevices, (_params, task, { workspace }) =>
  workspace.jobs.heavy('trying the devices', task, async () => {
    const { listDevices } = await import('../runtime/devices');
    return { devices: await listDevices(task) };
  }),
);
