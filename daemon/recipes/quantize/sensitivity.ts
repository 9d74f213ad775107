// How much each layer's rounding costs, measured: one layer at a time is quantized, all others stay in float,
// and the outputs are compared with the float model's. Beside it the error that has gathered at each layer when
// all are quantized together. Which layers to give back is decided in accuracyLoop.ts.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '../../host/temporaryFolder';
import { SlipwayError } from '../../base/errors';
import { breathe, throwIfCancelled, type Task } from '../../base/task';
import type { Dataset } from '../../evaluate/dataset';
import { compareSessions, OutputComparison, type OutputError } from '../../evaluate/outputError';
import { suitableBatch } from '../../evaluate/predict';
import { valueInfo } from '../../ir/builder';
import { DataType } from '../../ir/dataType';
import type { Model, Node } from '../../ir/model';
import { nameOf } from '../../passes/quantize/outcome';
import type { Calibrator } from '../../runtime/calibrate/calibrateBy';
import { withRunner } from '../../runtime/runner/runnerProcess';
import type { RunnerSession } from '../../runtime/runner/session';
import { writeWorkingCopy } from '../../runtime/runner/workingCopy';
import { samplesOf } from './quantizeCheck';
import type { StaticWork } from './staticWork';

export interface LayerSensitivity {
  readonly node: string;
  readonly op: string;
  /** Error of the model's outputs when this layer alone is quantized. */
  readonly alone: OutputError;
  /** Error of this layer's own output when all layers are quantized; null when it has no float form there. */
  readonly together: OutputError | null;
}

/** A quantized operator that is not measured alone: no layer, or one that is quantized with its neighbours only. */
export interface OperatorError {
  readonly node: string;
  readonly op: string;
  /** Error of its own output when all layers are quantized. */
  readonly together: OutputError;
}

const quantizedLayers = new Set(['Conv', 'Gemm', 'MatMul']);

/**
 * Measures every layer that static quantization takes, over at most `samples` samples, and with `together` the error
 * that has gathered at the other operators too. Reports each row as it is known; the worst come first in the result.
 */
export async function measureSensitivity(
  work: StaticWork,
  options: {
    readonly calibrator: Calibrator;
    readonly samples: number;
    readonly together?: boolean;
    /** Gets the layers that are quantized with their neighbours and not alone, so that they have no row. */
    readonly onlyTogether?: string[];
  },
  task: Task<LayerSensitivity>,
): Promise<{ readonly layers: LayerSensitivity[]; readonly operators: OperatorError[] }> {
  const { calibrator, samples } = options;
  const quiet: Task = { signal: task.signal, report: () => undefined };
  const all = await work.plainOutcome(calibrator, undefined, task);
  const taken = new Set(all.quantizedNodes);
  const quantized = work.model.graph.nodes.filter((node) => taken.has(nameOf(node)));
  const layers = quantized.filter(({ opType }) => quantizedLayers.has(opType));
  const others = quantized.filter(({ opType }) => !quantizedLayers.has(opType));
  const folder = await temporaryFolder('sensitivity');
  try {
    return await withRunner(task, async (runner) => {
      const write = async (model: Model, name: string) => {
        const path = join(folder, name);
        await writeWorkingCopy(model, path, quiet);
        return runner.load(path, {}, quiet);
      };
      const nodes = options.together === true ? [...layers, ...others] : [];
      const together = await errorsTogether(work, all.model, nodes, samples, write, task);
      const original = await write(work.model, 'float.onnx');
      const rows: LayerSensitivity[] = [];
      for (const [done, layer] of layers.entries()) {
        await breathe(task);
        const node = nameOf(layer);
        const one = await outcomeOf(work, calibrator, node, task);
        if (!one) {
          options.onlyTogether?.push(node);
          task.report({ stage: 'Measuring layers', done: done + 1, total: layers.length });
          continue;
        }
        const session = await write(one, 'one.onnx');
        const batches = samplesOf(work.dataset, 'static', samples);
        const alone = await compareSessions(original, session, batches, { label: node }, quiet);
        await session.release();
        const row = { node, op: layer.opType, alone, together: together[done] ?? null };
        rows.push(row);
        task.report({ stage: 'Measuring layers', done: done + 1, total: layers.length, row });
      }
      const alone = new Set(rows.map(({ node }) => node));
      const operators = nodes.flatMap((node, i): OperatorError[] => {
        const error = together[i];
        return error && !alone.has(nameOf(node))
          ? [{ node: nameOf(node), op: node.opType, together: error }]
          : [];
      });
      return {
        layers: rows.sort((a, b) => a.alone.sqnrDb - b.alone.sqnrDb),
        operators: operators.sort((a, b) => a.together.sqnrDb - b.together.sqnrDb),
      };
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The model with one layer quantized; undefined when it is not taken on its own (a lone depthwise Conv). */
async function outcomeOf(
  work: StaticWork,
  calibrator: Calibrator,
  node: string,
  task: Task,
): Promise<Model | undefined> {
  try {
    const quiet: Task = { signal: task.signal, report: () => undefined };
    return (await work.plainOutcome(calibrator, undefined, quiet, new Set([node]))).model;
  } catch (error) {
    throwIfCancelled(task);
    if (error instanceof SlipwayError && error.kind === 'unsupported') return undefined;
    throw error;
  }
}

/** Layers whose outputs one run gives out at once. */
const layersAtOnce = 16;

async function errorsTogether(
  work: StaticWork,
  quantized: Model,
  layers: readonly Node[],
  samples: number,
  write: (model: Model, name: string) => Promise<RunnerSession>,
  task: Task,
): Promise<(OutputError | null)[]> {
  const quiet: Task = { signal: task.signal, report: () => undefined };
  const made = new Set(quantized.graph.nodes.flatMap(({ outputs }) => outputs));
  const errors: (OutputError | null)[] = [];
  for (let from = 0; from < layers.length; from += layersAtOnce) {
    task.report({ stage: 'Comparing layers', done: from, total: layers.length });
    const names = layers.slice(from, from + layersAtOnce).map(({ outputs }) => outputs[0] ?? '');
    const both = names.filter((name) => made.has(name));
    const a = await write(withOutputs(work.model, both), 'float.onnx');
    const b = await write(withOutputs(quantized, both), 'all.onnx');
    const sums = new Map(both.map((name) => [name, new OutputComparison()]));
    for await (const { feeds, count } of limited(work.dataset, samples)) {
      const x = await a.run(feeds, quiet, both);
      const y = await b.run(feeds, quiet, both);
      for (const name of both) {
        sums.get(name)!.add(x[name]!, y[name]!, count, x[name]!.dims[0] ?? count);
        sums.get(name)!.addSamples(count);
      }
    }
    await a.release();
    await b.release();
    errors.push(...names.map((name) => sums.get(name)?.result() ?? null));
  }
  return errors;
}

/** Batches of at most eight samples: whole layers leave the runner here. */
async function* limited(dataset: Dataset, samples: number) {
  let left = samples;
  for await (const { feeds, count } of dataset.batches(Math.min(8, suitableBatch(dataset)))) {
    yield { feeds, count: Math.min(count, left) };
    left -= count;
    if (left <= 0) return;
  }
}

function withOutputs(model: Model, names: readonly string[]): Model {
  const outputs = names.map((name) => valueInfo(name, DataType.FLOAT));
  return { ...model, graph: { ...model.graph, outputs } };
}
