// Static and dynamic int8 against onnxruntime.quantization: the same models, calibration data and runtime. Its
// results and ours are measured in one interleaved benchmark in Node's ONNX Runtime; quantizing is timed as
// whole processes, start-up included.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentTask } from '../../daemon/base/task';
import { evaluateModel } from '../../daemon/evaluate/evaluate';
import { setScriptFolder } from '../../daemon/host/scripts';
import { benchmark } from '../../daemon/runtime/benchmark';
import { median } from '../../daemon/runtime/statistics';
import { distFolder, repository, sharedFolder } from '../support/paths';
import type { BenchRow } from './row';

const packages = ['onnxruntime==1.30.0', 'onnx', 'numpy'];

const peerScript = `
import sys, numpy as np
from onnxruntime.quantization import (quantize_static, quantize_dynamic, CalibrationDataReader, CalibrationMethod,
                                      QuantType, QuantFormat)
mode, model, data, out = sys.argv[1:5]
class Reader(CalibrationDataReader):
    def __init__(self):
        arrays = np.load(data)
        names = [name for name in arrays.files if name != 'label']
        columns = {name: arrays[name] for name in names}
        count = len(next(iter(columns.values())))
        self.rows = iter([{name: column[i:i + 1] for name, column in columns.items()} for i in range(count)])
    def get_next(self):
        return next(self.rows, None)
if mode == 'prepared':
    from onnxruntime.quantization.shape_inference import quant_pre_process
    quant_pre_process(model, out + '.prepared', skip_symbolic_shape=True)
    model = out + '.prepared'
if mode == 'dynamic':
    quantize_dynamic(model, out)
elif mode == 'default':
    quantize_static(model, out, Reader())
else:
    methods = {'percentile': CalibrationMethod.Percentile, 'entropy': CalibrationMethod.Entropy}
    quantize_static(model, out, Reader(), quant_format=QuantFormat.QDQ, activation_type=QuantType.QUInt8,
                    weight_type=QuantType.QInt8, per_channel=True,
                    calibrate_method=methods.get(mode, CalibrationMethod.MinMax))
`;

/** A Python with the peer's packages in an environment of its own, or what is missing. */
function peerPython(): { python: string } | { missing: string } {
  const folder = join(repository, '.cache', 'quantization-peer');
  const python = join(folder, 'bin', 'python');
  const works = () => spawnSync(python, ['-c', 'import onnxruntime.quantization']).status === 0;
  if (existsSync(python) && works()) return { python };
  mkdirSync(join(repository, '.cache'), { recursive: true });
  rmSync(folder, { recursive: true, force: true });
  if (spawnSync('python3', ['-m', 'venv', folder]).status !== 0)
    return { missing: 'Python 3 with venv is missing (Debian: sudo apt-get install python3-venv)' };
  const installed = spawnSync(python, ['-m', 'pip', 'install', '--quiet', ...packages], { encoding: 'utf8' });
  return installed.status === 0
    ? { python }
    : { missing: `pip cannot install ${packages.join(' ')}: ${installed.stderr.trim().split('\n').at(-1)}` };
}

interface Cost {
  readonly seconds: number;
  /** Most resident memory that the program and all its children held at once, bytes; NaN where /proc is missing. */
  readonly rssBytes: number;
  readonly ok: boolean;
}

/** A process and its children. */
function treeOf(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return [pid, ...(children === '' ? [] : children.split(' ').flatMap((child) => treeOf(Number(child))))];
  } catch {
    return [];
  }
}

