// What a job has left behind: processes of this one, and entries of a temporary folder of its own.

import { readdirSync, readFileSync } from 'node:fs';
import { after } from 'node:test';
import { temporaryFolder } from './paths';

/** Processes whose parent is this one; empty where /proc is not there to say. */
export function childProcesses(): number[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8').replace(/^.*\) /s, '');
        const [state, parent] = stat.split(' ');
        return Number(parent) === process.pid && state !== 'Z';
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Makes os.tmpdir() a fresh folder until the test file ends; returns a function that lists it. */
export function ownTemporaryFolder(): () => string[] {
  const before = process.env['TMPDIR'];
  const folder = temporaryFolder('slipway-own-');
  process.env['TMPDIR'] = folder;
  after(() => {
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
  });
  return () => readdirSync(folder);
}
