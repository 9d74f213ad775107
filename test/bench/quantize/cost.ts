// Time and memory of whole processes, start-up and children included.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { median } from '../../../daemon/runtime/statistics';

export interface Cost {
  readonly seconds: number;
  /** Most resident memory that the program and all its children held at once, bytes; NaN where /proc is missing. */
  readonly rssBytes: number;
  readonly ok: boolean;
}

/** A process and its children. */
function treeOf(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return [pid, ...(children === '' ? [] : children.split(' ').flatMap((child) => treeOf(Number(child))))];
  } catch {
    return [];
  }
}

function rssOf(pid: number): number {
  try {
    const kilobytes = /^VmRSS:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return Number(kilobytes ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/**
 * Runs a program and measures it, its children included; memory is looked at every 5 ms. Certificates that this machine
 * may add for Node to trust are left out: Node parses all it has at each start, which takes longer than starting does.
 */
export async function measured(program: string, args: readonly string[]): Promise<Cost> {
  const started = performance.now();
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: undefined };
  const child = spawn(program, args, { stdio: 'ignore', env });
  let rssBytes = 0;
  const look = () => {
    if (child.pid === undefined) return;
    rssBytes = Math.max(
      rssBytes,
      treeOf(child.pid).reduce((sum, pid) => sum + rssOf(pid), 0),
    );
  };
  const timer = setInterval(look, 5);
  const [code] = (await once(child, 'exit')) as [number | null];
  clearInterval(timer);
  return {
    seconds: (performance.now() - started) / 1000,
    rssBytes: rssBytes === 0 ? NaN : rssBytes,
    ok: code === 0,
  };
}

/** The median of several runs. */
export const middle = (costs: readonly Cost[]): Cost => ({
  seconds: median(costs.map(({ seconds }) => seconds)),
  rssBytes: median(costs.map(({ rssBytes }) => rssBytes)),
  ok: costs.every(({ ok }) => ok),
});
