// Simplifying: nodes that are left of each trained model, ours beside onnxslim and onnxsim (the newest that pip
// installs, named in the rows), unmodified, on the same files. Peers run as their documentation calls them.

import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentTask } from '../../daemon/base/task';
import { optimize } from '../../daemon/recipes/optimize';
import { sharedFolder } from '../support/paths';
import { askPython, pythonWith } from '../support/pythonEnvironment';
import type { BenchRow } from './row';

const packages = ['onnx', 'onnxslim', 'onnxsim', 'onnxruntime'];

/** Reads {"paths": […]} and prints the versions and, for each path and peer, nodes and seconds or what went wrong. */
const script = `
import json, os, sys, time
out = os.fdopen(os.dup(1), 'w')
os.dup2(2, 1)
import onnx, onnxslim, onnxsim
from importlib.metadata import version
def count(graph):
    return sum(1 + sum(count(a.g) for a in n.attribute if a.type == onnx.AttributeProto.GRAPH) for n in graph.node)
def measure(work, path):
    try:
        started = time.perf_counter()
        model = work(onnx.load(path))
        return {'nodes': count(model.graph), 'seconds': time.perf_counter() - started}
    except Exception as error:
        return {'error': str(error)[:200]}
rows = [{'onnxslim': measure(onnxslim.slim, path),
         'onnxsim': measure(lambda model: onnxsim.simplify(model)[0], path)}
        for path in json.load(sys.stdin)['paths']]
json.dump({'versions': {name: version(name) for name in ['onnxslim', 'onnxsim']}, 'rows': rows}, out)
out.flush()
`;

type Measured = { readonly nodes: number; readonly seconds: number } | { readonly error: string };
type Peer = 'onnxslim' | 'onnxsim';
interface Peers {
  readonly versions: Readonly<Record<Peer, string>>;
  readonly rows: readonly Readonly<Record<Peer, Measured>>[];
}

function modelPaths(): string[] {
  const shared = sharedFolder();
  if (!shared) return [];
  const models = join(shared, 'models');
  return readdirSync(models, { recursive: true })
    .map((name) => join(models, String(name)))
    .filter((path) => path.endsWith('.onnx') && existsSync(path))
    .sort();
}

/** One row for each model. */
export async function bench(): Promise<BenchRow[]> {
  const paths = modelPaths();
  if (paths.length === 0) return [notMeasured('the trained models beside the checkout are not there')];
  const environment = pythonWith('simplify-peers', packages);
  const peers =
    'python' in environment ? (askPython(environment.python, script, { paths }) as Peers) : undefined;
  const missing = 'missing' in environment ? environment.missing : '';
  const folder = await mkdtemp(join(tmpdir(), 'slipway-bench-simplify-'));
  try {
    const rows: BenchRow[] = [];
    for (const [i, path] of paths.entries()) {
      rows.push(await row(path, join(folder, `${i}.onnx`), peers, i, missing));
    }
    return rows;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const notMeasured = (why: string): BenchRow => ({
  name: 'simplify',
  value: null,
  unit: '',
  goal: '',
  holds: false,
  detail: `not measured: ${why}`,
});

async function row(
  path: string,
  output: string,
  peers: Peers | undefined,
  at: number,
  missing: string,
): Promise<BenchRow> {
  const started = performance.now();
  // A model that this ONNX Runtime cannot run is simplified without the check, as the peers do by default.
  const { before, after, maxAbsError } = await optimize(path, { output, unchecked: true }, silentTask);
  const seconds = (performance.now() - started) / 1000;
  const least: number[] = [];
  const texts = (['onnxslim', 'onnxsim'] as const).map((name) => {
    const measured = peers?.rows[at]?.[name];
    if (!measured) return `${name} not measured: ${missing}`;
    if ('error' in measured) return `${name} ${peers.versions[name]} failed: ${measured.error}`;
    least.push(measured.nodes);
    return `${name} ${peers.versions[name]} ${measured.nodes} in ${measured.seconds.toFixed(2)} s`;
  });
  const best = Math.min(...least);
  const check =
    maxAbsError === null ? 'outputs not compared' : `outputs differ by ${maxAbsError.toExponential(1)}`;
  return {
    name: `nodes of ${path.split(/[\\/]/).at(-1) ?? path}`,
    value: after.nodes,
    unit: `of ${before.nodes}`,
    goal: least.length > 0 ? `≤ ${best}` : '≤ peers',
    holds: after.nodes <= best && least.length > 0,
    detail: `${check}, ${seconds.toFixed(2)} s with the check; ${texts.join('; ')}`,
  };
}
