// Constant folding: what can be computed before the model runs is computed once.
// 1. A standard operator whose inputs are all constants (or folded) is folded; the evaluator computes the values
//    that are still read, and they become constants under the same names.
// Left alone: random operators, nodes with bodies, graph outputs, QuantizeLinear and DequantizeLinear (a weight
// that is stored in integers shall stay so), element types that the evaluator cannot hand over, results of unknown
// size, results above `mostBytes`, and results that are larger than the constants they come from by more than
// `mostGrowth` (Expand, Tile, ConstantOfShape: computing them is cheaper than storing them). What the evaluator
// refuses stays as it is.

import type { Task } from '../../base/task';
import { graph, model as makeModel } from '../../ir/builder';
import { cloneGraph } from '../../ir/clone';
import { rawByteLength } from '../../ir/dataType';
import { bodiesOf } from '../../ir/graphIndex';
import type { Model, Node } from '../../ir/model';
import { elementCount, type Tensor } from '../../ir/tensor';
import type { Pass } from '../pass';
import { isStandard } from '../rewrite';
import type { TensorReader } from '../tensorReader';
import { isRandom } from './randomOperators';
import { scopePass, type Scope } from './scope';

/**
 * Runs a model without inputs and gives its outputs by name; undefined when it cannot be run. Throws only when the
 * task was cancelled or the outside world failed.
 */
export type Evaluator = (subgraph: Model, task: Task) => Promise<ReadonlyMap<string, Tensor> | undefined>;

export interface FoldLimits {
  /** Largest folded value, bytes. */
  readonly mostBytes: number;
  /** How much larger than the constants it comes from a folded value may be, bytes. */
  readonly mostGrowth: number;
}

export const foldLimits: FoldLimits = { mostBytes: 2 ** 28, mostGrowth: 2 ** 16 };

/** Bytes of an element of the types that an evaluator can hand over. */
const widths: Readonly<Record<string, number>> = {
  float: 4,
  double: 8,
  float16: 2,
  int8: 1,
  uint8: 1,
  int16: 2,
  uint16: 2,
  int32: 4,
  uint32: 4,
  int64: 8,
  uint64: 8,
  bool: 1,
};

/** Their result has no stated size, but it cannot be larger than their input. */
const shrinking = new Set(['NonZero', 'Compress', 'Unique']);
const keptInIntegers = new Set(['QuantizeLinear', 'DequantizeLinear']);

const bytesOf = (tensor: Tensor) => rawByteLength(tensor.dataType, elementCount(tensor.dims));

/** Bytes of a value; undefined when its size or type is not known. */
function resultBytes(scope: Scope, node: Node, value: string, inputBytes: number): number | undefined {
  const width = widths[scope.elementType(value) ?? ''];
  if (width === undefined) return undefined;
  const dims = scope.fixedDims(value);
  if (dims) return width * elementCount(dims);
  return shrinking.has(node.opType) ? inputBytes * 8 : undefined;
}

interface Foldable {
  /** In running order. */
  readonly nodes: readonly Node[];
  /** Names that nodes which are not folded read. */
  readonly wanted: readonly string[];
}

function findFoldable(scope: Scope, limits: FoldLimits): Foldable {
  const leafBytes = new Map<string, number>();
  const nodes: Node[] = [];
  const folded = new Set<Node>();
  for (const node of scope.nodes()) {
    const { inputs, outputs } = node;
    if (!isStandard(node) || isRandom(node) || node.opType === 'Constant' || keptInIntegers.has(node.opType))
      continue;
    if (inputs.length === 0 || bodiesOf(node).length > 0 || outputs.some((name) => scope.isOutput(name)))
      continue;
    let from = 0;
    const constant = inputs.every((name) => {
      if (name === '') return true;
      const tensor = scope.constant(name);
      const bytes = tensor ? bytesOf(tensor) : leafBytes.get(name);
      from += bytes ?? 0;
      return bytes !== undefined;
    });
    if (!constant || inputs.every((name) => name === '')) continue;
    const sizes = outputs.map((name) => (name === '' ? 0 : resultBytes(scope, node, name, from)));
    const fits = sizes.every(
      (size) => size !== undefined && size <= limits.mostBytes && size <= from + limits.mostGrowth,
    );
    if (!fits) continue;
    for (const name of outputs) leafBytes.set(name, from);
    nodes.push(node);
    folded.add(node);
  }
  const wanted = nodes.flatMap(({ outputs }) =>
    outputs.filter((name) => name !== '' && scope.readers(name).some((reader) => !folded.has(reader))),
  );
  return { nodes, wanted };
}

/** The part of the graph that computes `wanted`, with the constants it reads. */
function subgraphOf(scope: Scope, nodes: readonly Node[], wanted: readonly string[]): Model {
  const producer = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const needed = new Set<Node>();
  const constants = new Map<string, Tensor>();
  const pending = [...wanted];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (name === '') continue;
    const node = producer.get(name);
    const tensor = node ? undefined : scope.constant(name);
    if (tensor) constants.set(name, tensor);
    if (!node || needed.has(node)) continue;
    needed.add(node);
    pending.push(...node.inputs);
  }
  const part = graph({
    nodes: nodes.filter((node) => needed.has(node)),
    initializers: [...constants.values()],
    outputs: wanted.map((name) => ({ name, docString: '', metadataProps: [] })),
  });
  return makeModel(cloneGraph(part), { opset: scope.opset, irVersion: scope.opset >= 21 ? 10 : 8 });
}

/** Evaluates all that is wanted; where that fails, halves, so that one bad node costs only itself. */
async function evaluateAll(
  scope: Scope,
  nodes: readonly Node[],
  wanted: readonly string[],
  evaluate: Evaluator,
  task: Task,
): Promise<Map<string, Tensor>> {
  if (wanted.length === 0) return new Map();
  const values = await evaluate(subgraphOf(scope, nodes, wanted), task);
  if (values) return new Map(values);
  if (wanted.length === 1) return new Map();
  const half = Math.ceil(wanted.length / 2);
  const first = await evaluateAll(scope, nodes, wanted.slice(0, half), evaluate, task);
  const second = await evaluateAll(scope, nodes, wanted.slice(half), evaluate, task);
  return new Map([...first, ...second]);
}

/** Folds constants; see the rules above. */
export const foldConstants = (read: TensorReader, evaluate: Evaluator, limits = foldLimits): Pass =>
  scopePass('fold constants', read, async (scope, task) => {
    if (scope.opset === 0) return;
    const { nodes, wanted } = findFoldable(scope, limits);
    const values = await evaluateAll(scope, nodes, wanted, evaluate, task);
    for (const node of [...nodes].reverse()) {
      const used = node.outputs.filter((name) => !scope.isUnused(name));
      const tensors = used.map((name) => values.get(name));
      if (
        !tensors.every((tensor) => tensor !== undefined && (bytesOf(tensor) ?? Infinity) <= limits.mostBytes)
      )
        continue;
      scope.replace(node);
      for (const tensor of tensors) scope.adopt(tensor!);
    }
  });
