// The owner's side of a runner process: calls in, answers out; cancelling, crashing and hanging all end the
// process, because ONNX Runtime cannot be interrupted. One process serves one job (withRunner).

import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cancelled, SlipwayError } from '../../base/errors';
import { throwIfCancelled, type Task } from '../../base/task';
import { memoryKills } from '../../host/memoryKills';
import { startScript, startScriptFile, type Exit } from '../../host/processes';
import { withMissingLibraries } from '../deviceErrors';
import { loadedSession } from './loadedSession';
import type {
  RunnerCall,
  RunnerCalls,
  RunnerReply,
  RunnerRequest,
  RuntimeDescription,
} from './runnerMessages';
import type { Runner, RunnerSession, SessionOptions } from './session';

export interface RunnerOptions {
  /** A call that takes longer ends the process with `timeout`; ten minutes when absent. Time that timeRuns was given comes on top. */
  readonly timeoutMs?: number;
  /**
   * Give memory back to the system as soon as it is free. The C library otherwise keeps what the last model took, while
   * the next is loaded. Not for measuring: pages that were given back must be fetched again.
   */
  readonly frugal?: boolean;
  /** Another script than the built runner.js, for tests. */
  readonly script?: string;
}

/** A runner that can also say what ONNX Runtime build it has. */
export interface RunnerProcess extends Runner {
  /** Version and devices of its ONNX Runtime. */
  describe(task: Task): Promise<RuntimeDescription>;
  /** The last of what the process wrote to standard error, where native libraries say what they miss. */
  errorTail(): string;
  /** True once the process has ended or was told to. */
  readonly ended: boolean;
  /** Resolves when the process is gone; never rejects. */
  readonly exited: Promise<unknown>;
}

