// What a runner does: the only code that loads onnxruntime-node. Each call of runnerMessages.ts, answered in the
// process that this is loaded into: a runner process (runner.ts) or the one of a single command (localRunner.ts). It
// checks nothing that its owner has checked (feedCheck.ts).

import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { env, InferenceSession, listSupportedBackends, Tensor } from 'onnxruntime-node';
import { messageOf, SlipwayError } from '../../base/errors';
import { deviceError } from '../deviceErrors';
import { freeSoon } from './freeSoon';
import { CountKernel } from '../calibrate/countKernel';
import { GrowingHistogram, sideBins } from '../calibrate/growingHistogram';
import { loadError, runError } from './ortErrors';
import type { RunnerCall, RunnerCalls } from './runnerMessages';
import type { ElementType, Feeds, SessionOptions, SessionValue, TensorValue } from './session';

export type RunnerAnswers = {
  [C in RunnerCall]: (params: RunnerCalls[C]['params']) => Promise<RunnerCalls[C]['result']>;
};

interface Loaded {
  readonly path: string;
  readonly session: InferenceSession;
  /** Outputs that are tensors; sequences and maps cannot be handed out. */
  readonly outputs: readonly string[];
  readonly profilePrefix: string | undefined;
  timed: Record<string, Tensor> | undefined;
  readonly counted: Map<string, GrowingHistogram>;
  /** What its outputs are counted with. */
  kernel: CountKernel | undefined;
}

const sessions = new Map<number, Loaded>();
let nextSession = 1;
const version = env.versions.node ?? env.versions.common;
let severity: 3 | 4 = 3;
env.logLevel = 'error';

/** Keeps ONNX Runtime from writing to standard error, where that is the user's own; errors are thrown all the same. */
export function keepQuiet(): void {
  severity = 4;
  env.logLevel = 'fatal';
}

/** The answers to a runner's calls. They must be asked for one after another. */
export const runnerAnswers: RunnerAnswers = {
  async load({ path, options }) {
    const started = performance.now();
    let session: InferenceSession;
    try {
      session = await InferenceSession.create(path, ortOptions(options));
    } catch (error) {
      throw deviceError(options.device, messageOf(error)) ?? loadError(path, messageOf(error), version);
    }
    const loadMs = performance.now() - started;
    const inputs = session.inputMetadata.map((value) => {
      if (value.isTensor) return sessionValue(value);
      throw new SlipwayError(
        'unsupported',
        `Input "${value.name}" of ${basename(path)} is not a tensor; only models with tensor inputs can be run.`,
      );
    });
    const outputs = session.outputMetadata.flatMap((value) => (value.isTensor ? [sessionValue(value)] : []));
    const id = nextSession++;
    const names = outputs.map((output) => output.name);
    sessions.set(id, {
      path,
      session,
      outputs: names,
      profilePrefix: options.profilePrefix,
      timed: undefined,
      counted: new Map(),
      kernel: undefined,
    });
    return { session: id, inputs, outputs, loadMs };
  },

  async run({ session, feeds, fetches }) {
    const loaded = find(session);
    try {
      const results = await loaded.session.run(tensors(feeds), fetches ?? loaded.outputs);
      const values: Record<string, TensorValue> = {};
      for (const name of Object.keys(results)) values[name] = tensorValue(results[name] as Tensor);
      return values;
    } catch (error) {
      throw runError(loaded.path, messageOf(error));
    }
  },

  async countValues({ session, feeds, names, keep }) {
    const loaded = find(session);
    try {
      const { bytes, kept } = await countRun(loaded, feeds, names, keep);
      freeSoon(bytes);
      return kept;
    } catch (error) {
      throw runError(loaded.path, messageOf(error));
    }
  },

  countedValues: ({ session }) =>
    Promise.resolve(new Map([...find(session).counted].map(([name, each]) => [name, each.result()]))),

  async timeRuns({ session, feeds, runs, maxMs }) {
    const loaded = find(session);
    if (feeds) loaded.timed = tensors(feeds);
    const inputs = loaded.timed ?? {};
    const times = new Float64Array(runs);
    const running = loaded.session;
    let done = 0;
    try {
      // Nothing but the run stands between the two clock readings.
      const end = performance.now() + maxMs;
      for (let now = 0; done < runs && now < end; done++) {
        const before = performance.now();
        await running.run(inputs);
        now = performance.now();
        times[done] = now - before;
      }
    } catch (error) {
      throw runError(loaded.path, messageOf(error));
    }
    return times.slice(0, done);
  },

  endProfile({ session }) {
    const { session: running, profilePrefix, path } = find(session);
    if (profilePrefix === undefined) {
      throw new SlipwayError('badRequest', `The session of ${basename(path)} was not loaded for profiling.`);
    }
    running.endProfiling();
    // The binding does not say which file was written: it is the prefix and a time stamp.
    const folder = dirname(profilePrefix);
    const names = readdirSync(folder).filter(
      (name) => name.startsWith(`${basename(profilePrefix)}_`) && name.endsWith('.json'),
    );
    const file = names.sort().at(-1);
    if (file === undefined) {
      throw new SlipwayError('runnerFailed', `ONNX Runtime wrote no profile for ${basename(path)}.`);
    }
    const text = readFileSync(join(folder, file), 'utf8');
    for (const name of names) rmSync(join(folder, name), { force: true });
    return Promise.resolve(text);
  },

  async release({ session }) {
    const loaded = sessions.get(session);
    sessions.delete(session);
    await loaded?.session.release();
    return null;
  },

  peakRss: () => Promise.resolve(peakRssBytes()),

  rss: () => Promise.resolve(process.memoryUsage.rss()),

  describe: () =>
    Promise.resolve({
      version,
      providers: listSupportedBackends().flatMap((b) => (b.bundled ? [b.name] : [])),
      offered: listSupportedBackends().map((b) => b.name),
    }),
};

