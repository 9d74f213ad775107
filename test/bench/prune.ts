// Pruning and clustering of the trained models: multiplications gone, speed against the dense model in the same run,
// and top-1 on labelled data before and after repair.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { silentTask } from '../../daemon/base/task';
import { evaluateModel } from '../../daemon/evaluate/evaluate';
import { setScriptFolder } from '../../daemon/host/scripts';
import { floatTensor, graph, model, node, valueInfo } from '../../daemon/ir/builder';
import { DataType } from '../../daemon/ir/dataType';
import { analyseChannels } from '../../daemon/passes/prune/channels/analyse';
import { cluster } from '../../daemon/recipes/cluster';
import { inputsFrom } from '../../daemon/recipes/benchmarkData';
import { lowRankFile } from '../../daemon/recipes/lowRank';
import { pruneChannels } from '../../daemon/recipes/prune/prune';
import { pruneSparse } from '../../daemon/recipes/prune/pruneSparse';
import { quantize } from '../../daemon/recipes/quantize/quantize';
import { benchmark } from '../../daemon/runtime/benchmark/benchmark';
import { conformanceCases } from '../support/conformance';
import { distFolder } from '../support/paths';
import type { BenchRow } from './row';

const at = (name: string, rest: string) => resolve('..', 'shared', 'models', name, `${name}${rest}`);
const percent = (value: number) => `${(value * 100).toFixed(2)} %`;
const top1 = async (name: string, path: string) =>
  (await evaluateModel({ path, data: at(name, '_validation.npz'), metric: 'top1' }, silentTask)).value;

async function speeds(paths: readonly string[]) {
  const settings = { threads: 1, batch: 1, maxSeconds: 8 };
  const { results, ratios } = await benchmark(
    paths.map((path) => ({ path })),
    settings,
    silentTask,
  );
  const dense = results[0]!.latencyMs.p50;
  return paths.map((_, i) => {
    const ratio = ratios[i - 1];
    const text = `p50 ${dense.toFixed(3)} → ${results[i]!.latencyMs.p50.toFixed(3)} ms, 95 % interval ${ratio?.low.toFixed(2)} to ${ratio?.high.toFixed(2)}`;
    return { ratio: ratio?.p50Ratio ?? 1, text };
  });
}

async function resnet(folder: string): Promise<BenchRow[]> {
  const [dense, calibration] = [at('resnet', '.onnx'), at('resnet', '_calibration.npz')];
  const [bare, repaired, int8] = ['bare', 'repaired', 'int8'].map((name) =>
    join(folder, `resnet.${name}.onnx`),
  ) as [string, string, string];
  const common = { targetMacs: 0.5, calibration } as const;
  await pruneChannels(dense, { ...common, output: bare, repair: false }, silentTask);
  const { before, after } = await pruneChannels(dense, { ...common, output: repaired }, silentTask);
  await quantize(repaired, { method: 'static', output: int8, calibration }, silentTask);
  const [, pruned, integer] = await speeds([dense, repaired, int8]);
  const [full, cut, fixed, last] = [
    await top1('resnet', dense),
    await top1('resnet', bare),
    await top1('resnet', repaired),
    await top1('resnet', int8),
  ];
  const macs = `MACs ${before.macs} → ${after.macs}`;
  return [
    {
      name: 'ResNet, half the MACs gone: p50 against dense',
      value: pruned!.ratio,
      unit: '×',
      goal: '≥ 1.6',
      holds: pruned!.ratio >= 1.6,
      detail: `${macs}; ${pruned!.text}`,
    },
    {
      name: 'ResNet, half the MACs gone: top-1 lost after least squares',
      value: (full - fixed) * 100,
      unit: 'points',
      goal: '≤ 2',
      holds: full - fixed <= 0.02,
      detail: `${percent(full)} dense, ${percent(cut)} without repair, ${percent(fixed)} repaired with 256 unlabelled samples; 2000 labelled ones`,
    },
    {
      name: 'ResNet pruned, repaired and int8: p50 against dense float32',
      value: integer!.ratio,
      unit: '×',
      goal: '≥ 3 on a CPU with VNNI',
      holds: integer!.ratio >= 3,
      detail: `${integer!.text}; top-1 ${percent(last)}`,
    },
  ];
}

