// Tells when a watched file changed or went away, once things are quiet: a file that is being written or
// replaced by a rename gives one event, not ten.

import type { FSWatcher } from 'chokidar';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Disposable } from '../base/disposable';

const quietMs = 150;

interface Watched {
  holders: number;
  /** What the file looked like when the last event went out. */
  seen: string;
  timer?: NodeJS.Timeout;
}

export class FileWatch implements Disposable {
  private readonly files = new Map<string, Watched>();
  /** Folders of the files, for as long as the watcher lives. */
  private readonly folders = new Set<string>();
  private watcher: Promise<FSWatcher> | undefined;
  private disposed = false;

  constructor(private readonly changed: (path: string, exists: boolean) => void) {}

  /** Watches a file; call the returned function to stop. A file may be watched several times. */
  add(path: string): () => void {
    let file = this.files.get(path);
    if (file) file.holders += 1;
    else {
      file = { holders: 1, seen: '' };
      this.files.set(path, file);
      this.folders.add(dirname(path));
      void this.begin(path, file);
    }
    const watched = file;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      watched.holders -= 1;
      if (watched.holders > 0) return;
      clearTimeout(watched.timer);
      this.files.delete(path);
      void this.watcher?.then((watcher) => (this.files.has(path) ? undefined : watcher.unwatch(path)));
    };
  }

  async dispose(): Promise<void> {
    this.disposed = true;
    for (const file of this.files.values()) clearTimeout(file.timer);
    this.files.clear();
    await (await this.watcher)?.close();
  }

  private async begin(path: string, file: Watched): Promise<void> {
    file.seen = await lookOf(path);
    if (this.disposed) return;
    this.watcher ??= this.createWatcher();
    (await this.watcher).add([dirname(path), path]);
    // A change between the look and the watch would go unseen.
    this.touched(path);
  }

  private async createWatcher(): Promise<FSWatcher> {
    const { watch } = await import('chokidar');
    // Folders are watched, one level deep and blind to all but our files: a watch on a file is lost with the file,
    // and many tools write a model by removing it first.
    const watcher = watch([], {
      ignoreInitial: true,
      usePolling: false,
      atomic: false,
      depth: 0,
      ignored: (path) => !this.files.has(path) && !this.folders.has(path),
    });
    watcher.on('all', (_event, path) => this.touched(path));
    // A watch that the system refuses (too many) costs the news of changes, not the daemon.
    watcher.on('error', () => undefined);
    return watcher;
  }

  private touched(path: string): void {
    const file = this.files.get(path);
    if (!file || this.disposed) return;
    clearTimeout(file.timer);
    file.timer = setTimeout(() => void this.settle(path, file), quietMs);
  }

  private async settle(path: string, file: Watched): Promise<void> {
    const look = await lookOf(path);
    if (look === file.seen || this.files.get(path) !== file) return;
    file.seen = look;
    this.changed(path, look !== gone);
  }
}

const gone = 'gone';

async function lookOf(path: string): Promise<string> {
  try {
    const { size, mtimeNs, ino } = await stat(path, { bigint: true });
    return `${String(size)} ${String(mtimeNs)} ${String(ino)}`;
  } catch {
    return gone;
  }
}