/** Counts the values of one run and gives the bytes that they took; nothing but what is kept refers to them afterwards. */
async function countRun(
  loaded: Loaded,
  feeds: Feeds,
  names: readonly string[],
  keep: readonly string[],
): Promise<{ readonly bytes: number; readonly kept: Feeds }> {
  const { session, counted } = loaded;
  if (counted.size === 0) loaded.kernel = CountKernel.create(sideBins);
  const results = await session.run(tensors(feeds), [...new Set([...names, ...keep])]);
  let bytes = 0;
  for (const name of names) {
    const { data } = results[name] as Tensor;
    if (!(data instanceof Float32Array)) continue;
    bytes += data.byteLength;
    let histogram = counted.get(name);
    if (!histogram) counted.set(name, (histogram = new GrowingHistogram(loaded.kernel)));
    histogram.add(data);
  }
  const kept = keep.map((name) => [name, tensorValue(results[name] as Tensor)] as const);
  return { bytes, kept: Object.fromEntries(kept) };
}

function find(id: number): Loaded {
  const loaded = sessions.get(id);
  if (!loaded) throw new SlipwayError('badRequest', 'The session was released.');
  return loaded;
}

function ortOptions(options: SessionOptions): InferenceSession.SessionOptions {
  return {
    executionProviders: [options.device ?? 'cpu'],
    intraOpNumThreads: options.threads ?? 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: options.graphOptimization ?? 'all',
    logSeverityLevel: severity,
    ...(options.optimizedModelPath === undefined
      ? {}
      : { optimizedModelFilePath: options.optimizedModelPath }),
    ...(options.profilePrefix === undefined
      ? {}
      : { enableProfiling: true, profileFilePrefix: options.profilePrefix }),
    // Keys are "session.disable_quant_qdq"; the binding joins nested names with dots and takes strings only.
    ...(options.config === undefined ? {} : { extra: { ...options.config } }),
  };
}

function sessionValue(value: InferenceSession.TensorValueMetadata): SessionValue {
  return {
    name: value.name,
    type: value.type as ElementType,
    dims: value.shape.map((dim) => (dim === '' ? null : dim)),
  };
}

function tensors(feeds: Feeds): Record<string, Tensor> {
  const made: Record<string, Tensor> = {};
  for (const [name, value] of Object.entries(feeds)) {
    made[name] = new Tensor(value.type as 'float32', value.data as Float32Array, value.dims);
  }
  return made;
}

function tensorValue(tensor: Tensor): TensorValue {
  let data: unknown = tensor.data;
  // Newer Node has Float16Array, and then the binding uses it; the bit patterns are what travels.
  if (tensor.type === 'float16' && !(data instanceof Uint16Array)) {
    const view = data as ArrayBufferView;
    data = new Uint16Array(view.buffer, view.byteOffset, view.byteLength / 2);
  }
  return { type: tensor.type, dims: tensor.dims, data } as TensorValue;
}

/**
 * Linux counts in ru_maxrss what the parent held when it forked us; VmHWM of our own memory does not.
 */
function peakRssBytes(): number {
  try {
    const kilobytes = /^VmHWM:\s*(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    if (kilobytes !== undefined) return Number(kilobytes) * 1024;
  } catch {
    // Not Linux.
  }
  return process.resourceUsage().maxRSS * 1024;
}
