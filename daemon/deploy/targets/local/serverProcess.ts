// One model server as a child process: started, waited for, and ended. Which bundle it serves and what becomes
// of its state is localTarget.ts.

import { cancelled, conflict, SlipwayError } from '../../../base/errors';
import type { Task } from '../../../base/task';
import { startScript, type Exit, type Script } from '../../../host/processes';

export interface ServerProcess {
  readonly processId: number;
  readonly url: string;
  /** Resolves when the process is gone. */
  readonly exited: Promise<Exit>;
  /** The end of its log without the lines that only inform. */
  lastLines(): string;
  /** Lets it answer what it has accepted, at most `graceMs`; then it is ended. */
  end(graceMs: number): Promise<Exit>;
}

/** Starts dist/server.js and waits until it is ready. A cancel ends it; a failed start throws what it said. */
export async function startServer(args: readonly string[], task: Task): Promise<ServerProcess> {
  const ready = deferred<string>();
  let output = '';
  const script = startScript('server.js', {
    args: [...args, '--watch-parent'],
    onOutput: (text) => {
      if (output.length > 1 << 16) return;
      output += text;
      const line = output.split('\n', 2);
      if (line.length === 2) ready.resolve(urlOf(line[0] ?? ''));
    },
  });
  const onAbort = () => {
    ready.reject(cancelled());
    void script.stop(0);
  };
  task.signal.addEventListener('abort', onAbort, { once: true });
  if (task.signal.aborted) onAbort();
  void script.exited.then((exit) => ready.reject(startError(script, exit)));
  try {
    const url = await ready.promise;
    return {
      processId: script.processId,
      url,
      exited: script.exited,
      lastLines: () => lastLines(script),
      end: (graceMs) => endInOrder(script, graceMs),
    };
  } catch (error) {
    await script.stop(0);
    throw error;
  } finally {
    task.signal.removeEventListener('abort', onAbort);
  }
}

/** Closing its input ends the server as SIGTERM does, and does so on Windows too, where that signal kills. */
async function endInOrder(script: Script, graceMs: number): Promise<Exit> {
  script.child.stdin?.end();
  const timer = setTimeout(() => void script.stop(0), graceMs);
  const exit = await script.exited;
  clearTimeout(timer);
  return exit;
}

function urlOf(line: string): string {
  try {
    const said = JSON.parse(line) as { ready?: unknown; url?: unknown };
    if (said.ready === true && typeof said.url === 'string') return said.url;
  } catch {
    // Told below.
  }
  throw new SlipwayError('runnerFailed', 'The server said something else than that it is ready.');
}

function startError(script: Script, exit: Exit): SlipwayError {
  const said = lastLines(script);
  if (/^Port \d+ .* is in use\./.test(said)) return conflict(said);
  return new SlipwayError(
    'runnerFailed',
    said === '' ? `The server did not start: it ${exitText(exit)}.` : said,
  );
}

/** `ended with exit code 1`, `was ended by signal SIGKILL`. */
export function exitText(exit: Exit): string {
  if (exit.startError) return `could not be started: ${exit.startError.message}`;
  return exit.signal === null
    ? `ended with exit code ${exit.code ?? 'unknown'}`
    : `was ended by signal ${exit.signal}`;
}

function lastLines(script: Script): string {
  const lines = script.errorTail().trim().split('\n');
  return lines
    .filter((line) => !/^\S+Z info /.test(line))
    .slice(-5)
    .join('\n');
}

function deferred<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}
