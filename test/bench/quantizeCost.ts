// Time and memory of quantizing to static int8, ours and onnxruntime.quantization's in turn: whole processes from start
// to end, with the same model, data and calibrator. What the results are worth is measured by quantize.ts. `floor` is what
// nothing on Node with ONNX Runtime can do without. Parts: a model's name, or `samples` (memory by number of samples).

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setScriptFolder } from '../../daemon/host/scripts';
import { distFolder, sharedFolder } from '../support/paths';
import { openArrays } from '../../daemon/evaluate/npz';
import { silentTask } from '../../daemon/base/task';
import { measured, middle, type Cost } from './quantize/cost';
import { writeCountedModel } from './quantize/countedModel';
import { writeFloorProgram } from './quantize/floor';
import { peerPython, writePeerProgram } from './quantize/peer';
import { writeResnet50 } from './quantize/resnet50';
import { unmeasured } from './quantize/rows';
import type { BenchRow } from './row';

const calibrators = ['minmax', 'percentile', 'entropy'] as const;
const rounds = 5;
const largeSamples = 32;
/** Theirs searches for minutes in what these models hold. */
const noEntropy = ['bert', 'resnet50'];

/** Three rows for each model and calibrator. */
export async function bench(): Promise<BenchRow[]> {
  setScriptFolder(distFolder);
  const shared = sharedFolder();
  const peer = peerPython();
  if (!shared) return [unmeasured('quantizeCost', '../shared/models is absent')];
  if ('missing' in peer) return [unmeasured('quantizeCost', peer.missing)];
  const part = process.env['SLIPWAY_BENCH_PART'] ?? '';
  const folder = mkdtempSync(join(tmpdir(), 'slipway-bench-cost-'));
  const rows: BenchRow[] = [];
  try {
    if (part === 'samples') return await bySamples(join(shared, 'models'), folder);
    const program = writePeerProgram(folder);
    const floorProgram = writeFloorProgram(folder);
    const models = ['digits', 'resnet', 'mobilenet', 'mobilenetv3', 'bert', 'resnet50'];
    const wanted = models.filter((model) => part === '' || part === model);
    if (wanted.includes('resnet50')) await writeResnet50(folder, largeSamples);
    for (const model of wanted) {
      const stem = model === 'resnet50' ? join(folder, model) : join(shared, 'models', model, model);
      const files = [`${stem}.onnx`, `${stem}_calibration.npz`] as const;
      for (const calibrator of calibrators.filter(
        (each) => each !== 'entropy' || !noEntropy.includes(model),
      )) {
        const out = join(folder, 'out.onnx');
        const ours = () =>
          measured(process.execPath, [
            ...[join(distFolder, 'slipway.js'), 'quantize', files[0], '-o', out, '--method', 'static'],
            // Theirs measures neither which layers are faster in float nor whether the result is.
            ...['--calibration', files[1], '--calibrator', calibrator, '--no-tune', '--overwrite', '--json'],
          ]);
        const theirs = () =>
          measured(peer.python, [program, calibrator, ...files, join(folder, 'peer.onnx')]);
        const count = model === 'resnet50' || (model === 'bert' && calibrator !== 'minmax') ? 1 : rounds;
        const pairs: [Cost, Cost][] = [];
        for (let round = 0; round < count; round += 1) pairs.push([await ours(), await theirs()]);
        rows.push(...costRows(`${model}, ${calibrator}`, pairs));
        const samples = String(await samplesOf(files[1]));
        const counts = calibrator !== 'minmax';
        const counted = join(folder, 'counted.onnx');
        const batch = counts ? await writeCountedModel(files[0], counted) : model === 'resnet50' ? 1 : 8;
        const bareArguments = [floorProgram, counts ? counted : files[0], out, samples, String(batch)];
        const bare: Cost[] = [];
        for (let round = 0; round < count; round += 1)
          bare.push(await measured(process.execPath, bareArguments));
        const peers = middle(pairs.map(([, theirs]) => theirs));
        rows.push(floorRow(`${model}, ${calibrator}`, middle(bare), peers));
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return rows;
}

async function samplesOf(path: string): Promise<number> {
  const file = await openArrays(path, silentTask);
  try {
    return file.arrays.find(({ name }) => name !== 'label')?.dims[0] ?? 0;
  } finally {
    file.close();
  }
}

/** What is left for a program that does nothing but run the models as often as quantizing must and take what is to be counted. */
function floorRow(model: string, floor: Cost, theirs: Cost): BenchRow {
  if (!floor.ok || !theirs.ok)
    return unmeasured(`${model}: floor`, `${floor.ok ? 'the peer' : 'the bare program'} failed`);
  return {
    name: `${model}: time, theirs over the floor`,
    value: theirs.seconds / floor.seconds,
    unit: '×',
    goal: '',
    holds: true,
    detail: `${theirs.seconds.toFixed(2)} / ${floor.seconds.toFixed(2)} s; memory ${(floor.rssBytes / theirs.rssBytes).toFixed(2)}, ${(floor.rssBytes / 2 ** 20).toFixed(0)} / ${(theirs.rssBytes / 2 ** 20).toFixed(0)} MiB`,
  };
}

/** Peak memory of ours by number of calibration samples, for every calibrator. */
async function bySamples(models: string, folder: string): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const model of ['digits', 'resnet'])
    for (const calibrator of ['minmax', 'moving-average', 'percentile', 'entropy', 'mse']) {
      const stem = join(models, model, model);
      const peaks: number[] = [];
      for (const samples of ['32', '128', '512']) {
        const costs: Cost[] = [];
        for (let round = 0; round < 3; round += 1)
          costs.push(
            await measured(process.execPath, [
              ...[join(distFolder, 'slipway.js'), 'quantize', `${stem}.onnx`, '-o', join(folder, 'out.onnx')],
              ...['--calibration', `${stem}_validation.npz`, '--calibration-samples', samples],
              ...['--calibrator', calibrator, '--no-tune', '--overwrite', '--json'],
            ]),
          );
        const { ok, rssBytes } = middle(costs);
        peaks.push(ok ? rssBytes / 2 ** 20 : NaN);
      }
      const grown = peaks[2]! / peaks[1]!;
      rows.push({
        name: `${model}, ${calibrator}: peak memory, 512 samples over 128`,
        value: grown,
        unit: '×',
        goal: '≤ 1.05',
        holds: grown <= 1.05,
        detail: `${peaks.map((peak) => peak.toFixed(0)).join(' / ')} MiB with 32 / 128 / 512 samples, median of 3`,
      });
    }
  return rows;
}

function costRows(name: string, pairs: readonly [Cost, Cost][]): BenchRow[] {
  const ours = middle(pairs.map(([each]) => each));
  const theirs = middle(pairs.map(([, each]) => each));
  if (!ours.ok || !theirs.ok) return [unmeasured(name, `${ours.ok ? 'the peer' : 'Slipway'} failed`)];
  const mebi = (bytes: number) => (bytes / 2 ** 20).toFixed(0);
  const runs = pairs.length === 1 ? 'one run each' : `median of ${pairs.length}`;
  const faster = theirs.seconds / ours.seconds;
  const memory = ours.rssBytes / theirs.rssBytes;
  return [
    {
      name: `${name}: time, theirs over ours`,
      value: faster,
      unit: '×',
      goal: '≥ 5',
      holds: faster >= 5,
      detail: `${theirs.seconds.toFixed(2)} / ${ours.seconds.toFixed(2)} s, ${runs}`,
    },
    {
      name: `${name}: peak memory, ours over theirs`,
      value: memory,
      unit: '×',
      goal: '≤ 0.5',
      holds: memory <= 0.5,
      detail: `${mebi(ours.rssBytes)} / ${mebi(theirs.rssBytes)} MiB, ${runs}`,
    },
  ];
}
