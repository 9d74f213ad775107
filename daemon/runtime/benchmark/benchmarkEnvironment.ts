// What a measurement depends on beside machine and model, written down with the result so that it can be
// repeated: kernel, quota, affinity, governor, load, and variables that change how threads are used.

import { readFileSync } from 'node:fs';
import { loadavg, platform, release } from 'node:os';
import { join } from 'node:path';
import { energyText } from './benchmarkEnergy';
import { readLimits } from '../cgroup';

export interface Environment {
  /** When measuring began, ISO 8601. */
  at: string;
  kernel: string;
  /** Processors' worth of time that the container allows; null when unlimited. */
  cpuQuota: number | null;
  /** Processors that the process may run on, `0-1`; null where not told. */
  affinity: string | null;
  /** Policy of the processor's clock, `performance`; null where not told. */
  governor: string | null;
  /** Load average of the last minute before measuring; null where not told. */
  loadAverage: number | null;
  /** Where energy is read, or why it is not, in a sentence. */
  energy: string;
  /** Variables that change threads or kernels of ONNX Runtime, as far as they are set. */
  variables: Record<string, string>;
}

const variableNames =
  /^(?:OMP_|KMP_|ORT_|OPENBLAS_|MKL_|UV_THREADPOOL_SIZE$|CUDA_VISIBLE_DEVICES$|NODE_OPTIONS$)/;

/** Describes this process's surroundings. `root` stands before /proc and /sys, for tests. */
export function describeEnvironment(root = ''): Environment {
  const status = read(join(root, '/proc/self/status'));
  const governor = read(join(root, '/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor')).trim();
  return {
    at: new Date().toISOString(),
    kernel: release(),
    cpuQuota: readLimits(root).cpus ?? null,
    affinity: /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? null,
    governor: governor === '' ? null : governor,
    loadAverage: platform() === 'win32' ? null : (loadavg()[0] ?? null),
    energy: energyText(root),
    variables: Object.fromEntries(
      Object.entries(process.env).flatMap(([name, value]) =>
        variableNames.test(name) && value !== undefined ? [[name, value] as const] : [],
      ),
    ),
  };
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
