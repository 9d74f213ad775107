// The processor and memory limits of the container that a Linux process runs in (cgroup v1 and v2).

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface Limits {
  /** Processors' worth of time, 1.5 for a quota of 150 ms in 100 ms; undefined when unlimited. */
  readonly cpus?: number;
  readonly memoryBytes?: number;
}

/**
 * The tightest limits of this process's control groups and of the groups above them. `root` stands before
 * /proc and /sys, for tests.
 */
export function readLimits(root = ''): Limits {
  const mount = join(root, '/sys/fs/cgroup');
  let cpus = Number.POSITIVE_INFINITY;
  let memory = Number.POSITIVE_INFINITY;
  for (const line of read(join(root, '/proc/self/cgroup')).split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === undefined || path === undefined) continue;
    if (controllers === '') {
      // Version 2; on a mixed system its tree is mounted beside the others.
      for (const base of [mount, join(mount, 'unified')]) {
        for (const folder of upwards(base, path)) {
          const [quota, period] = read(join(folder, 'cpu.max')).split(/\s+/);
          cpus = Math.min(cpus, limit(quota) / (Number(period) || 100_000));
          memory = Math.min(memory, limit(read(join(folder, 'memory.max'))));
        }
      }
    } else if (controllers.split(',').includes('cpu')) {
      for (const base of [join(mount, controllers), join(mount, 'cpu')]) {
        for (const folder of upwards(base, path)) {
          const period = Number(read(join(folder, 'cpu.cfs_period_us'))) || 100_000;
          cpus = Math.min(cpus, limit(read(join(folder, 'cpu.cfs_quota_us'))) / period);
        }
      }
    } else if (controllers.split(',').includes('memory')) {
      for (const folder of upwards(join(mount, 'memory'), path)) {
        memory = Math.min(memory, limit(read(join(folder, 'memory.limit_in_bytes'))));
      }
    }
  }
  return {
    ...(Number.isFinite(cpus) ? { cpus } : {}),
    // Version 1 says "no limit" with a number near 2^63.
    ...(memory < 2 ** 60 ? { memoryBytes: memory } : {}),
  };
}

/** "max", "-1" and nothing mean no limit. */
function limit(text: string | undefined): number {
  const value = Number(text?.trim());
  return text === undefined || text.trim() === '' || !(value > 0) ? Number.POSITIVE_INFINITY : value;
}

/** The group's folder and those above it up to the mount, which is all that a container may see. */
function upwards(base: string, path: string): string[] {
  const folders = [base];
  for (let at = path; at !== '/' && at !== '.' && at !== ''; at = dirname(at)) folders.push(join(base, at));
  return folders;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
