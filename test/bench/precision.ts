// Half precision of the trained models beside PyPI's onnxconverter-common (the newest that pip installs, named in the
// rows): size of the file, error of the outputs over the same samples, top-1, and the time of a run against float32, all
// versions interleaved in one benchmark. ONNX Runtime's CPU provider casts around most float16 nodes, so that `compute`
// and the peer are measured where they do not belong; both are for GPUs.

import { existsSync } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentTask } from '../../daemon/base/task';
import { loadDataset } from '../../daemon/evaluate/dataset';
import { evaluateModel } from '../../daemon/evaluate/evaluate';
import { compareSessions } from '../../daemon/evaluate/outputError';
import { convertPrecision } from '../../daemon/recipes/precision/precision';
import { benchmark } from '../../daemon/runtime/benchmark/benchmark';
import { withRunner } from '../../daemon/runtime/runner/runnerProcess';
import { sharedFolder } from '../support/paths';
import { askPython, pythonWith } from '../support/pythonEnvironment';
import type { BenchRow } from './row';

const models = ['digits', 'resnet', 'mobilenet', 'mobilenetv3', 'bert'];
const mostShare = 0.55;
/** Half floats in float32's place at full speed: what rounding of the clock may make of it. */
const leastSpeed = 0.97;
const samples = 256;

/** Reads {"from", "to"} and writes the peer's float16 model; prints its version and seconds, or what went wrong. */
const script = `
import json, os, sys, time
out = os.fdopen(os.dup(1), 'w')
os.dup2(2, 1)
import onnx
from onnxconverter_common import float16
from importlib.metadata import version
work = json.load(sys.stdin)
said = {'version': version('onnxconverter-common')}
try:
    started = time.perf_counter()
    onnx.save(float16.convert_float_to_float16(onnx.load(work['from']), keep_io_types=True), work['to'])
    said['seconds'] = time.perf_counter() - started
except Exception as error:
    said['error'] = str(error)[:200]
json.dump(said, out)
out.flush()
`;

interface Version {
  readonly name: string;
  readonly path: string;
  readonly seconds: number;
}

export async function bench(): Promise<BenchRow[]> {
  const shared = sharedFolder();
  if (!shared) return [missed('float16', 'the trained models beside the checkout are not there')];
  const environment = pythonWith('precision-peer', ['onnx', 'onnxconverter-common', 'onnxruntime']);
  const folder = await mkdtemp(join(tmpdir(), 'slipway-bench-precision-'));
  const rows: BenchRow[] = [];
  try {
    for (const name of models) {
      const at = (file: string) => join(shared, 'models', name, file);
      if (existsSync(at(`${name}.onnx`))) rows.push(...(await rowsOf(name, at, folder, environment)));
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return rows;
}

const missed = (name: string, why: string): BenchRow => ({
  name,
  value: null,
  unit: '',
  goal: '',
  holds: false,
  detail: `not measured: ${why}`,
});

async function rowsOf(
  name: string,
  at: (file: string) => string,
  folder: string,
  environment: ReturnType<typeof pythonWith>,
): Promise<BenchRow[]> {
  const original = at(`${name}.onnx`);
  const versions: Version[] = [];
  for (const mode of ['storage', 'compute'] as const) {
    const path = join(folder, `${name}.${mode}.onnx`);
    const started = performance.now();
    const options = {
      method: 'fp16',
      mode,
      output: path,
      calibration: at(`${name}_calibration.npz`),
    } as const;
    await convertPrecision(original, options, silentTask);
    versions.push({ name: `ours, ${mode}`, path, seconds: (performance.now() - started) / 1000 });
  }
  const rows: BenchRow[] = [];
  const path = join(folder, `${name}.peer.onnx`);
  if ('missing' in environment) rows.push(missed(`${name}: onnxconverter-common`, environment.missing));
  else {
    const said = askPython(environment.python, script, { from: original, to: path }) as {
      version: string;
      seconds?: number;
      error?: string;
    };
    const label = `onnxconverter-common ${said.version}`;
    const why = said.error ?? (await refusal(path));
    if (why === undefined) versions.push({ name: label, path, seconds: said.seconds ?? NaN });
    else rows.push(missed(`${name}: ${label}`, why));
  }
  const bytes = (await stat(original)).size;
  const errors = await errorsOf(original, at(`${name}_validation.npz`), versions.map((each) => each.path)); // prettier-ignore
  const paths = [{ path: original }, ...versions.map((each) => ({ path: each.path }))];
  const { ratios } = await benchmark(paths, { threads: 1, batch: 1, maxSeconds: 4 }, silentTask);
  const top1 = async (model: string) => {
    const options = {
      path: model,
      data: at(`${name}_validation.npz`),
      metric: 'top1',
      maxSamples: samples,
    } as const;
    return (await evaluateModel(options, silentTask)).value * 100;
  };
  const float = await top1(original);
  for (const [i, version] of versions.entries()) {
    const share = (await stat(version.path)).size / bytes;
    const ratio = ratios[i];
    const speed = ratio?.p50Ratio ?? NaN;
    const storage = version.name === 'ours, storage';
    rows.push({
      name: `${name}: float16, ${version.name}, share of the file`,
      value: share,
      unit: '',
      goal: storage ? `≤ ${mostShare}, ≥ ${leastSpeed}× the speed` : '',
      holds: !storage || (share <= mostShare && (ratio?.high ?? 0) >= leastSpeed),
      detail: `SQNR ${errors[i]!.toFixed(1)} dB, top-1 ${float.toFixed(2)} → ${(await top1(version.path)).toFixed(2)} % of ${samples}, p50 ${speed.toFixed(2)}× float32's (${ratio?.low.toFixed(2) ?? ''} to ${ratio?.high.toFixed(2) ?? ''}), made in ${version.seconds.toFixed(1)} s`,
    });
  }
  return rows;
}

/** Why ONNX Runtime does not load a model. */
async function refusal(path: string): Promise<string | undefined> {
  try {
    await withRunner(silentTask, (runner) => runner.load(path, {}, silentTask));
    return undefined;
  } catch (error) {
    return String(error).split('\n')[0];
  }
}

/** Signal-to-noise ratios of the outputs against the original's. */
const errorsOf = (original: string, data: string, paths: readonly string[]): Promise<number[]> =>
  withRunner(silentTask, async (runner) => {
    const reference = await runner.load(original, {}, silentTask);
    const dataset = await loadDataset(data, reference.inputs, { maxSamples: samples }, silentTask);
    const errors: number[] = [];
    for (const path of paths) {
      const session = await runner.load(path, {}, silentTask);
      const error = await compareSessions(
        reference,
        session,
        dataset.batches(16),
        { label: path },
        silentTask,
      );
      errors.push(error.sqnrDb);
      await session.release();
    }
    return errors;
  });
