// The devices of this machine: found, named, and tried with a small model, each in a process of its own, since
// a driver may take the process down. What to install is said in deviceErrors.ts.

import { rm } from 'node:fs/promises';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../host/temporaryFolder';
import { messageOf, SlipwayError } from '../base/errors';
import { throwIfCancelled, type Task } from '../base/task';
import { graph, model, node, valueInfo } from '../ir/builder';
import { DataType } from '../ir/dataType';
import { writeModel } from '../onnx/writeModel';
import { readLimits } from './cgroup';
import { deviceTitles, installHint, providerOf } from './deviceErrors';
import { describeMachine } from './machine';
import { nodesByProvider, readProfile } from './profile/profileEvents';
import { startRunner } from './runner/runnerProcess';
import { deviceNames, type DeviceName } from './runner/session';

export interface Device {
  /** What --device takes. */
  name: string;
  /** What people call it. */
  title: string;
  /** Name in ONNX Runtime's profiles. */
  provider: string;
  /** This build of ONNX Runtime knows it on this platform. */
  offered: boolean;
  /** A small model was loaded, run, and its node ran there. */
  available: boolean;
  /** The hardware, as far as it is told; why it is not available otherwise. */
  detail: string;
  /** What to install; null when it is available or cannot be on this platform. */
  install: string | null;
}

/** Every device that ONNX Runtime's Node package knows somewhere; those usable here first. */
export async function listDevices(task: Task): Promise<Device[]> {
  const machine = await describeMachine(task);
  const offered = new Set(machine.offered);
  const devices: Device[] = [];
  const folder = await temporaryFolder('devices');
  try {
    const path = join(folder, 'probe.onnx');
    await writeModel(probeModel(), path, {}, { signal: task.signal, report: () => undefined });
    for (const [index, name] of deviceNames.entries()) {
      throwIfCancelled(task);
      task.report({ stage: `Trying ${name}`, done: index, total: deviceNames.length });
      const common = { name, title: deviceTitles[name], provider: providerOf[name] };
      if (name === 'cpu') {
        devices.push({ ...common, offered: true, available: true, detail: cpuText(machine), install: null });
      } else if (!offered.has(name)) {
        const detail = `ONNX Runtime ${machine.onnxruntime} for ${machine.platform} is built without it.`;
        devices.push({ ...common, offered: false, available: false, detail, install: null });
      } else {
        devices.push({ ...common, offered: true, ...(await tryDevice(name, path, folder, task)) });
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const rank = (device: Device) => (device.available ? 0 : device.offered ? 1 : 2);
  return devices.sort((a, b) => rank(a) - rank(b));
}

function cpuText(machine: { cpu: string; cores: number; instructionSets: readonly string[] }): string {
  const quota = readLimits().cpus;
  const sets = machine.instructionSets.length > 0 ? `, ${machine.instructionSets.join(', ')}` : '';
  const limit = quota === undefined ? '' : ` (a quota of ${quota})`;
  return `${machine.cpu}, ${machine.cores} processors to use${limit}${sets}`;
}

/** y = x · x: every provider has it. */
const probeModel = () =>
  model(
    graph({
      nodes: [node('Mul', ['x', 'x'], ['y'], { name: 'square' })],
      inputs: [valueInfo('x', DataType.FLOAT, [1, 4])],
      outputs: [valueInfo('y', DataType.FLOAT, [1, 4])],
    }),
  );

async function tryDevice(
  device: DeviceName,
  path: string,
  folder: string,
  task: Task,
): Promise<Pick<Device, 'available' | 'detail' | 'install'>> {
  const runner = startRunner({ timeoutMs: 60_000 });
  try {
    const profilePrefix = join(folder, device);
    const session = await runner.load(path, { device, profilePrefix }, task);
    const x = { type: 'float32', dims: [1, 4], data: Float32Array.of(1, 2, 3, 4) } as const;
    await session.run({ x }, task);
    const { nodes } = await readProfile(await session.endProfile(), new Set(), task);
    const counts = nodesByProvider(nodes);
    if ((counts[providerOf[device]] ?? 0) > 0)
      return { available: true, detail: hardwareText(device), install: null };
    const ran = Object.keys(counts).join(', ');
    return {
      available: false,
      detail: `It loads, but ${ran} ran the test's node: a silent fall-back.`,
      install: installHint(device),
    };
  } catch (error) {
    if (error instanceof SlipwayError && error.kind === 'cancelled') throw error;
    const detail = messageOf(error).replace(installHint(device), '').trim();
    return { available: false, detail, install: installHint(device) };
  } finally {
    await runner.dispose();
  }
}

/** Names of NVIDIA's cards from its driver; nothing is known of others. */
function hardwareText(device: DeviceName): string {
  if (device === 'cuda' || device === 'tensorrt') {
    try {
      const base = '/proc/driver/nvidia/gpus';
      const names = readdirSync(base).flatMap(
        (card) => /^Model:\s*(.+)$/m.exec(readFileSync(join(base, card, 'information'), 'utf8'))?.[1] ?? [],
      );
      if (names.length > 0) return names.join(', ');
    } catch {
      // Windows, or no driver's file; the test has shown that it works.
    }
  }
  return 'A test model ran on it.';
}
