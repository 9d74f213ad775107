// Child processes that run our own built scripts: how they are started, ended, and kept from outliving us.
// What is said over their channels is their owners' business.

import type { ChildProcess } from 'node:child_process';
import { scriptPath } from './scripts';

export interface ScriptOptions {
  readonly args?: readonly string[];
  /** Added to this process's environment; undefined removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Opens a Node message channel whose values keep typed arrays and bigints. */
  readonly messages?: boolean;
  /** Called with each piece of standard output; without it the output is thrown away. */
  readonly onOutput?: (text: string) => void;
  /** Called with each piece of standard error, which is also kept for `errorTail`. */
  readonly onError?: (text: string) => void;
}

/** How a process ended: by itself with a code, by a signal, or never having started. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly startError?: Error;
}

export interface Script {
  /** 0 when the process could not be started. */
  readonly processId: number;
  readonly child: ChildProcess;
  /** Resolves once, when the process is gone and its output was read to the end; never rejects. */
  readonly exited: Promise<Exit>;
  /** The last 64 KB of standard error. */
  errorTail(): string;
  /** Asks the process to end (SIGTERM) and forces it (SIGKILL) after `graceMs`; 0 forces it at once. */
  stop(graceMs?: number): Promise<Exit>;
}

const tailBytes = 64 * 1024;

/** Starts a built script, `runner.js`, with the Node that runs us. It ends when we do, if it calls `endWithParent`. */
export const startScript = (name: string, options: ScriptOptions = {}): Script =>
  startScriptFile(scriptPath(name), options);

/** The same for a script at any path. */
export function startScriptFile(path: string, options: ScriptOptions = {}): Script {
  const env: NodeJS.ProcessEnv = { ...process.env, ...options.env };
  // ONNX Runtime's own builds report usage to their maker, and leave logs in the temporary folder and a device
  // id in the cache folder, unless this is set. Nothing of ours sends anything anywhere.
  env['ORT_DISABLE_TELEMETRY'] = '1';
  // Under Electron process.execPath is the editor; this makes it behave as Node.
  if (process.versions['electron'] !== undefined) env['ELECTRON_RUN_AS_NODE'] = '1';
  // Read only now: most commands start no process.
  const { spawn } = process.getBuiltinModule('node:child_process');
  const child = spawn(process.execPath, [path, ...(options.args ?? [])], {
    env,
    cwd: options.cwd,
    stdio: ['pipe', 'pipe', 'pipe', ...(options.messages ? (['ipc'] as const) : [])],
    serialization: 'advanced',
    windowsHide: true,
  });
  let tail = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => options.onOutput?.(text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    tail = (tail + text).slice(-tailBytes);
    options.onError?.(text);
  });
  // Writing to a process that has just died is not our error; `exited` tells what happened.
  child.stdin?.on('error', () => undefined);

  let ended = false;
  const exited = new Promise<Exit>((resolve) => {
    const settle = (exit: Exit) => {
      ended = true;
      resolve(exit);
    };
    child.once('error', (error) => {
      if (child.pid === undefined) settle({ code: null, signal: null, startError: error });
    });
    // "close" waits for the pipes, which a grandchild may hold; it gets a moment after "exit".
    child.once('exit', (code, signal) => {
      const timer = setTimeout(() => settle({ code, signal }), 500);
      child.once('close', () => {
        clearTimeout(timer);
        settle({ code, signal });
      });
    });
  });
  return {
    processId: child.pid ?? 0,
    child,
    exited,
    errorTail: () => tail,
    async stop(graceMs = 2000) {
      if (ended) return exited;
      if (graceMs <= 0) {
        child.kill('SIGKILL');
        return exited;
      }
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
      const exit = await exited;
      clearTimeout(timer);
      return exit;
    },
  };
}

/**
 * For the child's side: ends this process when its parent goes away. A closed channel says so at once; a
 * thread beside looks at the parent's id as well, since native code may hold the main thread for hours.
 */
export function endWithParent(): void {
  process.once('disconnect', () => process.exit(0));
  process.stdin.once('end', () => process.exit(0)).once('error', () => process.exit(0));
  process.stdin.resume();
  const watch = `
    const parent = process.ppid;
    setInterval(() => {
      let gone = process.ppid !== parent;
      if (!gone) try { process.kill(parent, 0); } catch (error) { gone = error.code === 'ESRCH'; }
      if (gone) process.kill(process.pid, 'SIGKILL');
    }, 500);`;
  const limits = { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 2, stackSizeMb: 1 };
  const { Worker } = process.getBuiltinModule('node:worker_threads');
  new Worker(watch, { eval: true, resourceLimits: limits }).unref();
}
