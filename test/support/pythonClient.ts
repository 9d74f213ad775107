// Python with its `websockets` package, for the client that is not ours: a virtual environment of its own under
// .cache/, made once, and made again when it was left half done.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from './paths';

const wanted = 'websockets==15.0.1';

/** Path of a Python that has `websockets`, or a line that says what is missing. */
export function pythonWithWebSockets(): { python: string } | { missing: string } {
  const folder = join(repository, '.cache', 'second-client');
  const python = join(
    folder,
    ...(process.platform === 'win32' ? ['Scripts', 'python.exe'] : ['bin', 'python']),
  );
  const complete = join(folder, 'complete');
  if (existsSync(complete)) return { python };
  const system = ['python3', 'python'].find(
    (name) => run(name, ['-c', 'import sys; sys.exit(sys.version_info < (3, 9))']).ok,
  );
  if (system === undefined)
    return { missing: 'Python 3.9 or newer is missing (Debian: sudo apt-get install python3 python3-venv).' };
  mkdirSync(join(repository, '.cache'), { recursive: true });
  rmSync(folder, { recursive: true, force: true });
  const made = run(system, ['-m', 'venv', folder]);
  if (!made.ok)
    return {
      missing: `Python cannot make a virtual environment (Debian: sudo apt-get install python3-venv): ${made.said}`,
    };
  const installed = run(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', wanted]);
  if (!installed.ok) return { missing: `pip cannot install ${wanted}: ${installed.said}` };
  writeFileSync(complete, `${wanted}\n`);
  return { python };
}

function run(program: string, args: readonly string[]): { ok: boolean; said: string } {
  const done = spawnSync(program, args, { encoding: 'utf8', timeout: 180_000 });
  const lines = `${done.stdout}\n${done.stderr}`.trim().split('\n');
  return { ok: done.status === 0, said: lines.at(-1) ?? '' };
}
