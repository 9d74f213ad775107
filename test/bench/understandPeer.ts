// The comparison with onnx.shape_inference: every model in three forms, both engines, one count.

import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { inferShapes, type Dims } from '../../daemon/analysis/shapes';
import { silentTask } from '../../daemon/base/task';
import type { Model } from '../../daemon/ir/model';
import { readModel } from '../../daemon/onnx/readModel';
import { writeModel } from '../../daemon/onnx/writeModel';
import { conformanceCases } from '../support/conformance';
import { sharedFolder } from '../support/paths';
import { askPython, pythonWith } from '../support/pythonEnvironment';
import { bare, constantsOf, evaluated, stored, wrongBecause, type Mode } from '../support/shapeTruth';
import type { BenchRow } from './row';

const peerVersion = '1.23.2';
const environment = () => pythonWith('understand-peer', [`onnx==${peerVersion}`]);

/** Prints for each file {value: [dims]}; a dimension is a number, the name of one of the inputs', or null. */
const script = `
import json, sys, onnx
from onnx import shape_inference
def dims_of(value, names):
    kind = value.type.WhichOneof('value')
    if kind != 'tensor_type' or not value.type.tensor_type.HasField('shape'): return None
    out = []
    for d in value.type.tensor_type.shape.dim:
        if d.HasField('dim_value'): out.append(d.dim_value)
        elif d.HasField('dim_param') and d.dim_param in names: out.append(d.dim_param)
        else: out.append(None)
    return out
results = []
for path in json.load(sys.stdin)['paths']:
    try:
        model = onnx.load(path)
        names = {d.dim_param for i in model.graph.input if i.type.WhichOneof('value') == 'tensor_type'
                 for d in i.type.tensor_type.shape.dim if d.HasField('dim_param')}
        known = shape_inference.infer_shapes(model, check_type=False, strict_mode=False, data_prop=True)
        found = {}
        for value in list(known.graph.value_info) + list(known.graph.output):
            dims = dims_of(value, names)
            if dims is not None: found[value.name] = dims
        results.append({'values': found})
    except Exception as error:
        results.append({'error': str(error)[:200]})
print(json.dumps(results))
`;

interface PeerResult {
  values?: Record<string, (number | string | null)[]>;
  error?: string;
}

const timing = `
import json, sys, time, onnx
from onnx import shape_inference
model = onnx.load(json.load(sys.stdin)['path'])
times = []
for _ in range(3):
    begun = time.perf_counter()
    shape_inference.infer_shapes(model, data_prop=True)
    times.append(time.perf_counter() - begun)
print(json.dumps(sorted(times)[1]))
`;

/** How long the peer takes for its shapes alone, in words. */
export function peerSeconds(path: string): string {
  const made = environment();
  if ('missing' in made) return `onnx not measured: ${made.missing}`;
  const seconds = askPython(made.python, timing, { path }) as number;
  return `onnx ${peerVersion} shapes once, no cost: ${seconds.toFixed(3)} s`;
}

interface Asked {
  readonly name: string;
  readonly mode: Mode;
  readonly path: string;
  readonly model: Model;
  /** Values that are compared: outputs of a conformance model, every written value of a trained one. */
  readonly values: readonly string[];
  readonly wrong: readonly string[];
}

const modes: readonly Mode[] = ['inputs unknown', 'inputs as constants', 'dimensions free'];

/** Whole: every dimension a number or an expression of the inputs' names. */
const isWhole = (dims: Dims | null | undefined): boolean => dims?.every((dim) => dim !== null) ?? false;

/** One row for correctness, and one for each form of the models: shapes that we know, of how many, and the peer's. */
export async function inferenceRows(folder: string): Promise<BenchRow[]> {
  const asked: Asked[] = [...(await conformance(folder)), ...(await trained(folder))];
  if (asked.length === 0) return [missing('the models beside the checkout are not there')];
  const made = environment();
  if ('missing' in made) return [missing(made.missing)];
  const answers: PeerResult[] = [];
  for (let at = 0; at < asked.length; at += 400) {
    const paths = asked.slice(at, at + 400).map(({ path }) => path);
    answers.push(...(askPython(made.python, script, { paths }) as PeerResult[]));
  }
  return [correctness(asked), ...modes.map((mode) => compared(asked, answers, mode))];
}

const missing = (why: string): BenchRow => ({
  name: 'shape inference',
  value: null,
  unit: '',
  goal: '',
  holds: false,
  detail: `not measured: ${why}`,
});

function correctness(asked: readonly Asked[]): BenchRow {
  const wrong = asked.flatMap((each) => each.wrong);
  return {
    name: 'shapes and types that contradict a stored output',
    value: wrong.length,
    unit: `of ${asked.length} models`,
    goal: '0',
    holds: wrong.length === 0,
    detail: `${modes.length} forms of each conformance model, every trained model; ${wrong.slice(0, 5).join('; ')}`,
  };
}

