// Honesty of the benchmark: the p50 that it reports beside that of a bare loop, which knows nothing of us, in
// a process of its own with the same options. Taken in turn, so that the machine's mood meets both.

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { silentTask } from '../../daemon/base/task';
import { setScriptFolder } from '../../daemon/host/scripts';
import { benchmark } from '../../daemon/runtime/benchmark/benchmark';
import { median } from '../../daemon/runtime/statistics';
import { distFolder, repository, sharedFolder } from '../support/paths';
import type { BenchRow } from './row';

const rounds = 7;
/** Processes of the bare loop in a round, half of them before ours and half after. */
const bareLaunches = 4;

/** A loop that knows nothing of us: `bareLoop.js RUNTIME MODEL MILLISECONDS` prints its p50. */
export const bareLoop = `
const ort = require(process.argv[2]);
const path = process.argv[3];
const milliseconds = Number(process.argv[4]);
async function main() {
  const session = await ort.InferenceSession.create(path, {
    executionProviders: ['cpu'], intraOpNumThreads: 1, interOpNumThreads: 1, graphOptimizationLevel: 'all' });
  const [input] = session.inputMetadata;
  const dims = input.shape.map((dim) => (typeof dim === 'number' ? dim : 1));
  const data = Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => Math.random() * 2 - 1);
  const feeds = { [input.name]: new ort.Tensor('float32', data, dims) };
  for (const end = performance.now() + 300; performance.now() < end; ) await session.run(feeds);
  const times = [];
  for (const end = performance.now() + milliseconds; performance.now() < end; ) {
    const before = performance.now();
    await session.run(feeds);
    times.push(performance.now() - before);
  }
  times.sort((a, b) => a - b);
  console.log(times[Math.floor(times.length / 2)]);
}
main();
`;

/** One row per model: our p50 over that of the bare loop, the median of several rounds. Takes about a minute. */
export async function benchmarkHonesty(): Promise<BenchRow[]> {
  setScriptFolder(distFolder);
  const shared = sharedFolder();
  const models = shared
    ? ['resnet', 'mobilenet'].map((name) => join(shared, 'models', name, `${name}.onnx`))
    : [join(repository, 'examples', 'resnet.onnx')];
  const folder = mkdtempSync(join(tmpdir(), 'slipway-honesty-'));
  try {
    const script = join(folder, 'bareLoop.js');
    writeFileSync(script, bareLoop);
    const rows: BenchRow[] = [];
    for (const model of models) rows.push(await honestyOf(model, script));
    return rows;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function honestyOf(model: string, script: string): Promise<BenchRow> {
  const runtime = createRequire(join(repository, 'package.json')).resolve('onnxruntime-node');
  const bare = async (launches: number): Promise<number[]> => {
    const times: number[] = [];
    for (let i = 0; i < launches; i++) {
      const { stdout } = await promisify(execFile)(process.execPath, [script, runtime, model, '400']);
      times.push(Number(stdout));
    }
    return times;
  };
  const ratios: number[] = [];
  let last = { ours: 0, loop: 0 };
  for (let round = 0; round < rounds; round++) {
    const before = await bare(bareLaunches / 2);
    const { results } = await benchmark([{ path: model }], { maxSeconds: 2 }, silentTask);
    const after = await bare(bareLaunches / 2);
    last = { ours: results[0]!.latencyMs.p50, loop: median([...before, ...after]) };
    ratios.push(last.ours / last.loop);
  }
  const value = median(ratios);
  const name = model.split(/[\\/]/).at(-1) ?? model;
  return {
    name: `benchmark p50 over bare loop, ${name}`,
    value,
    unit: '×',
    goal: 'within 3 % of 1',
    holds: Math.abs(value - 1) <= 0.03,
    detail:
      `median of ${rounds} rounds from ${Math.min(...ratios).toFixed(3)} to ${Math.max(...ratios).toFixed(3)}; ` +
      `last round ${last.ours.toFixed(4)} ms against ${last.loop.toFixed(4)} ms`,
  };
}
