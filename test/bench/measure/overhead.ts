// What the harness adds to a bare loop that knows nothing of it. Both run the very same session in the very same process, in
// blocks that take turns as those of models do, in several processes anew: what else the machine does and where memory
// came to lie meets both alike.

import { build } from 'esbuild';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { silentTask } from '../../../daemon/base/task';
import { makeInputs } from '../../../daemon/runtime/benchmark/benchmarkInputs';
import {
  measureBlock,
  newSeries,
  warmUp,
  type Contestant,
} from '../../../daemon/runtime/benchmark/benchmarkSeries';
import { startRunner } from '../../../daemon/runtime/runner/runnerProcess';
import { ratioOfMedians } from '../../../daemon/runtime/statistics';
import { undisturbedOf } from '../../../daemon/runtime/undisturbed';
import { writeDenseModel } from '../../support/denseModel';
import { repository } from '../../support/paths';
import type { BenchRow } from '../row';
import { nameOf, type Models } from './models';

const turns = 20;
const [fewestLaunches, mostLaunches] = [5, 15];

/**
 * The runner, and beside it a bare loop over the session that it makes: for each line `RUNS MILLISECONDS` on the socket it
 * answers with its times.
 */
const bareLoop = (runtime: string, runner: string, socket: string) => `
const ort = require(${JSON.stringify(runtime)});
const create = ort.InferenceSession.create.bind(ort.InferenceSession);
let session, feeds;
ort.InferenceSession.create = async (...args) => (session = await create(...args));
require('node:net').createServer((socket) => {
  require('node:readline').createInterface({ input: socket }).on('line', async (line) => {
    if (!feeds) {
      const [input] = session.inputMetadata;
      const dims = input.shape.map((dim) => (typeof dim === 'number' ? dim : 1));
      const data = Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => Math.random() * 2 - 1);
      feeds = { [input.name]: new ort.Tensor('float32', data, dims) };
    }
    const [runs, milliseconds] = line.split(' ').map(Number);
    const times = [];
    for (const end = performance.now() + milliseconds; times.length < runs && performance.now() < end; ) {
      const before = performance.now();
      await session.run(feeds);
      times.push(performance.now() - before);
    }
    socket.write(JSON.stringify(times) + '\\n');
  });
}).listen(${JSON.stringify(socket)});
require(${JSON.stringify(runner)});
`;

/**
 * Builds the runner with ONNX Runtime's JavaScript beside it and not inside, so that the bare loop can reach the session
 * that the runner makes; returns the paths of both.
 */
async function apart(folder: string): Promise<{ runner: string; runtime: string }> {
  const runtime = createRequire(join(repository, 'package.json')).resolve('onnxruntime-node');
  const runner = join(folder, 'runner.js');
  await build({
    entryPoints: [join(repository, 'daemon', 'runtime', 'runner', 'runner.ts')],
    outfile: runner,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    mainFields: ['module', 'main'],
    plugins: [
      {
        name: 'runtime apart',
        setup: (made) => {
          made.onResolve({ filter: /^onnxruntime-node$/ }, () => ({ path: runtime, external: true }));
        },
      },
    ],
  });
  return { runner, runtime };
}

/** Our p50 against that of the bare loop. */
export async function overhead(models: Models, folder: string): Promise<BenchRow[]> {
  const large = await writeDenseModel(join(folder, 'overhead.onnx'), 12, 1024);
  const scripts = await apart(folder);
  const rows: BenchRow[] = [];
  for (const model of [models.small, models.medium, large])
    rows.push(await overheadOf(model, folder, scripts));
  return rows;
}

async function overheadOf(
  model: string,
  folder: string,
  scripts: { readonly runner: string; readonly runtime: string },
): Promise<BenchRow> {
  const [ours, bare] = [newSeries(model), newSeries(model)];
  let found = { ratio: Number.NaN, low: Number.NaN, high: Number.NaN };
  let bareMs = Number.NaN;
  /** In percent for runs of more than a millisecond, else in microseconds. */
  const added = (of: number) => (bareMs > 1 ? (of - 1) * 100 : (of - 1) * bareMs * 1000);
  const goal = () => (bareMs > 1 ? 2 : 20);
  let launch = 0;
  // Until the interval is narrower than the goal.
  const isKnown = () => added(found.high) - added(found.low) <= goal();
  for (; launch < fewestLaunches || (launch < mostLaunches && !isKnown()); launch++) {
    await oneLaunch(model, folder, scripts, launch, { ours, bare });
    found = await ratioOfMedians(ours.blocks, bare.blocks, { undisturbed: true }, silentTask);
    bareMs = undisturbedOf(Float64Array.from(bare.blocks.flatMap((block) => [...block])).sort()).p50;
  }
  const unit = bareMs > 1 ? '%' : 'µs';
  return {
    name: `overhead over a bare loop, ${nameOf(model)}`,
    value: added(found.ratio),
    unit,
    goal: `≤ ${goal()} ${unit}`,
    holds: added(found.ratio) <= goal(),
    detail: `bare p50 ${bareMs.toFixed(4)} ms; 95 % interval from ${added(found.low).toFixed(1)} to ${added(found.high).toFixed(1)} ${unit}; ${launch} processes, ${launch * turns} turns`,
  };
}

async function oneLaunch(
  model: string,
  folder: string,
  { runner: built, runtime }: { readonly runner: string; readonly runtime: string },
  launch: number,
  series: { ours: Contestant['series']; bare: Contestant['series'] },
): Promise<void> {
  const socket = join(folder, `bare${launch}-${nameOf(model)}.sock`);
  const script = join(folder, `bare${launch}-${nameOf(model)}.js`);
  writeFileSync(script, bareLoop(runtime, built, socket));
  const runner = startRunner({ script });
  try {
    const session = await runner.load(model, { threads: 1 }, silentTask);
    const { feeds } = await makeInputs(model, session.inputs, {}, silentTask);
    const loop = bareRuns(socket);
    const own: Contestant = { series: series.ours, runner, session, feeds };
    const other: Contestant = {
      series: series.bare,
      runner,
      session: { ...session, timeRuns: loop.timeRuns },
      feeds,
    };
    await warmUp([own, other], 500, silentTask);
    for (let turn = 0; turn < turns; turn++) {
      const order = (turn + launch) % 2 === 0 ? [own, other] : [other, own];
      for (const contestant of order)
        await measureBlock(contestant, 1000, Number.POSITIVE_INFINITY, silentTask);
    }
    loop.stop();
  } finally {
    await runner.dispose();
  }
}

/** The bare loop as something that times runs when asked. */
function bareRuns(path: string) {
  const socket = connect(path);
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  return {
    timeRuns: async (_feeds: unknown, limits: { runs: number; maxMs: number }): Promise<Float64Array> => {
      socket.write(`${limits.runs} ${limits.maxMs}\n`);
      const next = (await lines.next()) as IteratorResult<string, undefined>;
      return Float64Array.from(JSON.parse(next.value ?? '[]') as number[]);
    },
    stop: () => socket.destroy(),
  };
}
