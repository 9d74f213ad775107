// Which nodes weight-only quantization takes, with their weights, and why it leaves the others.

import { floatAttribute, intAttribute, intsAttribute } from '../../ir/attributes';
import { indexGraph, type GraphIndex } from '../../ir/graphIndex';
import type { Graph, Node } from '../../ir/model';
import { elementCount, type Tensor } from '../../ir/tensor';
import { nameOf, type Left } from '../quantize/outcome';
import { constantTensors, isOp } from '../rewrite';
import { isFloatWeight, type Matrix } from './matrix';

/** Nodes that use one weight. */
export interface WeightUse {
  readonly matrix: Matrix;
  /** MatMul and Gemm nodes that multiply with it. */
  readonly products: Node[];
  /** Gather nodes that look rows up in it, which are rows of N. */
  readonly lookups: Node[];
}

export interface LayerChoice {
  /** Names of nodes that must stay in float. */
  readonly exclude?: ReadonlySet<string> | undefined;
  /** Takes Gather over a table too. */
  readonly embeddings: boolean;
  readonly block: number;
  readonly bits: number;
}

/** A weight that a node multiplies with: the constant itself, or the constant behind a Transpose. */
export function weightOf(
  node: Node,
  constants: ReadonlyMap<string, Tensor>,
  index: GraphIndex,
): { tensor: Tensor; transposed: boolean } | undefined {
  const name = node.inputs[1] ?? '';
  const turned = isOp(node, 'Gemm') && intAttribute(node, 'transB', 0) !== 0;
  const direct = constants.get(name);
  if (direct) return { tensor: direct, transposed: turned };
  const producer = index.producer.get(name);
  if (!isOp(producer, 'Transpose')) return undefined;
  const tensor = constants.get(producer.inputs[0] ?? '');
  const perm = intsAttribute(producer, 'perm') ?? [1, 0];
  if (tensor?.dims.length !== 2 || perm[0] !== 1) return undefined;
  return { tensor, transposed: !turned };
}

/** Groups the graph's matrix products and lookups by weight. */
export function findWeights(graph: Graph, choice: LayerChoice): { uses: WeightUse[]; left: Left[] } {
  const constants = constantTensors(graph);
  const index = indexGraph(graph);
  const uses = new Map<string, WeightUse>();
  const left: Left[] = [];
  const leave = (node: Node, why: string) => left.push({ node: nameOf(node), op: node.opType, why });
  const lookups: Node[] = [];
  for (const node of graph.nodes) {
    if (isOp(node, 'Gather') && choice.embeddings) lookups.push(node);
    if (!isOp(node, 'MatMul', 'Gemm')) continue;
    const weight = weightOf(node, constants, index);
    const why = weight
      ? objection(node, weight, constants, choice)
      : graph.inputs.some(({ name }) => name === node.inputs[1])
        ? `Its weight "${node.inputs[1]!}" is an input of the model, not a constant.`
        : 'Its weight is computed while the model runs.';
    if (why !== undefined || !weight) {
      leave(node, why ?? '');
      continue;
    }
    const { tensor, transposed } = weight;
    const key = `${transposed}:${tensor.name}`;
    const known = uses.get(key);
    if (known) known.products.push(node);
    else uses.set(key, { matrix: matrixOf(tensor, transposed), products: [node], lookups: [] });
  }
  for (const node of lookups) {
    const tensor = constants.get(node.inputs[0] ?? '');
    if (!isTable(node, tensor)) continue;
    if (choice.exclude?.has(nameOf(node)) === true) continue;
    if (tensor.dims[1]! % choice.block !== 0) {
      leave(node, `Its rows of ${tensor.dims[1]!} are no multiple of the block of ${choice.block}.`);
      continue;
    }
    const key = `true:${tensor.name}`;
    const use = uses.get(key) ?? { matrix: matrixOf(tensor, true), products: [], lookups: [] };
    use.lookups.push(node);
    uses.set(key, use);
  }
  const kept: WeightUse[] = [];
  for (const use of uses.values()) {
    const stranger = otherReader(use, index);
    if (stranger === undefined) kept.push(use);
    else {
      // Quantizing it for some of its readers would keep the float weight beside the integers.
      for (const node of [...use.products, ...use.lookups])
        leave(node, `It shares its weight with ${stranger}, which is not quantized in the same way.`);
    }
  }
  return { uses: kept, left };
}

/** What reads the weight and is none of the use's own: `node "a"`, or an output of the model. */
function otherReader({ matrix, products, lookups }: WeightUse, index: GraphIndex): string | undefined {
  const { name } = matrix.tensor;
  if (index.graphOutputs.has(name)) return `the output "${name}"`;
  const own = new Set([...products, ...lookups]);
  for (const reader of index.consumers.get(name) ?? []) {
    if (own.has(reader)) continue;
    const turned = isOp(reader, 'Transpose') ? reader.outputs[0]! : undefined;
    const behind = turned === undefined ? [reader] : (index.consumers.get(turned) ?? []);
    const stranger = behind.find((node) => !own.has(node));
    if (stranger) return `node "${nameOf(stranger)}"`;
  }
  return undefined;
}

const matrixOf = (tensor: Tensor, transposed: boolean): Matrix => {
  const [first = 0, second = 0] = tensor.dims;
  return { tensor, transposed, k: transposed ? second : first, n: transposed ? first : second };
};

const floatBytes = 4;
const scaleBytes = 4;

/** Tables below this many elements are shapes and positions, not embeddings. */
const smallestTable = 4096;

const isTable = (node: Node, tensor: Tensor | undefined): tensor is Tensor =>
  tensor !== undefined &&
  isFloatWeight(tensor) &&
  tensor.dims.length === 2 &&
  elementCount(tensor.dims) >= smallestTable &&
  intAttribute(node, 'axis', 0) === 0;

function objection(
  node: Node,
  { tensor: weight, transposed }: { readonly tensor: Tensor; readonly transposed: boolean },
  constants: ReadonlyMap<string, Tensor>,
  { exclude, block, bits }: LayerChoice,
): string | undefined {
  if (exclude?.has(nameOf(node)) === true) return 'It was told to stay in float.';
  if (!isFloatWeight(weight)) return 'Its weight is neither float32 nor float16.';
  if (weight.dims.length !== 2) return 'Its weight is not a matrix.';
  if (elementCount(weight.dims) === 0) return 'Its weight is empty.';
  if (constants.has(node.inputs[0] ?? '')) return 'Its input is a constant.';
  // Frequencies of a rotary embedding have one row: codes, scale and padding would take more than the floats.
  const { k } = matrixOf(weight, transposed);
  if (Math.ceil(k / block) * ((block * bits) / 8 + scaleBytes) >= k * floatBytes)
    return `Its ${k === 1 ? 'one row' : `${k} rows`} would take no less in blocks of ${block}.`;
  if (isOp(node, 'MatMul')) return undefined;
  if (intAttribute(node, 'transA', 0) !== 0) return 'It transposes its input.';
  if (floatAttribute(node, 'alpha', 1) !== 1) return 'It scales its product.';
  if ((node.inputs[2] ?? '') !== '' && floatAttribute(node, 'beta', 1) !== 1) return 'It scales its bias.';
  return undefined;
}
