// What the harness adds to a bare loop that knows nothing of it. Both run in processes of their own, several times anew,
// and take turns in blocks as models do in a benchmark: what else the machine does meets both alike.

import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { silentTask } from '../../../daemon/base/task';
import { makeInputs } from '../../../daemon/runtime/benchmarkInputs';
import { measureBlock, newSeries, warmUp, type Contestant } from '../../../daemon/runtime/benchmarkSeries';
import { startRunner } from '../../../daemon/runtime/runnerProcess';
import { median, ratioOfMedians } from '../../../daemon/runtime/statistics';
import { writeDenseModel } from '../../support/denseModel';
import { repository } from '../../support/paths';
import type { BenchRow } from '../row';
import { nameOf, type Models } from './models';

const launches = 5;
const turns = 25;

/** `bareLoop.js RUNTIME MODEL` prints a line when it is ready, then for each line `RUNS MILLISECONDS` its times. */
const bareLoop = `
const ort = require(process.argv[2]);
async function main() {
  const session = await ort.InferenceSession.create(process.argv[3], {
    executionProviders: ['cpu'], intraOpNumThreads: 1, interOpNumThreads: 1, graphOptimizationLevel: 'all' });
  const [input] = session.inputMetadata;
  const dims = input.shape.map((dim) => (typeof dim === 'number' ? dim : 1));
  const data = Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => Math.random() * 2 - 1);
  const feeds = { [input.name]: new ort.Tensor('float32', data, dims) };
  require('node:readline').createInterface({ input: process.stdin }).on('line', async (line) => {
    const [runs, milliseconds] = line.split(' ').map(Number);
    const times = [];
    for (const end = performance.now() + milliseconds; times.length < runs && performance.now() < end; ) {
      const before = performance.now();
      await session.run(feeds);
      times.push(performance.now() - before);
    }
    console.log(JSON.stringify(times));
  });
  console.log('ready');
}
main();
`;

/** Our p50 against that of the bare loop. */
export async function overhead(models: Models, folder: string): Promise<BenchRow[]> {
  const script = join(folder, 'bareLoop.js');
  writeFileSync(script, bareLoop);
  const large = await writeDenseModel(join(folder, 'overhead.onnx'), 12, 1024);
  const rows: BenchRow[] = [];
  for (const model of [models.small, models.medium, large]) rows.push(await overheadOf(model, script));
  return rows;
}

async function overheadOf(model: string, script: string): Promise<BenchRow> {
  const [ours, bare] = [newSeries(model), newSeries(model)];
  const groups: number[] = [];
  for (let launch = 0; launch < launches; launch++) {
    const runner = startRunner();
    const loop = startBare(script, model);
    try {
      const session = await runner.load(model, { threads: 1 }, silentTask);
      const { feeds } = await makeInputs(model, session.inputs, {}, silentTask);
      const own: Contestant = { series: ours, runner, session, feeds };
      const other: Contestant = {
        series: bare,
        runner,
        session: { ...session, timeRuns: loop.timeRuns },
        feeds,
      };
      await warmUp([own, other], 500, silentTask);
      for (let turn = 0; turn < turns; turn++) {
        groups.push(launch);
        const order = (turn + launch) % 2 === 0 ? [own, other] : [other, own];
        for (const contestant of order)
          await measureBlock(contestant, 1000, Number.POSITIVE_INFINITY, silentTask);
      }
    } finally {
      await loop.stop();
      await runner.dispose();
    }
  }
  const { ratio, low, high } = await ratioOfMedians(ours.blocks, bare.blocks, { groups }, silentTask);
  const bareMs = median(bare.blocks.flatMap((block) => [...block]));
  const above = bareMs > 1;
  const added = (of: number) => (above ? (of - 1) * 100 : (of - 1) * bareMs * 1000);
  const unit = above ? '%' : 'µs';
  return {
    name: `overhead over a bare loop, ${nameOf(model)}`,
    value: added(ratio),
    unit,
    goal: above ? '≤ 2 %' : '≤ 20 µs',
    holds: added(ratio) <= (above ? 2 : 20),
    detail: `bare p50 ${bareMs.toFixed(4)} ms; 95 % interval from ${added(low).toFixed(1)} to ${added(high).toFixed(1)} ${unit}; ${launches} processes each, ${launches * turns} turns`,
  };
}

/** The bare loop as something that times runs when asked. */
function startBare(script: string, model: string) {
  const runtime = createRequire(join(repository, 'package.json')).resolve('onnxruntime-node');
  const child = spawn(process.execPath, [script, runtime, model], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ready = lines.next();
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    timeRuns: async (_feeds: unknown, limits: { runs: number; maxMs: number }): Promise<Float64Array> => {
      await ready;
      child.stdin.write(`${limits.runs} ${limits.maxMs}\n`);
      const next = (await lines.next()) as IteratorResult<string, undefined>;
      return Float64Array.from(JSON.parse(next.value ?? '[]') as number[]);
    },
    async stop() {
      child.kill('SIGKILL');
      await gone;
    },
  };
}
