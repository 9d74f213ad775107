// Shape inference beside its peer: the same models, stripped of what they state of their results, asked of us and of
// `onnx.shape_inference` with data propagation (PyPI), and counted over the same values. Then time for a model of ten
// thousand nodes.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { modelCost } from '../../daemon/analysis/cost/cost';
import { inferShapes } from '../../daemon/analysis/shapes';
import { silentTask } from '../../daemon/base/task';
import { readModel } from '../../daemon/onnx/readModel';
import { writeModel } from '../../daemon/onnx/writeModel';
import { median } from '../../daemon/runtime/statistics';
import { setScriptFolder } from '../../daemon/host/scripts';
import { decoderModel } from '../support/decoderModel';
import { measuredShapes, type Measured } from '../support/measuredShapes';
import { distFolder, sharedFolder } from '../support/paths';
import type { BenchRow } from './row';
import { inferenceRows, peerSeconds } from './understandPeer';

const runs = 7;
const nodes = 10_000;

export async function bench(): Promise<BenchRow[]> {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-understand-'));
  try {
    return [...(await inferenceRows(folder)), ...(await measuredRows(folder)), await tenThousand(folder)];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Every value of the trained models as ONNX Runtime computes it, at two sizes of what is free. */
async function measuredRows(folder: string): Promise<BenchRow[]> {
  const shared = sharedFolder();
  if (!shared) return [];
  setScriptFolder(distFolder);
  const models = readdirSync(join(shared, 'models'), { recursive: true, encoding: 'utf8' })
    // Its operators are in a library that is not here.
    .filter((name) => name.endsWith('.onnx') && !name.includes('superresolution'));
  const sum: Measured = { values: 0, whole: 0, wrong: [] };
  for (const name of models) {
    const { values, whole, wrong } = await measuredShapes(join(shared, 'models', name), [2, 3], folder);
    sum.values += values;
    sum.whole += whole;
    sum.wrong.push(...wrong);
  }
  return [
    {
      name: 'shapes and types that contradict what ONNX Runtime computes',
      value: sum.wrong.length,
      unit: `of ${models.length} trained models`,
      goal: '0',
      holds: sum.wrong.length === 0,
      detail:
        `every value that a node writes, with free dimensions left free and bound, run at 2 and 3: ` +
        `${sum.values} compared, ${sum.whole} known whole; ${sum.wrong.slice(0, 5).join('; ')}`,
    },
  ];
}

/** Inference and cost together, of a model as it comes from the reader. */
async function tenThousand(folder: string): Promise<BenchRow> {
  const path = join(folder, 'decoder.onnx');
  await writeModel(decoderModel(nodes), path, {}, silentTask);
  const { model } = await readModel(path, silentTask);
  if (!model) throw new Error('The made-up decoder cannot be read.');
  const times: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    const started = performance.now();
    inferShapes(model);
    modelCost(model, { bind: { batch: 1, seq: 128 } });
    times.push((performance.now() - started) / 1000);
  }
  const value = median(times);
  return {
    name: `inference and cost of ${model.graph.nodes.length.toLocaleString('en')} nodes`,
    value,
    unit: 's',
    goal: '≤ 1',
    holds: value <= 1,
    detail:
      `median of ${runs}, the first ${times[0]!.toFixed(3)} s, the slowest ${Math.max(...times).toFixed(3)} s; ` +
      `shapes twice (free and bound), then MACs, memory and peak; ${peerSeconds(path)}`,
  };
}