function compared(asked: readonly Asked[], answers: readonly PeerResult[], mode: Mode): BenchRow {
  const counts = { values: 0, ours: 0, peer: 0, refused: 0 };
  /** Shapes that the peer knows whole and we do not, and dimensions on which we differ. */
  const behind: string[] = [];
  const differ: string[] = [];
  asked.forEach((each, at) => {
    if (each.mode !== mode) return;
    const { types } = inferred.get(each)!;
    const answer = answers[at]!;
    if (answer.error !== undefined) counts.refused += 1;
    for (const name of each.values) {
      counts.values += 1;
      const mine = types.get(name)?.dims ?? null;
      const theirs = answer.values?.[name] ?? null;
      if (isWhole(mine)) counts.ours += 1;
      if (isWhole(theirs)) counts.peer += 1;
      if (isWhole(theirs) && !isWhole(mine)) behind.push(`${each.name} ${name}`);
      if (contradict(mine, theirs))
        differ.push(`${each.name} ${name} [${mine!.join()}] and [${theirs!.join()}]`);
    }
  });
  if (process.env['SLIPWAY_BENCH_DETAIL'] !== undefined)
    process.stderr.write(`${mode}\nbehind\n${behind.join('\n')}\ndiffer\n${differ.join('\n')}\n`);
  return {
    name: `output shapes known whole, ${mode}`,
    value: counts.ours,
    unit: `of ${counts.values}`,
    goal: `≥ ${counts.peer}`,
    holds: counts.ours >= counts.peer,
    detail:
      `onnx ${peerVersion} ${counts.peer} (refuses ${counts.refused} models); it knows ${behind.length} that we do not` +
      `; we differ on ${differ.length}${differ.length > 0 ? `: ${differ.slice(0, 3).join('; ')}` : ''}`,
  };
}

const contradict = (a: Dims | null, b: Dims | null): boolean =>
  a !== null &&
  b !== null &&
  (a.length !== b.length ||
    a.some((dim, axis) => typeof dim === 'number' && typeof b[axis] === 'number' && dim !== b[axis]));

const inferred = new Map<Asked, ReturnType<typeof inferShapes>>();

async function conformance(folder: string): Promise<Asked[]> {
  const asked: Asked[] = [];
  for (const mode of modes) {
    mkdirSync(join(folder, mode));
    for (const [at, each] of (conformanceCases() ?? []).entries()) {
      const { model } = await readModel(each.model, silentTask);
      if (!model) throw new Error(`${each.name} cannot be read.`);
      const inputs =
        mode === 'inputs as constants' ? await stored(each, 'input', model.graph.inputs.length) : [];
      const expected = await stored(each, 'output', model.graph.outputs.length);
      const stripped = bare(model, mode, inputs);
      const shapes = inferShapes(stripped, await constantsOf(stripped));
      const values = model.graph.outputs.flatMap(({ name }, output) =>
        expected[output] && model.graph.outputs[output]?.type?.kind === 'tensor' ? [name] : [],
      );
      const wrong = model.graph.outputs.flatMap(({ name, type }, output) => {
        const tensor = expected[output];
        const mine = shapes.types.get(name);
        if (!tensor || !mine || type?.kind !== 'tensor') return [];
        const why = wrongBecause({ ...mine, dims: mine.dims && mine.dims.map(evaluated) }, tensor);
        return why === undefined ? [] : [`${each.name} ${name}: ${why}`];
      });
      const path = join(folder, mode, `${at}.onnx`);
      await writeModel(stripped, path, {}, silentTask);
      const one = { name: each.name, mode, path, model: stripped, values, wrong };
      inferred.set(one, shapes);
      asked.push(one);
    }
  }
  return asked;
}

async function trained(folder: string): Promise<Asked[]> {
  const shared = sharedFolder();
  if (!shared) return [];
  const models = join(shared, 'models');
  const files = readdirSync(models, { recursive: true })
    .map((name) => join(models, String(name)))
    .filter((path) => path.endsWith('.onnx'))
    .sort();
  const asked: Asked[] = [];
  for (const mode of ['inputs unknown', 'dimensions free'] as const) {
    for (const [at, file] of files.entries()) {
      const { model } = await readModel(file, silentTask);
      if (!model) throw new Error(`${file} cannot be read.`);
      const stripped = bare(model, mode, []);
      const shapes = inferShapes(stripped, await constantsOf(stripped));
      const path = join(folder, mode, `trained-${at}.onnx`);
      await writeModel(stripped, path, {}, silentTask);
      const values = stripped.graph.nodes.flatMap(({ outputs }) => outputs.filter((name) => name !== ''));
      const one = { name: file.slice(models.length + 1), mode, path, model: stripped, values, wrong: [] };
      inferred.set(one, shapes);
      asked.push(one);
    }
  }
  return asked;
}
