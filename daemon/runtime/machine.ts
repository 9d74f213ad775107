// What this machine is, as far as it decides how fast a model runs here.

import { readFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, platform, totalmem } from 'node:os';
import { promisify } from 'node:util';
import { silentTask, type Task } from '../base/task';
import { readLimits } from './cgroup';
import type { RuntimeDescription } from './runner/runnerMessages';
import { withRunner, type RunnerProcess } from './runner/runnerProcess';

export interface Machine {
  /** Operating system and processor architecture, `linux-x64`. */
  platform: string;
  /** Processor model. */
  cpu: string;
  /** Processors this process may use: its affinity within the container's quota. */
  cores: number;
  /** Vector extensions that matter here: `avx2`, `avx512_vnni`, `amx_int8`, `neon`, `dotprod`, `i8mm`, … */
  instructionSets: string[];
  /** Memory this process may use within the container's limit, bytes. */
  memoryBytes: number;
  node: string;
  onnxruntime: string;
  /** Execution providers in this build. */
  providers: string[];
  /** Devices that the package knows on this platform; some need libraries of their own. */
  offered: string[];
}

let runtime: RuntimeDescription | undefined;
let sets: string[] | undefined;

/** Describes the machine; asks `runner`, or a runner of its own, for ONNX Runtime's part, once per process. */
export async function describeMachine(task: Task = silentTask, runner?: RunnerProcess): Promise<Machine> {
  runtime ??= runner ? await runner.describe(task) : await withRunner(task, (own) => own.describe(task));
  const limits = platform() === 'linux' ? readLimits() : {};
  return {
    platform: `${platform()}-${arch()}`,
    cpu: cpuModel(),
    cores: Math.max(1, Math.min(availableParallelism(), Math.floor(limits.cpus ?? Number.POSITIVE_INFINITY))),
    instructionSets: [...(await instructionSetsHere())],
    memoryBytes: Math.min(totalmem(), limits.memoryBytes ?? Number.POSITIVE_INFINITY),
    node: process.versions.node,
    onnxruntime: runtime.version,
    providers: [...runtime.providers],
    offered: [...runtime.offered],
  };
}

/** Vector extensions of this processor; needs no runner. */
export async function instructionSetsHere(): Promise<readonly string[]> {
  sets ??= await instructionSets();
  return sets;
}

function cpuModel(): string {
  const model = cpus()[0]?.model.trim();
  return model === undefined || model === '' || model === 'unknown' ? `unknown ${arch()} processor` : model;
}

async function instructionSets(): Promise<string[]> {
  try {
    if (platform() === 'linux') return fromCpuInfo(readFileSync('/proc/cpuinfo', 'utf8'));
    if (platform() === 'darwin') {
      const { execFile } = await import('node:child_process');
      return fromSysctl((await promisify(execFile)('sysctl', ['-a'])).stdout);
    }
  } catch {
    // Not told here; below is what every processor of the architecture has.
  }
  return arch() === 'arm64' ? ['neon'] : [];
}

/** Names as Linux prints them on x64 and arm64, and ours. */
const linuxNames: Readonly<Record<string, string>> = {
  avx2: 'avx2',
  avx512f: 'avx512f',
  avx512_vnni: 'avx512_vnni',
  avx_vnni: 'avx_vnni',
  avx_vnni_int8: 'avx_vnni_int8',
  avx512_bf16: 'avx512_bf16',
  avx512_fp16: 'avx512_fp16',
  amx_int8: 'amx_int8',
  amx_bf16: 'amx_bf16',
  asimd: 'neon',
  asimddp: 'dotprod',
  i8mm: 'i8mm',
  bf16: 'bf16',
  sve: 'sve',
};

/** Extensions from the text of /proc/cpuinfo (`flags` on x64, `Features` on arm64). */
export function fromCpuInfo(text: string): string[] {
  const line = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(text)?.[1] ?? '';
  const flags = new Set(line.split(/\s+/));
  return Object.entries(linuxNames).flatMap(([name, ours]) => (flags.has(name) ? [ours] : []));
}

/** Names of macOS's sysctl (`hw.optional.…: 1`), and ours. */
const sysctlNames: Readonly<Record<string, string>> = {
  avx2_0: 'avx2',
  avx512f: 'avx512f',
  avx512vnni: 'avx512_vnni',
  'arm.AdvSIMD': 'neon',
  'arm.FEAT_DotProd': 'dotprod',
  'arm.FEAT_I8MM': 'i8mm',
  'arm.FEAT_BF16': 'bf16',
};

/** Extensions from the text of `sysctl -a`. */
export function fromSysctl(text: string): string[] {
  const on = new Set(Array.from(text.matchAll(/^hw\.optional\.(\S+): 1$/gm), (match) => match[1]));
  return Object.entries(sysctlNames).flatMap(([name, ours]) => (on.has(name) ? [ours] : []));
}
