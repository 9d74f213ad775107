// One test in one window: closes it in every case, and says what could be seen when the test fails.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from './paths';
import type { VscodeWindow } from './vscodeWindow';

/** Runs a job in a window and closes it; a failure leaves a picture and carries a description of the window. */
export async function inWindow(
  opening: Promise<VscodeWindow>,
  job: (window: VscodeWindow) => Promise<void>,
): Promise<void> {
  const window = await opening;
  try {
    await job(window);
  } catch (error) {
    const folder = join(repository, 'test-results', 'vscode');
    mkdirSync(folder, { recursive: true });
    await window.page.screenshot({ path: join(folder, 'failure.png') }).catch(() => undefined);
    process.stdout.write(`${await window.describe().catch(String)}\n`);
    throw error;
  } finally {
    await window.close();
  }
}
