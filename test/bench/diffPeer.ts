// Pairs made by others: what onnxsim, onnxslim and onnxruntime.quantization make of a model. They keep the names of the
// nodes that they keep, or of their values (quantization puts "_quant" behind those whose operator changes), which is the
// truth; the comparison sees other names in another order. Nodes that they leave behind with nobody to read them do not
// count: of several equal ones nothing says which is which.

import { join } from 'node:path';
import type { ModelDiff } from '../../daemon/analysis/diff';
import { silentTask } from '../../daemon/base/task';
import type { Model, Node } from '../../daemon/ir/model';
import { readModel } from '../../daemon/onnx/readModel';
import { diff } from '../../daemon/recipes/diff';
import { byOwnName, score, truthOf } from '../daemon/analysis/diffTruth';
import { sharedFolder } from '../support/paths';
import { askPython, pythonWith } from '../support/pythonEnvironment';
import type { BenchRow } from './row';

const packages = ['onnx==1.23.2', 'onnxruntime==1.30.0', 'onnxsim==0.8.1', 'onnxslim==0.1.98'];

/** Makes the versions of the models and says of each version whether it is there. */
const script = `
import json, sys, os, logging, contextlib
import numpy as np, onnx, onnxsim, onnxslim
from onnxruntime.quantization import quantize_static, quantize_dynamic, CalibrationDataReader, QuantFormat, QuantType
logging.disable(logging.CRITICAL)
class Reader(CalibrationDataReader):
    def __init__(self, path, model):
        data = np.load(path)
        names = [each.name for each in onnx.load(model).graph.input]
        self.rows = iter([{name: data[name][at:at + 1] for name in names} for at in range(8)])
    def get_next(self):
        return next(self.rows, None)
def static(form):
    return lambda path, data, to: quantize_static(path, to, Reader(data, path), quant_format=form,
        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)
versions = {
    'onnxsim': lambda path, data, to: onnx.save(onnxsim.simplify(onnx.load(path))[0], to),
    'onnxslim': lambda path, data, to: onnx.save(onnxslim.slim(onnx.load(path)), to),
    'static int8, QDQ': static(QuantFormat.QDQ),
    'static int8, QOperator': static(QuantFormat.QOperator),
    'dynamic int8': lambda path, data, to: quantize_dynamic(path, to),
}
found = []
with contextlib.redirect_stdout(sys.stderr):
    for each in json.load(sys.stdin):
        for version, make in versions.items():
            to = os.path.join(each['folder'], f"{each['name']}.{len(found)}.onnx")
            entry = {'name': each['name'], 'version': version, 'path': to, 'original': each['path']}
            try:
                make(each['path'], each['data'], to)
            except Exception as error:
                entry['error'] = str(error)[:200]
            found.append(entry)
print(json.dumps(found))
`;

interface Made {
  readonly name: string;
  readonly version: string;
  readonly path: string;
  readonly original: string;
  readonly error?: string;
}

const read = async (path: string): Promise<Model> => (await readModel(path, silentTask)).model!;

/** One row for each version of each model. */
export async function peerPairRows(folder: string, models: readonly string[]): Promise<BenchRow[]> {
  const shared = sharedFolder();
  if (!shared) return [];
  const environment = pythonWith('diff-peer', packages);
  if ('missing' in environment)
    return [{ name: 'pairs made by others', value: null, unit: '', goal: '', holds: false, detail: `not measured: ${environment.missing}` }]; // prettier-ignore
  const asked = models.map((name) => {
    const family = name.split('_')[0]!;
    const at = (file: string) => join(shared, 'models', family, file);
    return { name, folder, path: at(`${name}.onnx`), data: at(`${family}_calibration.npz`) };
  });
  const rows: BenchRow[] = [];
  for (const made of askPython(environment.python, script, asked) as Made[]) rows.push(await row(made));
  return rows;
}

async function row({ name, version, path, original, error }: Made): Promise<BenchRow> {
  const title = `${name} against its version by others (${version}): surviving nodes paired rightly`;
  if (error !== undefined)
    return {
      name: title,
      value: null,
      unit: '%',
      goal: '≥ 95 %',
      holds: false,
      detail: `not made: ${error}`,
    };
  const a = await read(original);
  const b = await read(path);
  const hidden = truthOf(a, b, 13, byNames(a, b));
  const found = await diff(a, hidden.model, silentTask);
  const { surviving, right, wrong } = score(found, hidden.truth);
  const others = rewritten(a, b, found);
  return {
    name: title,
    value: (100 * right) / surviving,
    unit: '%',
    goal: '≥ 95 %',
    holds: right / surviving >= 0.95,
    detail: `${right} of ${surviving}, ${wrong} other pairs; ${others.nodes === 0 ? '' : `${others.told} of ${others.nodes} nodes with another operator told as rewritten; `}${a.graph.nodes.length} and ${b.graph.nodes.length} nodes`,
  };
}

/** The node of the same operator and name, or that writes or (where it is the only one) reads the same value. */
function byNames(a: Model, b: Model): (node: Node) => Node | undefined {
  const named = byOwnName(b);
  const reading = (model: Model) => {
    const found = new Map<string, Node | undefined>();
    for (const each of model.graph.nodes) {
      const key = `${each.opType} ${each.inputs[0] ?? ''}`;
      found.set(key, found.has(key) ? undefined : each);
    }
    return (each: Node) => found.get(`${each.opType} ${each.inputs[0] ?? ''}`);
  };
  const [readingA, readingB] = [reading(a), reading(b)];
  const read = new Set(b.graph.outputs.map(({ name }) => name));
  for (const each of b.graph.nodes) for (const name of each.inputs) read.add(name);
  const taken = new Set(a.graph.nodes.map(named));
  return (each) => {
    const own = named(each);
    const other = own ?? (readingA(each) === each ? readingB(each) : undefined);
    if (other === undefined || (own === undefined && taken.has(other))) return undefined;
    return other.outputs.some((name) => read.has(name)) ? other : undefined;
  };
}

/** Nodes that have become an operator of integers, and how many of them are told as having become something. */
function rewritten(a: Model, b: Model, { replaced }: ModelDiff): { nodes: number; told: number } {
  const became = new Set(b.graph.nodes.map((each) => each.name));
  const told = new Set(replaced.flatMap(({ from }) => from.map(({ name }) => name)));
  const changed = a.graph.nodes.filter((each: Node) => each.name !== '' && became.has(`${each.name}_quant`));
  return { nodes: changed.length, told: changed.filter(({ name }) => told.has(name)).length };
}
