// Finds the daemon or starts it: our built `slipway.js daemon` says where it listens, whether it was already
// running or not. The daemon outlives the window on purpose (several windows share it) and ends when idle.

import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type * as vscode from 'vscode';
import { daemonFlags } from './daemonFlags';

/** What the daemon file holds. */
export interface DaemonAddress {
  readonly protocolVersion: number;
  readonly daemonVersion: string;
  readonly port: number;
  readonly token: string;
}

const startTimeoutMs = 20_000;

/** Starts or finds the daemon and returns its address. Rejects with a sentence when it does not come up. */
export async function launchDaemon(script: string, log: vscode.LogOutputChannel): Promise<DaemonAddress> {
  const file = await new Promise<string>((resolve, reject) => {
    const child = spawn(process.execPath, [...daemonFlags, script, 'daemon'], {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
    });
    const said: string[] = [];
    const fail = (why: string) => {
      finish();
      reject(new Error(`The Slipway daemon did not start: ${why} ${said.slice(-5).join(' ')}`.trim()));
    };
    const timer = setTimeout(() => {
      child.kill();
      fail(`it said nothing for ${startTimeoutMs / 1000} s.`);
    }, startTimeoutMs);
    const lines = createInterface({ input: child.stdout });
    const finish = () => {
      clearTimeout(timer);
      lines.close();
      child.stdout.destroy();
      child.stderr.destroy();
      child.unref();
    };
    child.on('error', (error) => fail(`${error.message}.`));
    // `close` comes after the last word on stderr, `exit` may not.
    child.on('close', (code) => fail(`it ended with code ${code ?? 'none'}.`));
    createInterface({ input: child.stderr }).on('line', (line) => said.push(line));
    lines.on('line', (line) => {
      log.info(`daemon: ${line}`);
      const answer = parseLine(line);
      if (answer === undefined) return;
      child.removeAllListeners('close');
      finish();
      resolve(answer);
    });
  });
  return JSON.parse(await readFile(file, 'utf8')) as DaemonAddress;
}

function parseLine(line: string): string | undefined {
  try {
    const said = JSON.parse(line) as { file?: unknown };
    return typeof said.file === 'string' ? said.file : undefined;
  } catch {
    return undefined;
  }
}
