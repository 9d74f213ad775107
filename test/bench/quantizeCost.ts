// Time and memory of quantizing to static int8, ours and onnxruntime.quantization's in turn: whole processes from start
// to end, with the same model, data and calibrator. What the results are worth is measured by quantize.ts.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setScriptFolder } from '../../daemon/host/scripts';
import { distFolder, sharedFolder } from '../support/paths';
import { measured, middle, type Cost } from './quantize/cost';
import { peerPython, writePeerProgram } from './quantize/peer';
import { writeResnet50 } from './quantize/resnet50';
import { unmeasured } from './quantize/rows';
import type { BenchRow } from './row';

const calibrators = ['minmax', 'percentile', 'entropy'] as const;
const rounds = 5;
const largeSamples = 32;
/** Theirs searches for minutes in what these models hold. */
const noEntropy = ['bert', 'resnet50'];

/** Two rows for each model and calibrator. */
export async function bench(): Promise<BenchRow[]> {
  setScriptFolder(distFolder);
  const shared = sharedFolder();
  const peer = peerPython();
  if (!shared) return [unmeasured('quantizeCost', '../shared/models is absent')];
  if ('missing' in peer) return [unmeasured('quantizeCost', peer.missing)];
  const folder = mkdtempSync(join(tmpdir(), 'slipway-bench-cost-'));
  const rows: BenchRow[] = [];
  try {
    const program = writePeerProgram(folder);
    await writeResnet50(folder, largeSamples);
    for (const model of ['digits', 'resnet', 'mobilenet', 'mobilenetv3', 'bert', 'resnet50']) {
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
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
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
