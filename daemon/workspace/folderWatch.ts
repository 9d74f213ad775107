// Tells which files of one folder were written, replaced or removed, by their names, once they are quiet. A folder of a
// thousand files takes one watch of the system, not a thousand; for single files anywhere there is fileWatch.ts.

import { mkdirSync, watch, type FSWatcher } from 'node:fs';

const quietMs = 100;

/**
 * Watches from the moment it returns; the folder is made when there is none. Call the returned function to stop. A folder
 * that cannot be watched costs the news, nothing else.
 */
export function watchFolder(folder: string, told: (name: string) => void): () => void {
  const timers = new Map<string, NodeJS.Timeout>();
  let watcher: FSWatcher | undefined;
  const touched = (_event: string, name: string | null) => {
    if (name === null) return;
    clearTimeout(timers.get(name));
    const settle = () => {
      timers.delete(name);
      told(name);
    };
    timers.set(name, setTimeout(settle, quietMs).unref());
  };
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    watcher = watch(folder, { persistent: false }, touched);
    watcher.on('error', () => undefined);
  } catch {
    // Told above.
  }
  return () => {
    watcher?.close();
    for (const timer of timers.values()) clearTimeout(timer);
    timers.clear();
  };
}
