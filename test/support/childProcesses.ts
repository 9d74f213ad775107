// What a job has left behind: processes of this one, ports that it listens on, and entries of a temporary folder of its
// own.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { after } from 'node:test';
import { temporaryFolder } from './paths';

/** Processes whose parent is this one; empty where /proc is not there to say. */
export const childProcesses = (): number[] => childrenOf(process.pid);

/** The same for another process. */
export function childrenOf(processId: number): number[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8').replace(/^.*\) /s, '');
        const [state, parent] = stat.split(' ');
        return Number(parent) === processId && state !== 'Z';
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** TCP ports that this process listens on; empty where /proc is not there to say. */
export function listeningPorts(): number[] {
  if (process.platform !== 'linux') return [];
  const own = new Set(
    readdirSync('/proc/self/fd').flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1] ?? [];
      } catch {
        return [];
      }
    }),
  );
  return ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/self/net/${table}`, 'utf8')
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      // Local address, state (0A is LISTEN) and inode.
      .filter((fields) => fields[3] === '0A' && own.has(fields[9] ?? ''))
      .map((fields) => Number.parseInt(fields[1]!.split(':')[1]!, 16)),
  );
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
