// How often Linux has ended a process for want of memory, so that a process that was killed can be told why.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Processes that the system ended because memory ran out since it started, in containers too; undefined where it does
 * not say. `root` stands before /proc, for tests.
 */
export function memoryKills(root = ''): number | undefined {
  try {
    const count = /^oom_kill (\d+)$/m.exec(readFileSync(join(root, '/proc/vmstat'), 'utf8'))?.[1];
    return count === undefined ? undefined : Number(count);
  } catch {
    return undefined;
  }
}