async function mobilenet(folder: string): Promise<BenchRow[]> {
  const [dense, calibration] = [at('mobilenet', '.onnx'), at('mobilenet', '_calibration.npz')];
  const output = join(folder, 'mobilenet.pruned.onnx');
  const { before, after } = await pruneChannels(dense, { targetMacs: 0.7, calibration, output }, silentTask);
  const [, pruned] = await speeds([dense, output]);
  const [full, left] = [await top1('mobilenet', dense), await top1('mobilenet', output)];
  return [
    {
      name: 'MobileNet, 30 % of the MACs gone: p50 against dense',
      value: pruned!.ratio,
      unit: '×',
      goal: '≥ 1.25',
      holds: pruned!.ratio >= 1.25,
      detail: `MACs ${before.macs} → ${after.macs}; ${pruned!.text}; top-1 ${percent(full)} → ${percent(left)}`,
    },
  ];
}

async function clustered(folder: string): Promise<BenchRow[]> {
  const [dense, calibration] = [at('resnet', '.onnx'), at('resnet', '_calibration.npz')];
  const output = join(folder, 'resnet.c16.onnx');
  const { before, after } = await cluster(dense, { clusters: 16, calibration, output }, silentTask);
  const [, small] = await speeds([dense, output]);
  const [full, left] = [await top1('resnet', dense), await top1('resnet', output)];
  const share = after.fileBytes / before.fileBytes;
  return [
    {
      name: 'ResNet at 16 centroids: file against float32',
      value: share,
      unit: '×',
      goal: '≤ 0.16',
      holds: share <= 0.16,
      detail: `${before.fileBytes} → ${after.fileBytes} bytes`,
    },
    {
      name: 'ResNet at 16 centroids: top-1 lost after refit',
      value: (full - left) * 100,
      unit: 'points',
      goal: '≤ 1',
      holds: full - left <= 0.01,
      detail: `${percent(full)} → ${percent(left)} on 2000 samples`,
    },
    {
      name: 'ResNet at 16 centroids: p50 against dense',
      value: small!.ratio,
      unit: '×',
      goal: 'within 3 % of 1',
      holds: Math.abs(small!.ratio - 1) <= 0.03,
      detail: small!.text,
    },
  ];
}

async function sparse(folder: string): Promise<BenchRow[]> {
  const [dense, calibration] = [at('resnet', '.onnx'), at('resnet', '_calibration.npz')];
  const [bySize, byData] = [join(folder, 'resnet.magnitude.onnx'), join(folder, 'resnet.24.onnx')];
  const pattern = { keep: 2, of: 4 };
  await pruneSparse(dense, { pattern, criterion: 'magnitude', output: bySize }, silentTask);
  const { before, after } = await pruneSparse(dense, { pattern, calibration, output: byData }, silentTask);
  const [full, plain, left] = [
    await top1('resnet', dense),
    await top1('resnet', bySize),
    await top1('resnet', byData),
  ];
  return [
    {
      name: 'ResNet at 2:4 by SparseGPT: top-1 lost',
      value: (full - left) * 100,
      unit: 'points',
      goal: '≤ 1',
      holds: full - left <= 0.01,
      detail: `${percent(full)} dense, ${percent(plain)} by magnitude, ${percent(left)} by SparseGPT with 256 unlabelled samples; ${before.fileBytes} → ${after.fileBytes} bytes`,
    },
  ];
}

async function hundredLayers(): Promise<BenchRow[]> {
  const names = Array.from({ length: 100 }, (_, i) => `v${i}`);
  const made = model(
    graph({
      nodes: names.map((name, i) => node('Conv', [names[i - 1] ?? 'x', `w${i}`], [name], { name })),
      initializers: names.map((_, i) => floatTensor(`w${i}`, [256, 256, 1, 1], new Float32Array(256 * 256))),
      inputs: [valueInfo('x', DataType.FLOAT, ['batch', 256, 14, 14])],
      outputs: [valueInfo('v99', DataType.FLOAT)],
    }),
  );
  const started = performance.now();
  const { units } = await analyseChannels(made, new Map(), silentTask);
  const seconds = (performance.now() - started) / 1000;
  return [
    {
      name: 'analysis of a network of 100 layers',
      value: seconds,
      unit: 's',
      goal: '≤ 2',
      holds: seconds <= 2 && units.length === 99,
      detail: `${units.length} widths of 256 found`,
    },
  ];
}

