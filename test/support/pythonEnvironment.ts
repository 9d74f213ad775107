// Python with packages from PyPI, for what is not ours (a client, a peer to agree with): a virtual environment of
// its own under .cache/, made once, and made again when it was left half done. Test files run side by side and may
// ask for the same one: the first makes it, the others wait.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from './paths';

/** Path of a Python that has the packages (`name==version`), or a line that says what is missing. */
export function pythonWith(
  name: string,
  packages: readonly string[],
): { python: string } | { missing: string } {
  const folder = join(repository, '.cache', name);
  const python = join(
    folder,
    ...(process.platform === 'win32' ? ['Scripts', 'python.exe'] : ['bin', 'python']),
  );
  const complete = join(folder, 'complete');
  if (existsSync(complete)) return { python };
  const system = ['python3', 'python'].find(
    (program) => run(program, ['-c', 'import sys; sys.exit(sys.version_info < (3, 9))']).ok,
  );
  if (system === undefined)
    return { missing: 'Python 3.9 or newer is missing (Debian: sudo apt-get install python3 python3-venv).' };
  mkdirSync(join(repository, '.cache'), { recursive: true });
  return alone(`${folder}.lock`, () =>
    existsSync(complete) ? { python } : make(system, python, folder, packages, complete),
  );
}

function make(
  system: string,
  python: string,
  folder: string,
  packages: readonly string[],
  complete: string,
): { python: string } | { missing: string } {
  rmSync(folder, { recursive: true, force: true });
  const made = run(system, ['-m', 'venv', folder]);
  if (!made.ok)
    return {
      missing: `Python cannot make a virtual environment (Debian: sudo apt-get install python3-venv): ${made.said}`,
    };
  const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages];
  const installed = run(python, install);
  if (!installed.ok) return { missing: `pip cannot install ${packages.join(' ')}: ${installed.said}` };
  writeFileSync(complete, `${packages.join('\n')}\n`);
  return { python };
}

/** Does the work while no other process does any under this lock; the lock of a process that ended is taken over. */
function alone<Result>(lock: string, work: () => Result): Result {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch {
      if (!isHeld(lock)) rmSync(lock, { force: true });
      else Atomics.wait(pause, 0, 0, 200);
    }
  }
  try {
    return work();
  } finally {
    rmSync(lock, { force: true });
  }
}

function isHeld(lock: string): boolean {
  try {
    const owner = Number(readFileSync(lock, 'utf8'));
    // An empty file is one whose owner is just about to write its number.
    if (owner > 0) process.kill(owner, 0);
    return true;
  } catch {
    return false;
  }
}

/** Runs a script with `input` as JSON on its standard input; the JSON that it prints. Throws what it said otherwise. */
export function askPython(python: string, script: string, input: unknown): unknown {
  const done = spawnSync(python, ['-c', script], {
    input: JSON.stringify(input),
    encoding: 'utf8',
    timeout: 300_000,
    maxBuffer: 2 ** 28,
  });
  if (done.status !== 0) throw new Error(`Python failed: ${done.stderr}`);
  return JSON.parse(done.stdout);
}

function run(program: string, args: readonly string[]): { ok: boolean; said: string } {
  const done = spawnSync(program, args, { encoding: 'utf8', timeout: 300_000 });
  const lines = `${done.stdout}\n${done.stderr}`.trim().split('\n');
  return { ok: done.status === 0, said: lines.at(-1) ?? '' };
}
