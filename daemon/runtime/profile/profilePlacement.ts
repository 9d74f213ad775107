// Which execution provider ran each node: one short profiled run, read back. Nothing is timed for the user here.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '../../host/temporaryFolder';
import type { Task } from '../../base/task';
import type { Placement } from '../benchmark/benchmarkMeasurement';
import { nodesByProvider, readProfile } from './profileEvents';
import { partsOf } from './profileParts';
import { withRunner } from '../runner/runnerProcess';
import type { DeviceName, Feeds } from '../runner/session';

/** Runs the model twice on the device and says where its nodes ran; a warning tells of every fall-back. */
export async function placementOf(
  path: string,
  options: { readonly device: DeviceName; readonly threads?: number | undefined },
  feeds: Feeds,
  task: Task,
): Promise<{ placement: Placement; warnings: string[] }> {
  const folder = await temporaryFolder('placement');
  try {
    const text = await withRunner(task, async (runner) => {
      const profilePrefix = join(folder, 'profile');
      const { device, threads = 1 } = options;
      const session = await runner.load(path, { device, threads, profilePrefix }, task);
      await session.timeRuns(feeds, { runs: 2, maxMs: 60_000 }, task);
      return session.endProfile();
    });
    const { nodes } = await readProfile(text, new Set([0]), task);
    const { fallback, warnings } = partsOf(nodes, undefined, options.device);
    return {
      placement: {
        nodes: nodesByProvider(nodes),
        fallbackShare: fallback?.nodeShare ?? 0,
        fallbackTimeShare: fallback?.timeShare ?? 0,
      },
      warnings,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
