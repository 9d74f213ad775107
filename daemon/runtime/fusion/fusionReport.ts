// Says which nodes of a quantized model really run in integers: ONNX Runtime optimises it and writes down the
// graph that it would run, and that graph is read back. Nothing is run.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '../../host/temporaryFolder';
import { SlipwayError } from '../../base/errors';
import { breathe, type Task } from '../../base/task';
import { DataType } from '../../ir/dataType';
import { indexGraph, type GraphIndex } from '../../ir/graphIndex';
import type { Graph, Model, Node } from '../../ir/model';
import { readModel } from '../../onnx/readModel';
import { coverOf, integerNodes, regionBehind } from './fusionMap';
import { layoutOps, namingRank } from './fusionOps';
import { mendOf } from './fusionMend';
import { reasonContext, whyFloat } from './fusionReason';
import { useRunner } from '../runner/runnerProcess';
import { sleepingThreads, type Runner, type RunnerSession } from '../runner/session';

export interface FusionReport {
  /** Compute nodes that run in integers; what was fused into one counts once. */
  integer: number;
  /** Compute nodes that run in float. */
  float: number;
  /** The nodes that run in integers, each with the operator that does its work. */
  ran?: { node: string; op: string; as: string }[];
  /** The nodes that run in float, by their names in the original, or by their outputs where they have none. */
  left: { node: string; op: string; why: string; mend?: string }[];
}

export interface FusionOptions {
  /** The quantizer's own reasons by node name: they are told where it left out quantize steps. */
  readonly planned?: ReadonlyMap<string, string> | undefined;
  /** The graph of the quantized file, where it is at hand. */
  readonly given?: Graph | undefined;
  /** A runner to use; one of its own when absent. */
  readonly runner?: Runner | undefined;
  /** Threads inside an operator, for `use`; 1 when absent. */
  readonly threads?: number | undefined;
  /** Further settings of the session, where it is to be loaded as elsewhere. */
  readonly config?: Readonly<Record<string, string>> | undefined;
  /** Called with the quantized model as it was loaded, which is released afterwards. */
  readonly use?: ((session: RunnerSession) => Promise<void>) | undefined;
}

/**
 * Maps every compute node of the original's main graph to the optimised graph of the quantized file.
 * Nodes that only move or inspect values, or compute shapes, are not counted, nor those that were folded
 * away or fused into another.
 */
