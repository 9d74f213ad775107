// Commands that run ONNX Runtime in their own process: while it works no JavaScript runs, so that Ctrl-C must be left to
// the system, and a crash says nothing. A note in the state folder tells the next command what became of this one: what it
// left is removed, and when the same command comes again its models run in a process whose end is told in words.

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isAlive, removeLeftBy } from '../host/atomicFile';
import { stateFolder } from '../host/stateFolder';
import { removeFoldersOf } from '../host/temporaryFolder';
import type { NativeHooks } from '../runtime/runner/localRunner';

interface Note {
  readonly words: readonly string[];
  readonly folder: string;
  readonly output: string | undefined;
}

const folderOfNotes = () => join(stateFolder(), 'running');

/** Removes what commands left that are gone, and gives the words of each. */
export function unfinishedCommands(): (readonly string[])[] {
  let names: string[];
  try {
    names = readdirSync(folderOfNotes());
  } catch {
    return [];
  }
  const found: (readonly string[])[] = [];
  for (const name of names) {
    const processId = Number(/^(\d+)\.json$/.exec(name)?.[1]);
    if (!(processId > 0) || isAlive(processId)) continue;
    const path = join(folderOfNotes(), name);
    try {
      const text = readFileSync(path, 'utf8');
      rmSync(path, { force: true });
      const note = JSON.parse(text) as Partial<Note> | null;
      removeFoldersOf(processId);
      if (typeof note?.output === 'string') removeLeftBy(processId, note.output);
      if (typeof note?.folder === 'string' && Array.isArray(note.words))
        found.push([note.folder, ...note.words.map(String)]);
    } catch {
      // Half a note, or another command has taken it.
    }
  }
  return found;
}

/** Whether one of those was this very command, in this folder. */
export const cameBefore = (unfinished: readonly (readonly string[])[], words: readonly string[]): boolean =>
  unfinished.some((one) => JSON.stringify(one) === JSON.stringify([process.cwd(), ...words]));

/**
 * What to do around everything that ONNX Runtime does: the first time the note is written, and each time `release` and
 * `take` hand the signals over and take them back. The note goes when the process ends by itself.
 */
export function nativeHooks(
  words: readonly string[],
  output: string | undefined,
  signals: { readonly release: () => void; readonly take: () => void },
): NativeHooks {
  let noted = false;
  const note = () => {
    noted = true;
    const path = join(folderOfNotes(), `${process.pid}.json`);
    const text: Note = {
      words,
      folder: process.cwd(),
      output: output === undefined ? undefined : resolve(output),
    };
    try {
      mkdirSync(folderOfNotes(), { recursive: true, mode: 0o700 });
      writeFileSync(path, JSON.stringify(text), { mode: 0o600 });
      process.once('exit', () => rmSync(path, { force: true }));
    } catch {
      // Without a state folder nothing is told; the work goes on.
    }
  };
  return {
    enter() {
      if (!noted) note();
      signals.release();
    },
    leave: signals.take,
  };
}
