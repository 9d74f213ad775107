// How far the measurements can be believed: repeatability of ratios while somebody else uses the machine, what the
// harness adds to a bare loop, whether a profile adds up, and whether a real session under Poisson load waits as
// long as queueing theory says.

import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { silentTask } from '../../daemon/base/task';
import { benchmark } from '../../daemon/runtime/benchmark';
import { runLoad } from '../../daemon/runtime/load';
import { profile } from '../../daemon/runtime/profile';
import { median } from '../../daemon/runtime/statistics';
import { writeDenseModel } from '../support/denseModel';
import { repository, sharedFolder } from '../support/paths';
import { bareLoop } from './harness';
import type { BenchRow } from './row';

interface Models {
  readonly small: string;
  readonly medium: string;
  readonly large: string;
}

/** All figures; a part that cannot be measured says why in its row. About three minutes. */
export async function bench(): Promise<BenchRow[]> {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-measure-'));
  try {
    const models = await pick(folder);
    const rows: BenchRow[] = [];
    for (const part of [repeatability, overhead, profileSums, poissonLoad]) {
      try {
        rows.push(...(await part(models, folder)));
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        rows.push({
          name: part.name,
          value: null,
          unit: '',
          goal: '',
          holds: false,
          detail: `not measured: ${why}`,
        });
      }
    }
    return rows;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The shared models, or chains of MatMul of like size. */
async function pick(folder: string): Promise<Models> {
  const shared = sharedFolder();
  const of = (name: string) => join(shared ?? '', 'models', name, `${name}.onnx`);
  if (shared) return { small: of('mobilenet'), medium: of('resnet'), large: of('bert') };
  return {
    small: await writeDenseModel(join(folder, 'small.onnx'), 4, 256),
    medium: await writeDenseModel(join(folder, 'medium.onnx'), 4, 512),
    large: await writeDenseModel(join(folder, 'large.onnx'), 12, 768),
  };
}

const bind = { seq: 64, sequence: 64, seq_len: 64 };
const nameOf = (path: string) => path.split(/[\\/]/).at(-1) ?? path;

/** Keeps one processor busy until it is told to stop. */
function loadOneCore(): { stop(): Promise<void> } {
  const child = spawn(process.execPath, ['-e', 'for (;;) Math.sqrt(Math.random());'], { stdio: 'ignore' });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    async stop() {
      child.kill('SIGKILL');
      await gone;
    },
  };
}

/** Five separate runs of the same comparison, a second process loading one core in two of them. */
async function repeatability({ small, medium }: Models): Promise<BenchRow[]> {
  const ratios: number[] = [];
  for (let run = 0; run < 5; run++) {
    const loaded = run === 1 || run === 3 ? loadOneCore() : undefined;
    try {
      const { ratios: found } = await benchmark(
        [{ path: medium }, { path: small }],
        { maxSeconds: 8 },
        silentTask,
      );
      ratios.push(found[0]!.p50Ratio);
    } finally {
      await loaded?.stop();
    }
  }
  const halfRange = (Math.max(...ratios) - Math.min(...ratios)) / 2 / median(ratios);
  return [
    {
      name: 'repeatability of a p50 ratio, half range',
      value: halfRange * 100,
      unit: '%',
      goal: '≤ 3 %',
      holds: halfRange <= 0.03,
      detail: `${nameOf(medium)} over ${nameOf(small)}, five runs, one core loaded in the second and fourth of ${availableParallelism()}: ${ratios.map((ratio) => ratio.toFixed(3)).join(', ')}`,
    },
  ];
}

const rounds = 7;

/** Our p50 against that of a bare loop in a process of its own, taken in turn. */
async function overhead(models: Models, folder: string): Promise<BenchRow[]> {
  const script = join(folder, 'bareLoop.js');
  writeFileSync(script, bareLoop);
  const runtime = createRequire(join(repository, 'package.json')).resolve('onnxruntime-node');
  const bare = async (model: string): Promise<number> => {
    const args = [script, runtime, model, '500'];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    return Number(stdout);
  };
  const rows: BenchRow[] = [];
  const large = join(folder, 'overhead.onnx');
  await writeDenseModel(large, 12, 1024);
  for (const model of [models.small, models.medium, large]) {
    const differences: number[] = [];
    const loops: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const before = [await bare(model), await bare(model)];
      const { results } = await benchmark([{ path: model }], { maxSeconds: 2 }, silentTask);
      const loop = median([...before, await bare(model), await bare(model)]);
      loops.push(loop);
      differences.push(results[0]!.latencyMs.p50 - loop);
    }
    const loopMs = median(loops);
    const extraMs = median(differences);
    const above = loopMs > 1;
    const value = above ? (extraMs / loopMs) * 100 : extraMs * 1000;
    rows.push({
      name: `overhead over a bare loop, ${nameOf(model)}`,
      value,
      unit: above ? '%' : 'µs',
      goal: above ? '≤ 2 %' : '≤ 20 µs',
      holds: value <= (above ? 2 : 20),
      detail: `bare p50 ${loopMs.toFixed(4)} ms; median of ${rounds} rounds from ${(Math.min(...differences) * 1000).toFixed(1)} to ${(Math.max(...differences) * 1000).toFixed(1)} µs`,
    });
  }
  return rows;
}