async function latency(folder: string): Promise<BenchRow[]> {
  const [dense, calibration] = [at('resnet', '.onnx'), at('resnet', '_calibration.npz')];
  const output = join(folder, 'resnet.fast.onnx');
  const goal = 0.5;
  const result = await pruneChannels(dense, { targetLatency: goal, calibration, output }, silentTask);
  const { before, after, latency: measured } = result;
  const [full, left] = [await top1('resnet', dense), await top1('resnet', output)];
  const share = measured ? 1 / measured.ratio : 1;
  return [
    {
      name: 'ResNet, half the time of a run wanted: measured share',
      value: share,
      unit: '×',
      goal: 'within 5 % of 0.5',
      holds: Math.abs(share / goal - 1) <= 0.05,
      detail: `p50 ${measured?.beforeMs.toFixed(3)} → ${measured?.afterMs.toFixed(3)} ms, ratio ${measured?.ratio.toFixed(2)} (${measured?.low.toFixed(2)} to ${measured?.high.toFixed(2)}); MACs ${before.macs} → ${after.macs}; top-1 ${percent(full)} → ${percent(left)}`,
    },
  ];
}

async function lowrank(folder: string): Promise<BenchRow[]> {
  const [dense, calibration] = [at('bert', '.onnx'), at('bert', '_calibration.npz')];
  const output = join(folder, 'bert.thin.onnx');
  const { before, after, layers, error } = await lowRankFile(
    dense,
    { maxError: 0.1, calibration, output },
    silentTask,
  );
  const settings = { threads: 1, inputs: inputsFrom(calibration), maxSeconds: 8 };
  const { results, ratios } = await benchmark([{ path: dense }, { path: output }], settings, silentTask);
  const [full, left] = [await top1('bert', dense), await top1('bert', output)];
  const split = layers.filter(({ from, to }) => to < from).length;
  const [ratio] = ratios;
  return [
    {
      name: 'transformer, layers split at 10 % error each: p50 against dense',
      value: ratio!.p50Ratio,
      unit: '×',
      goal: '',
      holds: true,
      detail: `${split} of ${layers.length} layers; MACs ${before.macs} → ${after.macs}; p50 ${results[0]!.latencyMs.p50.toFixed(3)} → ${results[1]!.latencyMs.p50.toFixed(3)} ms, 95 % interval ${ratio!.low.toFixed(2)} to ${ratio!.high.toFixed(2)}; ${before.fileBytes} → ${after.fileBytes} bytes; SQNR ${error?.sqnrDb.toFixed(1)} dB; top-1 ${percent(full)} → ${percent(left)}`,
    },
  ];
}

/** The models that are too slow for a test: ratio 0.3, loaded, run at two batch sizes, shapes compared. */
async function large(folder: string): Promise<BenchRow[]> {
  const light = (conformanceCases() ?? []).filter(({ name }) => /(vgg19|zfnet512)$/.test(name));
  const models = [
    { name: 'candy', model: resolve('..', 'shared', 'models', 'third-party', 'candy.onnx') },
    ...light,
  ];
  const rows: BenchRow[] = [];
  for (const { name, model: path } of models) {
    const started = performance.now();
    const output = join(folder, `${rows.length}.onnx`);
    const result = await pruneChannels(path, { output, ratio: 0.3, align: 8 }, silentTask);
    await rm(output);
    const seconds = (performance.now() - started) / 1000;
    const { error: none } = await pruneChannels(path, { output, ratio: 0 }, silentTask);
    await rm(output);
    const { groups, locked, before, after } = result;
    const cut = groups.filter(({ from, to }) => to < from).length;
    rows.push({
      name: `${name} at ratio 0.3: loads, runs at two batch sizes, same shapes`,
      value: seconds,
      unit: 's',
      goal: '',
      holds: cut > 0 && none?.maxAbs === 0,
      detail: `at ratio 0 the outputs differ by ${none?.maxAbs}; ${cut} of ${groups.length} widths cut, ${locked.length} layers locked; MACs ${before.macs} → ${after.macs}`,
    });
  }
  return rows;
}

const parts = { layers: hundredLayers, resnet, mobilenet, clustered, sparse, latency, lowrank, large };

/**
 * Runs the parts one after another, or only the one that `npm run bench -- prune/PART` names; a part that cannot be
 * measured says why in its row.
 */
export async function bench(): Promise<BenchRow[]> {
  setScriptFolder(distFolder);
  const only = process.env['SLIPWAY_BENCH_PART'] ?? '';
  const rows: BenchRow[] = [];
  const folder = await mkdtemp(join(tmpdir(), 'slipway-bench-prune-'));
  try {
    for (const [name, part] of Object.entries(parts)) {
      if (only !== '' && only !== name) continue;
      try {
        rows.push(...(await part(folder)));
      } catch (error) {
        const detail = `not measured: ${error instanceof Error ? error.message : String(error)}`;
        rows.push({ name, value: null, unit: '', goal: '', holds: false, detail });
      }
    }
    return rows;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
