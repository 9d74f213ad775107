// A runner in this very process, for a command that does one job and ends: no second process is started, and no
// tensor is copied from one to the other. What a process of its own gives is given up: a crash of ONNX Runtime ends
// the command, and nothing is heard while a run goes on. So the daemon never uses it, and a command that does is told
// when it begins and ends, to leave its signals to the system meanwhile (cli/nativeRuns.ts).

import { basename } from 'node:path';
import { messageOf, SlipwayError } from '../../base/errors';
import { throwIfCancelled, type Task } from '../../base/task';
import type { RunnerProcess } from './runnerProcess';
import { loadedSession, type CallRunner } from './loadedSession';
import type * as RunnerCallsModule from './runnerCalls';
import type { RunnerCall, RunnerCalls } from './runnerMessages';

/** Called around everything that ONNX Runtime does. */
export interface NativeHooks {
  readonly enter: () => void;
  readonly leave: () => void;
}

/** Returns at once; ONNX Runtime is loaded with the first call. Dispose it, to release what it still holds. */
export function startLocalRunner(hooks?: NativeHooks): RunnerProcess {
  const sessions = new Set<number>();
  let disposed = false;
  let last: Promise<unknown> = Promise.resolve();

  const call: CallRunner = async (name, params, task) => {
    if (task) throwIfCancelled(task);
    const answered = last.then(() => answer(name, params, sessions, task, hooks));
    last = answered.catch(() => undefined);
    return answered;
  };

  return {
    processId: process.pid,
    get ended() {
      return disposed;
    },
    exited: new Promise(() => undefined),
    async load(path, options, task) {
      const loaded = await call('load', { path, options }, task);
      return loadedSession(call, basename(path), loaded, () => !disposed);
    },
    peakRssBytes: () => call('peakRss', null, undefined),
    rssBytes: () => call('rss', null, undefined),
    describe: (task) => call('describe', null, task),
    errorTail: () => '',
    async dispose() {
      if (disposed) return;
      await last;
      for (const session of [...sessions]) await call('release', { session }, undefined);
      disposed = true;
    },
  };
}

async function answer<C extends RunnerCall>(
  name: C,
  params: RunnerCalls[C]['params'],
  sessions: Set<number>,
  task: Task | undefined,
  hooks: NativeHooks | undefined,
): Promise<RunnerCalls[C]['result']> {
  if (task) throwIfCancelled(task);
  const { runnerAnswers } = await loaded();
  hooks?.enter();
  const result = await runnerAnswers[name](params)
    .catch((error: unknown) => {
      throw error instanceof SlipwayError ? error : new SlipwayError('runnerFailed', messageOf(error));
    })
    .finally(() => hooks?.leave());
  if (name === 'load') sessions.add((result as RunnerCalls['load']['result']).session);
  if (name === 'release') sessions.delete((params as RunnerCalls['release']['params']).session);
  if (task) throwIfCancelled(task);
  return result;
}

let answers: Promise<typeof RunnerCallsModule> | undefined;

function loaded(): Promise<typeof RunnerCallsModule> {
  if (!answers) {
    // As for a runner process (host/processes.ts).
    process.env['ORT_DISABLE_TELEMETRY'] = '1';
    answers = import('./runnerCalls').then((calls) => {
      calls.keepQuiet();
      return calls;
    });
  }
  return answers;
}