export async function fusionReport(
  original: Model,
  quantizedPath: string,
  options: FusionOptions,
  task: Task,
): Promise<FusionReport> {
  task.report({ stage: 'Checking what runs in integers' });
  const given = options.given ?? (await graphOf(quantizedPath, task));
  const folder = await temporaryFolder('fusion');
  try {
    const optimisedPath = join(folder, 'optimised.onnx');
    return await useRunner(options.runner, task, async (runner) => {
      // "extended" does all fusions; what "all" adds on the CPU are memory layouts, which rename the nodes.
      const session = await runner.load(
        quantizedPath,
        {
          graphOptimization: 'extended',
          optimizedModelPath: optimisedPath,
          threads: options.threads ?? 1,
          // Weights go beside the graph, so that a model of more than 2 GB can be written.
          config: {
            ...sleepingThreads,
            ...options.config,
            'session.optimized_model_external_initializers_file_name': 'optimised.data',
            'session.optimized_model_external_initializers_min_size_in_bytes': '1024',
          },
        },
        task,
      );
      const optimised = await graphOf(optimisedPath, task);
      const report = await compare(original.graph, given, optimised, options.planned ?? new Map(), task);
      await options.use?.(session);
      await session.release();
      return report;
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function graphOf(path: string, task: Task): Promise<Graph> {
  const { model, diagnostics } = await readModel(path, task);
  if (model) return model.graph;
  throw new SlipwayError(
    'invalidModel',
    `${path} cannot be read: ${diagnostics[0]?.message ?? 'it is empty.'}`,
  );
}

async function compare(
  original: Graph,
  given: Graph,
  optimised: Graph,
  planned: ReadonlyMap<string, string>,
  task: Task,
): Promise<FusionReport> {
  const givenIndex = indexGraph(given);
  const cover = coverOf(given, givenIndex, optimised);
  const inIntegers = integerNodes(optimised);
  const context = reasonContext(givenIndex, given.nodes);
  const counterparts = counterpartsOf(original, given, givenIndex);
  const ranked = computeNodes(original).sort((a, b) => namingRank(a.opType) - namingRank(b.opType));
  const claimed = new Set<Node>();
  const integer = new Map<Node, string>();
  const float = new Map<Node, string>();
  for (const node of ranked) {
    await breathe(task);
    const own = counterparts.get(node) ?? [];
    const covering = own
      .flatMap((counterpart) => cover.get(counterpart) ?? [])
      .filter((by) => !isStep(by) && !layoutOps.has(by.opType) && !claimed.has(by));
    if (covering.length === 0) continue; // folded away, or fused into a node that was named before
    for (const by of covering) claimed.add(by);
    const by = covering.find((one) => inIntegers.has(one));
    if (by) {
      integer.set(node, by.opType);
    } else {
      const around = own.find((counterpart) => counterpart.opType === node.opType) ?? own[0];
      const reason = around && (await whyFloat(around, context));
      const plan = reason === undefined || reason.leftOut ? planned.get(nameOf(node)) : undefined;
      float.set(node, plan ?? reason?.why ?? 'It was not found in the quantized model.');
    }
  }
  const left = original.nodes.flatMap((node) => {
    const why = float.get(node);
    if (why === undefined) return [];
    const mend = mendOf(why);
    return [{ node: nameOf(node), op: node.opType, why, ...(mend === undefined ? {} : { mend }) }];
  });
  const ran = original.nodes.flatMap((node) => {
    const as = integer.get(node);
    return as === undefined ? [] : [{ node: nameOf(node), op: node.opType, as }];
  });
  return { integer: integer.size, float: left.length, ran, left };
}

/** Quantize and dequantize steps and type changes: around computing, not computing. */
const isStep = (node: Node) =>
  ['QuantizeLinear', 'DequantizeLinear', 'DynamicQuantizeLinear', 'Cast', 'Constant'].includes(node.opType);

const nameOf = (node: Node): string => (node.name === '' ? (node.outputs[0] ?? '') : node.name);

/**
 * The nodes of the quantized graph that do the work of each original node: the one of the same name and
 * operator, else what lies between the node's output and values that the original has too.
 */
function counterpartsOf(original: Graph, given: Graph, index: GraphIndex): Map<Node, Node[]> {
  const known = new Set<string>();
  for (const node of original.nodes) for (const output of node.outputs) known.add(output);
  for (const input of original.inputs) known.add(input.name);
  const named = new Map<string, Node[]>();
  for (const node of given.nodes) named.set(node.name, [...(named.get(node.name) ?? []), node]);
  const found = new Map<Node, Node[]>();
  const taken = new Set<Node>();
  for (const node of original.nodes) {
    const same =
      node.name === '' ? [] : (named.get(node.name) ?? []).filter((one) => one.opType === node.opType);
    if (same.length !== 1) continue;
    found.set(node, same);
    same.forEach((one) => taken.add(one));
  }
  for (const node of original.nodes) {
    if (found.has(node)) continue;
    const region = regionBehind(index, node.outputs, (value) => known.has(value));
    const own = region.filter((one) => !isStep(one) && !taken.has(one));
    found.set(node, own);
  }
  return found;
}

/** Nodes that compute on data: not layout, not on shapes alone, not on constants alone. */
function computeNodes(graph: Graph): Node[] {
  const still = new Set(graph.initializers.map((tensor) => tensor.name));
  const types = new Map(
    [...graph.valueInfo, ...graph.outputs].flatMap(({ name, type }) =>
      type?.kind === 'tensor' ? [[name, type.elemType] as const] : [],
    ),
  );
  const floats: ReadonlySet<number> = new Set([
    DataType.FLOAT,
    DataType.FLOAT16,
    DataType.DOUBLE,
    DataType.BFLOAT16,
  ]);
  return graph.nodes.filter((node) => {
    const fixed =
      ['Shape', 'Size', 'Constant', 'ConstantOfShape', 'Range'].includes(node.opType) ||
      node.inputs.every((input) => input === '' || still.has(input));
    if (fixed) for (const output of node.outputs) still.add(output);
    const type = types.get(node.outputs[0] ?? '');
    return !fixed && !layoutOps.has(node.opType) && (type === undefined || floats.has(type));
  });
}