interface Pending {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

const lateMs = 50;
const defaultTimeoutMs = 10 * 60_000;
const frugalThreshold = 128 * 1024;

/**
 * Starts a runner process. It returns at once; a process that cannot start makes the first call reject.
 * Dispose it, also after an error: that ends the process.
 */
export function startRunner(options: RunnerOptions = {}): RunnerProcess {
  // Setting the threshold of glibc also keeps it from growing; other systems do not look at it.
  const env = options.frugal === true ? { MALLOC_TRIM_THRESHOLD_: String(frugalThreshold) } : {};
  const script =
    options.script === undefined
      ? startScript('runner.js', { messages: true, env })
      : startScriptFile(options.script, { messages: true, env });
  const pending = new Map<number, Pending>();
  let nextId = 1;
  let models: string[] = [];
  /** Set once the process must not be used any more. */
  let ending: 'killed' | 'disposed' | 'exited' | undefined;
  let death: SlipwayError | undefined;
  const killsBefore = memoryKills();

  script.child.on('message', (reply: RunnerReply) => {
    const waiting = pending.get(reply.id);
    pending.delete(reply.id);
    if ('error' in reply) waiting?.reject(new SlipwayError(reply.error.kind, reply.error.message));
    else waiting?.resolve(reply.result);
  });
  script.child.on('error', () => undefined); // told by `exited`
  void script.exited.then((exit) => {
    const outOfMemory = (memoryKills() ?? 0) > (killsBefore ?? Number.POSITIVE_INFINITY);
    death = deathError(exit, models, script.errorTail(), ending, outOfMemory);
    ending ??= 'exited';
    for (const waiting of pending.values()) waiting.reject(death);
    pending.clear();
  });

  const kill = () => {
    ending ??= 'killed';
    void script.stop(0);
  };

  function call<C extends RunnerCall>(
    name: C,
    params: RunnerCalls[C]['params'],
    task: Task | undefined,
    extraMs = 0,
  ): Promise<RunnerCalls[C]['result']> {
    return new Promise((resolve, reject) => {
      if (task) throwIfCancelled(task);
      if (ending !== undefined) throw death ?? gone(models);
      const id = nextId++;
      const finish = () => {
        pending.delete(id);
        clearTimeout(timer);
        task?.signal.removeEventListener('abort', onAbort);
      };
      const stopWith = (error: SlipwayError) => {
        finish();
        kill();
        reject(error);
      };
      const onAbort = () => stopWith(cancelled());
      const limit = (options.timeoutMs ?? defaultTimeoutMs) + extraMs;
      const timer = setTimeout(() => stopWith(timeoutError(limit, models)), limit);
      task?.signal.addEventListener('abort', onAbort, { once: true });
      pending.set(id, {
        resolve: (result) => {
          finish();
          resolve(result as RunnerCalls[C]['result']);
        },
        reject: (error) => {
          finish();
          reject(error);
        },
      });
      const request = { id, call: name, params } as RunnerRequest;
      // A failed send means that the process is going; `exited` rejects the call with the reason.
      try {
        script.child.send(request, () => undefined);
      } catch (error) {
        finish();
        throw error;
      }
    });
  }

  async function load(modelPath: string, sessionOptions: SessionOptions, task: Task): Promise<RunnerSession> {
    models = [...models, basename(modelPath)];
    const { device = 'cpu' } = sessionOptions;
    const loaded = await call('load', { path: modelPath, options: sessionOptions }, task).catch(
      async (error: unknown) => {
        if (device === 'cpu') throw error;
        // Standard error comes by another way than the answer, and may be a little later.
        await sleep(lateMs);
        throw withMissingLibraries(error, device, script.errorTail());
      },
    );
    return loadedSession(call, basename(modelPath), loaded, () => ending === undefined);
  }

  return {
    processId: script.processId,
    get ended() {
      return ending !== undefined;
    },
    exited: script.exited,
    load,
    peakRssBytes: () => call('peakRss', null, undefined),
    rssBytes: () => call('rss', null, undefined),
    describe: (task) => call('describe', null, task),
    errorTail: () => script.errorTail(),
    async dispose() {
      ending ??= 'disposed';
      await script.stop(0);
    },
  };
}

let startForJob: (options: RunnerOptions) => RunnerProcess = startRunner;

/** What `withRunner` starts from now on; a command that does one job gives `startLocalRunner`. */
export function setJobRunner(start: (options: RunnerOptions) => RunnerProcess): void {
  startForJob = start;
}

/** A runner for a part of one job; as `startRunner`, or whatever was set. */
export const startJobRunner = (options: RunnerOptions = {}): RunnerProcess => startForJob(options);

/** Runs `work` with a fresh runner and ends the process afterwards, whatever happens. */
export async function withRunner<T>(
  task: Task,
  work: (runner: RunnerProcess) => Promise<T>,
  options: RunnerOptions = {},
): Promise<T> {
  throwIfCancelled(task);
  const runner = startForJob(options);
  try {
    return await work(runner);
  } finally {
    await runner.dispose();
  }
}

/** Runs `work` with the runner that is there, which goes on living, or with a fresh one. */
export const useRunner = <R extends Runner, T>(
  runner: R | undefined,
  task: Task,
  work: (runner: R | RunnerProcess) => Promise<T>,
): Promise<T> => (runner ? work(runner) : withRunner(task, work));

const ofModels = (models: readonly string[]) =>
  models.length === 0 ? 'The runner process' : `The runner process of ${[...new Set(models)].join(', ')}`;

const gone = (models: readonly string[]) =>
  new SlipwayError('runnerDied', `${ofModels(models)} has ended. Run the job again.`);

const timeoutError = (limitMs: number, models: readonly string[]) =>
  new SlipwayError(
    'timeout',
    `${ofModels(models)} gave no answer within ${(limitMs / 1000).toFixed(limitMs < 10_000 ? 1 : 0)} s and was stopped. ` +
      'The model may be too large for this machine, or the machine is very busy.',
  );

/** Lines that Node prints around the words that matter: stack frames, brackets, its version. */
const stackLine = /^\s*(?:at |\d+: |node:internal|code: |requireStack|throw |\^|[{}[\]]|Node\.js v|-{4,})/;

function deathError(
  exit: Exit,
  models: readonly string[],
  errorTail: string,
  ending: string | undefined,
  outOfMemory: boolean,
): SlipwayError {
  if (ending !== undefined) return gone(models);
  if (exit.startError) {
    return new SlipwayError('runnerDied', `The runner process could not start: ${exit.startError.message}`, {
      cause: exit.startError,
    });
  }
  const how =
    exit.signal !== null
      ? `was ended by signal ${exit.signal}`
      : `ended with exit code ${exit.code ?? 'unknown'}`;
  const memory =
    exit.signal === 'SIGKILL'
      ? outOfMemory
        ? ' The system ended it because memory ran out: use a smaller batch, or a machine with more memory.'
        : ' The system may have ended it because memory ran out, or somebody did.'
      : /out of memory|bad_alloc|cannot allocate memory|Allocation failed/i.test(errorTail)
        ? ' Memory ran out: use a smaller batch, or a machine with more memory.'
        : '';
  const lines = errorTail
    .split('\n')
    .filter((line) => line.trim() !== '' && !stackLine.test(line))
    .slice(-5)
    .join('\n')
    .slice(-1000);
  const said = lines === '' ? '' : ` It last said: ${lines}`;
  return new SlipwayError('runnerDied', `${ofModels(models)} ${how}.${memory}${said}`, {
    data: { code: exit.code, signal: exit.signal, models },
  });
}