function rssOf(pid: number): number {
  try {
    const kilobytes = /^VmRSS:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return Number(kilobytes ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** Runs a program and measures it, its children included; memory is looked at every 5 ms. */
async function measured(program: string, args: readonly string[]): Promise<Cost> {
  const started = performance.now();
  const child = spawn(program, args, { stdio: 'ignore' });
  let rssBytes = 0;
  const look = () => {
    if (child.pid === undefined) return;
    rssBytes = Math.max(
      rssBytes,
      treeOf(child.pid).reduce((sum, pid) => sum + rssOf(pid), 0),
    );
  };
  const timer = setInterval(look, 5);
  const [code] = (await once(child, 'exit')) as [number | null];
  clearInterval(timer);
  return {
    seconds: (performance.now() - started) / 1000,
    rssBytes: rssBytes === 0 ? NaN : rssBytes,
    ok: code === 0,
  };
}

/** Time and memory of the same work, ours and theirs in turn. */
interface CostPair {
  readonly calibrator: string;
  readonly ours: Cost;
  readonly theirs: Cost;
}

const middle = (costs: readonly Cost[]): Cost => ({
  seconds: median(costs.map(({ seconds }) => seconds)),
  rssBytes: median(costs.map(({ rssBytes }) => rssBytes)),
  ok: costs.every(({ ok }) => ok),
});

interface Version {
  readonly name: string;
  readonly path: string;
  readonly ours: boolean;
}

const models = ['digits', 'resnet', 'mobilenet', 'mobilenetv3', 'bert'] as const;
const hardSwish: ReadonlySet<string> = new Set(['mobilenetv3']);
const convolutional: ReadonlySet<string> = new Set(['digits', 'resnet', 'mobilenet', 'mobilenetv3']);

/** Rows for every model in ../shared/models; several minutes. */
export async function bench(): Promise<BenchRow[]> {
  setScriptFolder(distFolder);
  const shared = sharedFolder();
  if (!shared) return [unmeasured('quantize', '../shared/models is absent')];
  const peer = peerPython();
  const only = process.env['SLIPWAY_BENCH_MODELS']?.split(',');
  const rows: BenchRow[] = [];
  for (const model of models.filter((each) => !only || only.includes(each))) {
    const folder = mkdtempSync(join(tmpdir(), 'slipway-bench-quantize-'));
    try {
      rows.push(...(await benchModel(model, join(shared, 'models', model), folder, peer)));
    } catch (error) {
      rows.push(unmeasured(model, error instanceof Error ? error.message : String(error)));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  return rows;
}

const unmeasured = (name: string, why: string): BenchRow => ({
  name,
  value: null,
  unit: '',
  goal: '',
  holds: false,
  detail: `not measured: ${why}`,
});

async function benchModel(
  model: string,
  from: string,
  folder: string,
  peer: ReturnType<typeof peerPython>,
): Promise<BenchRow[]> {
  const original = join(from, `${model}.onnx`);
  const calibration = join(from, `${model}_calibration.npz`);
  const versions: Version[] = [];
  const add = async (name: string, ours: boolean, run: (out: string) => Promise<Cost>) => {
    const path = join(folder, `${name.replace(/\W/g, '-')}.onnx`);
    const { ok } = await run(path);
    if (ok && existsSync(path)) versions.push({ name, path, ours });
  };
  const slipway = (...args: string[]) =>
    measured(process.execPath, [join(distFolder, 'slipway.js'), ...args]);
  await add('ours static', true, (out) =>
    slipway('quantize', original, '-o', out, '--method', 'static', '--calibration', calibration, '--json'),
  );
  if (model === 'bert')
    await add('ours dynamic', true, (out) =>
      slipway('quantize', original, '-o', out, '--method', 'dynamic', '--json'),
    );
  const costs: CostPair[] = [];
  if ('python' in peer) {
    const script = join(folder, 'peer.py');
    writeFileSync(script, peerScript);
    const theirs = (mode: string, out: string) =>
      measured(peer.python, [script, mode, original, calibration, out]);
    for (const mode of ['default', 'u8s8', 'prepared', ...(model === 'bert' ? ['dynamic'] : [])])
      await add(`theirs ${mode}`, false, (out) => theirs(mode, out));
    for (const calibrator of ['minmax', 'percentile', 'entropy']) {
      const pairs: [Cost, Cost][] = [];
      for (let round = 0; round < (calibrator === 'minmax' ? 3 : 1); round += 1) {
        const out = join(folder, 'cost.onnx');
        const args = ['--method', 'static', '--calibrator', calibrator, '--calibration', calibration];
        pairs.push([
          await slipway('quantize', original, '-o', out, ...args, '--overwrite', '--json'),
          await theirs(calibrator, out),
        ]);
      }
      costs.push({
        calibrator,
        ours: middle(pairs.map(([ours]) => ours)),
        theirs: middle(pairs.map(([, theirs]) => theirs)),
      });
    }
  }
  const paths = [{ path: original }, ...versions.map(({ path }) => ({ path }))];
  const { ratios } = await benchmark(paths, { threads: 1, batch: 1, maxSeconds: 4 }, silentTask);
  const top1 = async (path: string) => {
    const data = join(from, `${model}_validation.npz`);
    return (await evaluateModel({ path, data, metric: 'top1', maxSamples: 2000, batch: 1 }, silentTask))
      .value;
  };
  const float = await top1(original);
  const figures = await Promise.all(
    versions.map(async (version, i) => ({
      ...version,
      ratio: ratios[i]?.p50Ratio ?? NaN,
      span: ratios[i] ? `${ratios[i].low.toFixed(2)} to ${ratios[i].high.toFixed(2)}` : '',
      drop: float - (await top1(version.path)),
    })),
  );
  return rowsOf(model, float, figures, costs, peer);
}

type Figure = Version & { readonly ratio: number; readonly span: string; readonly drop: number };

function rowsOf(
  model: string,
  float: number,
  figures: readonly Figure[],
  costs: readonly CostPair[],
  peer: ReturnType<typeof peerPython>,
): BenchRow[] {
  const fastest = (list: readonly Figure[]) => [...list].sort((a, b) => b.ratio - a.ratio)[0];
  const ours = fastest(figures.filter((each) => each.ours));
  if (!ours) return [unmeasured(model, 'our own quantization failed')];
  const theirs = figures.filter((each) => !each.ours);
  // A version that lost its accuracy is no rival in speed.
  const rival = fastest(theirs.filter(({ drop }) => drop <= 0.01));
  const standard = theirs.find(({ name }) => name === 'theirs default');
  const told = (each: Figure) =>
    `${each.name} ${each.ratio.toFixed(2)}× (${each.span}), top-1 lost ${(each.drop * 100).toFixed(2)}`;
  const missing = 'missing' in peer ? `; the peer is missing: ${peer.missing}` : '';
  const row = (name: string, value: number, unit: string, goal: string, holds: boolean, detail: string) => ({
    name: `${model}: ${name}`,
    value,
    unit,
    goal,
    holds,
    detail,
  });
  const rows: BenchRow[] = [
    row(
      'speed against float',
      ours.ratio,
      '×',
      hardSwish.has(model) ? '≥ 1.2' : '',
      ours.ratio >= 1.2,
      `${figures.map(told).join('; ')}${missing}`,
    ),
    row(
      'top-1 lost',
      ours.drop * 100,
      'points',
      '≤ 0.3',
      ours.drop <= 0.003 + 1e-9,
      `float ${float.toFixed(4)}`,
    ),
  ];
  if (rival)
    rows.push(
      row(
        'speed against their best',
        ours.ratio / rival.ratio,
        '×',
        '≥ 1',
        ours.ratio / rival.ratio >= 0.98,
        `${rival.name}; 2 % are within the noise`,
      ),
    );
  if (standard && convolutional.has(model))
    rows.push(
      row(
        'speed against their defaults',
        ours.ratio / standard.ratio,
        '×',
        '≥ 2',
        ours.ratio / standard.ratio >= 2,
        '',
      ),
    );
  const mega = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
  for (const { calibrator, ours: mine, theirs: like } of costs) {
    if (!mine.ok || !like.ok) {
      rows.push(unmeasured(`${model}: ${calibrator}`, `${mine.ok ? 'the peer' : 'Slipway'} failed`));
      continue;
    }
    const faster = like.seconds / mine.seconds;
    const memory = mine.rssBytes / like.rssBytes;
    rows.push(
      row(
        `time to quantize by ${calibrator}, theirs over ours`,
        faster,
        '×',
        '≥ 5',
        faster >= 5,
        `${like.seconds.toFixed(2)} s against ${mine.seconds.toFixed(2)} s, which check fusion and error too`,
      ),
      row(
        `peak memory by ${calibrator}, ours over theirs`,
        memory,
        '×',
        '≤ 0.5',
        memory <= 0.5,
        `${mega(mine.rssBytes)} against ${mega(like.rssBytes)}, all processes together`,
      ),
    );
  }
  return rows;
}
