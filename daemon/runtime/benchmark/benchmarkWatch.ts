// Watches the machine while something is measured: what other programs used, what the hypervisor, the
// container's quota and the heat took away. Linux only; elsewhere it sees nothing and says nothing.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface MachineWatch {
  /** Begins a stretch of measuring in which the processes `pids` (and this one) do our work. */
  begin(pids: readonly number[]): void;
  /** Ends the stretch; call it while the processes live. */
  end(): void;
  /** What disturbed all stretches so far, in sentences. */
  warnings(): string[];
}

interface Reading {
  /** Ticks of all processors together. */
  readonly total: number;
  readonly busy: number;
  readonly steal: number;
  readonly processors: number;
  /** Ticks of our own processes. */
  readonly own: number;
  readonly quotaMs: number;
  readonly heat: number;
}

/** Ticks of /proc/stat's first line: user, nice, system, idle, iowait, irq, softirq, steal. */
function readProcessorTicks(text: string): { total: number; busy: number; steal: number } {
  const line = /^cpu +(.*)$/m.exec(text)?.[1] ?? '';
  const ticks = line.split(/\s+/).slice(0, 8).map(Number);
  const total = ticks.reduce((sum, tick) => sum + tick, 0);
  const [idle = 0, iowait = 0, , , steal = 0] = ticks.slice(3);
  return { total, busy: total - idle - iowait - steal, steal };
}

/** Starts a watch. `root` stands before /proc and /sys, for tests. */
export function watchMachine(root = ''): MachineWatch {
  let pids: readonly number[] = [];
  let before: Reading | undefined;
  const sum = { total: 0, others: 0, steal: 0, quotaMs: 0, heat: 0 };
  let processors = 1;
  const clocks: number[] = [];
  return {
    begin(ours) {
      pids = ours;
      before = readAll(root, pids);
    },
    end() {
      const after = readAll(root, pids);
      if (!before || !after) return;
      processors = after.processors;
      sum.total += after.total - before.total;
      sum.others += Math.max(0, after.busy - before.busy - (after.own - before.own));
      sum.steal += after.steal - before.steal;
      sum.quotaMs += after.quotaMs - before.quotaMs;
      sum.heat += after.heat - before.heat;
      // The fastest processor was ours until now; idle ones clock down and mean nothing.
      const fastest = Math.max(0, ...readClocks(root));
      if (fastest > 0) clocks.push(fastest);
      before = undefined;
    },
    warnings() {
      const said: string[] = [];
      if (sum.total > 0) {
        const others = (sum.others / sum.total) * processors;
        const steal = sum.steal / sum.total;
        if (others >= 0.15)
          said.push(
            `Other programs used ${others.toFixed(1)} of ${processors} processors while measuring: single times are longer and vary more; ratios are measured in turn and suffer less.`,
          );
        if (steal >= 0.01)
          said.push(
            `The host took ${(steal * 100).toFixed(0)} % of this virtual machine's processor time away (steal): times are longer than on a machine of its own.`,
          );
      }
      if (sum.quotaMs >= 1)
        said.push(
          `The container's processor quota held the work back for ${sum.quotaMs.toFixed(0)} ms: use fewer threads, or allow more processors.`,
        );
      if (sum.heat > 0)
        said.push(`The processor slowed itself down ${sum.heat} times because of heat while measuring.`);
      const slowest = Math.min(...clocks);
      const fastest = Math.max(...clocks);
      if (clocks.length > 0 && slowest < 0.85 * fastest)
        said.push(
          `The processors' clocks moved between ${(slowest / 1000).toFixed(1)} and ${(fastest / 1000).toFixed(1)} GHz while measuring.`,
        );
      return said;
    },
  };
}

function readAll(root: string, pids: readonly number[]): Reading | undefined {
  const text = read(join(root, '/proc/stat'));
  if (text === '') return undefined;
  return {
    ...readProcessorTicks(text),
    processors: Math.max(1, text.match(/^cpu\d+ /gm)?.length ?? 1),
    own: [process.pid, ...pids].reduce(
      (all, pid) => all + ownTicks(read(join(root, `/proc/${pid}/stat`))),
      0,
    ),
    quotaMs: quotaMs(root),
    heat: heat(root),
  };
}

/** utime and stime of /proc/PID/stat; the name in brackets may hold anything. */
function ownTicks(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields.length > 12 ? Number(fields[11]) + Number(fields[12]) : 0;
}

function quotaMs(root: string): number {
  const groups = read(join(root, '/proc/self/cgroup'));
  const group = /^0::(.*)$/m.exec(groups)?.[1] ?? '/';
  const said =
    read(join(root, '/sys/fs/cgroup', group, 'cpu.stat')) || read(join(root, '/sys/fs/cgroup/cpu.stat'));
  const second = /^throttled_usec (\d+)$/m.exec(said)?.[1];
  if (second !== undefined) return Number(second) / 1000;
  // Version 1 has a tree for each controller, and nanoseconds.
  const [, controllers, path] = /^\d+:((?:[^:]*,)?cpu(?:,[^:]*)?):(.*)$/m.exec(groups) ?? [];
  if (controllers === undefined || path === undefined) return 0;
  const first = ['', path]
    .flatMap((at) => [controllers, 'cpu'].map((tree) => join(root, '/sys/fs/cgroup', tree, at, 'cpu.stat')))
    .map((file) => /^throttled_time (\d+)$/m.exec(read(file))?.[1])
    .filter((time) => time !== undefined)
    .at(-1);
  return Number(first ?? 0) / 1e6;
}

const cpuFolder = (root: string) => join(root, '/sys/devices/system/cpu');

function heat(root: string): number {
  return processorFolders(root)
    .map((name) => Number(read(join(cpuFolder(root), name, 'thermal_throttle/core_throttle_count')) || 0))
    .reduce((sum, count) => sum + count, 0);
}

/** Clocks of the processors, MHz. */
function readClocks(root: string): number[] {
  return processorFolders(root)
    .map((name) => Number(read(join(cpuFolder(root), name, 'cpufreq/scaling_cur_freq')) || 0) / 1000)
    .filter((clock) => clock > 0);
}

function processorFolders(root: string): string[] {
  try {
    return readdirSync(cpuFolder(root)).filter((name) => /^cpu\d+$/.test(name));
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
