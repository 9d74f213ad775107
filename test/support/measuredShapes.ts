// What ONNX Runtime computes, for inferred shapes to be held to: every value that a node writes is measured by a Shape
// node beside it. Shared by the test and by the benchmark, which takes more models.

import { basename, join } from 'node:path';
import { freeDimensions } from '../../daemon/analysis/cost/cost';
import { inferShapes, type Dims } from '../../daemon/analysis/shapes';
import { silentTask } from '../../daemon/base/task';
import { node } from '../../daemon/ir/builder';
import type { Model } from '../../daemon/ir/model';
import { readModel } from '../../daemon/onnx/readModel';
import { writeModel } from '../../daemon/onnx/writeModel';
import { generateInputs } from '../../daemon/runtime/generateInputs';
import { withRunner } from '../../daemon/runtime/runner/runnerProcess';
import { bare, constantsOf, evaluated } from './shapeTruth';

export interface Measured {
  /** Values that were compared, once for each size and form. */
  values: number;
  /** Of them, those whose inferred dimensions are all known. */
  whole: number;
  /** Sentences. */
  readonly wrong: string[];
}

/** What ONNX Runtime's types are called in the specification. */
const dtypes: Readonly<Record<string, string>> = { float32: 'float', float64: 'double' };

/** The model with every written value as an output, and its shape as another. */
function measuring(model: Model, values: readonly string[]): Model {
  const output = (name: string) => ({ name, docString: '', metadataProps: [] });
  const ownOutputs = new Map(model.graph.outputs.map((each) => [each.name, each]));
  return {
    ...model,
    graph: {
      ...model.graph,
      nodes: [...model.graph.nodes, ...values.map((name) => node('Shape', [name], [`${name}/shape`]))],
      outputs: values.flatMap((name) => [ownOutputs.get(name) ?? output(name), output(`${name}/shape`)]),
    },
  };
}

/** Dimensions with the free ones at `size`. */
const at = (dims: Dims | null, free: readonly string[], size: number): Dims | null =>
  dims &&
  dims.map((dim) => {
    if (typeof dim !== 'string') return dim;
    let text = dim;
    for (const name of free) text = text.replaceAll(name, `n${size}`);
    return evaluated(text);
  });

/**
 * Infers the shapes of a model that states none, with free dimensions left free and bound to each of `sizes`, runs it
 * at those sizes, and compares. A dimension is what was measured, or unknown.
 */
export async function measuredShapes(
  file: string,
  sizes: readonly number[],
  folder: string,
): Promise<Measured> {
  const name = basename(file);
  const result: Measured = { values: 0, whole: 0, wrong: [] };
  const { model } = await readModel(file, silentTask);
  if (!model) throw new Error(`${file} cannot be read.`);
  const values = model.graph.nodes.flatMap(({ outputs }) => outputs.filter((each) => each !== ''));
  const path = join(folder, `measured-${name}`);
  await writeModel(measuring(model, values), path, { overwrite: true }, silentTask);
  const free = freeDimensions(model);
  const stripped = bare(model, 'inputs unknown', []);
  const constants = await constantsOf(stripped);
  const unbound = inferShapes(stripped, constants);
  await withRunner(silentTask, async (runner) => {
    const session = await runner.load(path, { graphOptimization: 'disabled' }, silentTask);
    const types = new Map(session.outputs.map((each) => [each.name, each.type]));
    for (const size of free.length > 0 ? sizes : [1]) {
      const bind = Object.fromEntries(free.map((each) => [each, size]));
      const bound = inferShapes(stripped, { ...constants, bind });
      const { feeds } = generateInputs(session.inputs, { bind, batch: size });
      const fetches = values.map((value) => `${value}/shape`);
      const measured = await session.run(feeds, silentTask, fetches);
      for (const value of values) {
        const truth = Array.from(measured[`${value}/shape`]!.data as BigInt64Array, Number);
        const type = types.get(value)!;
        for (const [how, shapes] of Object.entries({ unbound, bound })) {
          const { dtype, dims } = shapes.types.get(value) ?? { dtype: 'undefined', dims: null };
          const known = at(dims, free, size);
          result.values += 1;
          if (known?.every((dim) => typeof dim === 'number')) result.whole += 1;
          const fits =
            (known === null ||
              (known.length === truth.length &&
                known.every((dim, axis) => typeof dim !== 'number' || dim === truth[axis]))) &&
            (dtype === 'undefined' || dtype === (dtypes[type] ?? type));
          if (!fits)
            result.wrong.push(
              `${name}: ${value} ${how} ${dtype}[${String(dims)}], is ${type}[${String(truth)}]`,
            );
        }
      }
    }
    await session.release();
  });
  return result;
}
