// slipway devices: what models can run on here, and what is missing for the rest.

import { listDevices } from '../runtime/devices';
import type { Command } from './command';
import { renderTable } from './table';

export const devicesCommand: Command = {
  spec: {
    name: 'devices',
    summary:
      'Lists the devices of this machine, each tried with a small model, and what is missing for others',
    usage: 'devices',
    options: {},
    positionals: { min: 0, max: 0, what: 'Nothing' },
    examples: ['slipway devices', 'slipway devices --json'],
  },
  async run(_args, { task }) {
    const devices = await listDevices(task);
    const rows = devices.map(({ name, title, available, offered }) => [
      name,
      title,
      available ? 'ready' : offered ? 'not ready' : 'not in this build',
    ]);
    const details = devices
      .filter(({ offered }) => offered)
      .flatMap(({ name, detail, install }) => [
        '',
        `${name}: ${detail}`,
        ...(install === null ? [] : [`  ${install}`]),
      ]);
    const table = renderTable([{ title: 'Device' }, { title: 'What' }, { title: 'State' }], rows);
    return { result: { devices }, text: [table, ...details].join('\n') };
  },
};
