// Folders for what a job writes only to read it again. Their names say whose they are, so that those of a process that
// was killed can be told and taken away.

import { lstatSync, readdirSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A new folder, `slipway-fusion-4711-Xy12Zz`; whoever asks removes it. */
export const temporaryFolder = (purpose: string): Promise<string> =>
  mkdtemp(join(tmpdir(), `slipway-${purpose}-${process.pid}-`));

/** Removes the folders that a process left which is gone. */
export function removeFoldersOf(processId: number): void {
  for (const name of readdirSync(tmpdir())) {
    if (!new RegExp(`^slipway-[a-z -]+-${processId}-[A-Za-z0-9]{6}$`).test(name)) continue;
    const path = join(tmpdir(), name);
    try {
      const { uid } = lstatSync(path);
      if (!process.getuid || uid === process.getuid()) rmSync(path, { recursive: true, force: true });
    } catch {
      // It went of itself.
    }
  }
}