/** The sum over the nodes against the run without profiling. */
async function profileSums({ small, medium, large }: Models): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const model of [small, medium, large]) {
    const found = [];
    for (let run = 0; run < 5; run++) {
      const options = model === large ? { bind: await known(model) } : {};
      found.push(await profile(model, undefined, { maxSeconds: 3, ...options }, silentTask));
    }
    const ratios = found.map(({ sumUs, runUs }) => sumUs / runUs);
    const value = Math.abs(median(ratios) - 1) * 100;
    const [first] = found;
    rows.push({
      name: `profile sum against the run, ${nameOf(model)}`,
      value,
      unit: '%',
      goal: 'within 5 %',
      holds: value <= 5,
      detail: `median of 5, sum over run from ${Math.min(...ratios).toFixed(3)} to ${Math.max(...ratios).toFixed(3)}; run ${first!.runUs.toFixed(0)} µs, ${first!.nodes.length} nodes, profiling adds ${(median(found.map((one) => one.overhead)) * 100).toFixed(0)} %, of which ${median(found.map((one) => one.recordUs)).toFixed(1)} µs a node are taken off`,
    });
  }
  return rows;
}

/** The free dimensions of a sequence model, by the names that it has. */
async function known(model: string): Promise<Record<string, number>> {
  const { assumed } = await profile(model, undefined, { maxSeconds: 0.3 }, silentTask);
  return Object.fromEntries(Object.entries(bind).filter(([name]) => name in assumed));
}

/** Mean wait of a real session at half its capacity, against what theory says of its own service times. */
async function poissonLoad(_models: Models, folder: string): Promise<BenchRow[]> {
  const model = join(folder, 'queue.onnx');
  await writeDenseModel(model, 12, 1024);
  const alone = await runLoad(model, { pattern: 'single-stream', maxSeconds: 3 }, silentTask);
  const rate = 0.5 * alone.queriesPerSecond;
  const ratios: number[] = [];
  let said = '';
  for (let run = 0; run < 3; run++) {
    const found = await runLoad(
      model,
      { pattern: 'server', rate, maxSeconds: 10, seed: run + 1 },
      silentTask,
    );
    ratios.push(found.waitMs.mean / (found.expectedWaitMs ?? Number.NaN));
    said = `${found.waitMs.mean.toFixed(3)} ms against ${found.expectedWaitMs?.toFixed(3) ?? '–'} ms, service ${found.serviceMs.mean.toFixed(2)} ± ${found.serviceMs.stddev.toFixed(2)} ms, ${found.queries} queries`;
  }
  const value = median(ratios);
  return [
    {
      name: 'mean wait under Poisson load over Pollaczek–Khinchine',
      value,
      unit: '×',
      goal: 'within 20 % of 1',
      holds: Math.abs(value - 1) <= 0.2,
      detail: `real session at half its capacity, median of 3 (${ratios.map((ratio) => ratio.toFixed(2)).join(', ')}); last: ${said}. In virtual time the generator agrees with M/D/1 within 5 % (unit test)`,
    },
  ];
}
