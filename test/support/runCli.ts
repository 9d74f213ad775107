// Runs the built `slipway` command as a process of its own.

import { spawn, type ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { distFolder, repository } from './paths';

export interface CliRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The built command. */
export const cliScript = () => join(distFolder, 'slipway.js');

/** The history of commands that tests run: not the user's. */
const stateOfTests = join(repository, 'out', 'state', String(process.pid));
process.once('exit', () => rmSync(stateOfTests, { recursive: true, force: true }));

/** Starts it; the caller ends it. */
export const startCli = (...args: readonly string[]): ChildProcess =>
  spawn(process.execPath, [cliScript(), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { SLIPWAY_STATE: stateOfTests, ...process.env },
  });

/** Runs it to its end. */
export function runCli(...args: readonly string[]): Promise<CliRun> {
  return collect(startCli(...args));
}

/** Waits for the end of a started command and gathers what it said. */
export function collect(child: ChildProcess): Promise<CliRun> {
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}
