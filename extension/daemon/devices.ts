// Which devices cannot be used here as they are: the daemon tries each one with a small model, once for a window, since
// that starts processes.

import { ListDevices } from '../../daemon/protocol/profile';
import type { Context } from '../context';

const known = new WeakMap<Context, Promise<ReadonlyMap<string, string>>>();

/** By the name of the device, why it cannot be used and what to install. Rejects with what the daemon says. */
export function devicesNotReady(context: Context): Promise<ReadonlyMap<string, string>> {
  const asked = known.get(context) ?? ask(context);
  known.set(context, asked);
  asked.catch(() => known.delete(context));
  return asked;
}

async function ask({ daemon }: Context): Promise<ReadonlyMap<string, string>> {
  const { devices } = await daemon.request(ListDevices, {});
  return new Map(
    devices
      .filter(({ available }) => !available)
      .map(({ name, title, detail, install }) => [
        name,
        [`${title}: ${detail}`, install].filter((part) => part !== null).join(' '),
      ]),
  );
}
