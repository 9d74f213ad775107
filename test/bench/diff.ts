// Comparing two models: time at 10,000 nodes, and how many surviving nodes are paired rightly where the truth is
// known: B is the version with every name replaced and every list shuffled.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentTask } from '../../daemon/base/task';
import type { Model } from '../../daemon/ir/model';
import { readModel } from '../../daemon/onnx/readModel';
import { readTensorBytes } from '../../daemon/onnx/tensorData';
import { writeModel } from '../../daemon/onnx/writeModel';
import { runPasses } from '../../daemon/passes/pass';
import { simplifyPasses } from '../../daemon/passes/simplify/simplify';
import { diff } from '../../daemon/recipes/diff';
import { optimize } from '../../daemon/recipes/optimize';
import { pruneChannels } from '../../daemon/recipes/prune/prune';
import { quantize } from '../../daemon/recipes/quantize/quantize';
import { median } from '../../daemon/runtime/statistics';
import { byOwnName, disguise, score, truthOf } from '../daemon/analysis/diffTruth';
import { decoderModel } from '../support/decoderModel';
import { sharedFolder } from '../support/paths';
import { peerPairRows } from './diffPeer';
import type { BenchRow } from './row';

const rounds = 7;
const pairedModels = ['resnet_bn', 'mobilenet_bn', 'mobilenetv3_bn', 'bert', 'digits_bn'];

const read = async (path: string): Promise<Model> => (await readModel(path, silentTask)).model!;

export async function bench(): Promise<BenchRow[]> {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-diff-'));
  try {
    const part = process.env['SLIPWAY_BENCH_PART'];
    return [
      ...(part === 'peers' ? [] : [...(await timeRows(folder)), ...(await pairRows(folder))]),
      ...(await peerPairRows(folder, pairedModels)),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Two files of 10,000 nodes, reading of both included and shown apart. */
async function timeRows(folder: string): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  const original = decoderModel(10_000);
  const edited = disguise(original, 3).model;
  // Every fiftieth node of one input is taken out.
  edited.graph.nodes.forEach((each, at) => {
    if (at % 50 !== 0 || each.inputs.length !== 1) return;
    for (const reader of edited.graph.nodes)
      reader.inputs = reader.inputs.map((name) => (name === each.outputs[0] ? each.inputs[0]! : name));
  });
  const lean = await runPasses(
    original,
    simplifyPasses((tensor) => readTensorBytes(tensor), { minimum: 13, purpose: 'The benchmark' }),
    silentTask,
  );
  const cases: [string, Model][] = [
    ['itself under other names, shuffled', disguise(original, 2).model],
    ['the same with nodes bypassed', edited],
    ['its simplified version', lean.model],
    ['one that shares nothing', unlike(original)],
  ];
  const a = join(folder, 'a.onnx');
  await writeModel(original, a, {}, silentTask);
  for (const [name, other] of cases) {
    const b = join(folder, 'b.onnx');
    await writeModel(other, b, { overwrite: true }, silentTask);
    const times: number[] = [];
    const readTimes: number[] = [];
    let nodes = 0;
    for (let round = 0; round < rounds; round += 1) {
      const began = performance.now();
      const left = await read(a);
      const right = await read(b);
      const ready = performance.now();
      await diff(left, right, silentTask);
      times.push((performance.now() - began) / 1000);
      readTimes.push((ready - began) / 1000);
      nodes = right.graph.nodes.length;
    }
    rows.push({
      name: `diff of 10,000 nodes against ${name}`,
      value: median(times),
      unit: 's',
      goal: '≤ 1 s',
      holds: median(times) <= 1,
      detail: `median of ${rounds} from ${Math.min(...times).toFixed(2)} to ${Math.max(...times).toFixed(2)} s, of which reading both ${median(readTimes).toFixed(2)} s; ${original.graph.nodes.length} and ${nodes} nodes`,
    });
  }
  return rows;
}

/** As many nodes of operators that the original does not have. */
function unlike(original: Model): Model {
  const other = disguise(original, 9).model;
  for (const each of other.graph.nodes) each.opType = `Other${each.opType}`;
  return other;
}

async function pairRows(folder: string): Promise<BenchRow[]> {
  const shared = sharedFolder();
  const rows: BenchRow[] = [];
  if (!shared) return rows;
  for (const name of pairedModels) {
    const family = name.split('_')[0]!;
    const path = join(shared, 'models', family, `${name}.onnx`);
    const calibration = join(shared, 'models', family, `${family}_calibration.npz`);
    const a = await read(path);
    const output = (what: string) => join(folder, `${name}.${what}.onnx`);
    const versions: Readonly<Record<string, (to: string) => Promise<unknown>>> = {
      simplified: (to) => optimize(path, { output: to }, silentTask),
      'static int8': (to) =>
        quantize(path, { method: 'static', output: to, calibration, calibrationSamples: 8 }, silentTask),
      'dynamic int8': (to) => quantize(path, { method: 'dynamic', output: to }, silentTask),
      pruned: (to) => pruneChannels(path, { output: to, ratio: 0.3 }, silentTask),
    };
    for (const [what, make] of Object.entries(versions)) {
      const to = output(what);
      await make(to);
      const b = await read(to);
      const hidden = truthOf(a, b, 11, byOwnName(b));
      const { surviving, right, wrong } = score(await diff(a, hidden.model, silentTask), hidden.truth);
      rows.push({
        name: `${name} against its ${what} version: surviving nodes paired rightly`,
        value: (100 * right) / surviving,
        unit: '%',
        goal: '≥ 95 %',
        holds: right / surviving >= 0.95,
        detail: `${right} of ${surviving}, ${wrong} other pairs; ${a.graph.nodes.length} and ${b.graph.nodes.length} nodes, no name in common`,
      });
    }
  }
  return rows;
}
