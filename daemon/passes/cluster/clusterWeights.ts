// Replaces large weights by indices into a codebook. The indices are packed (two in a byte up to 16 clusters, else one)
// and unpacked by nodes with constant inputs, which ONNX Runtime folds once at load: the file is small, the running
// model is the same as before.

import { breathe, type Task } from '../../base/task';
import { cloneModel } from '../../ir/clone';
import { floatTensor, int64Tensor, node as makeNode, uint8Tensor } from '../../ir/builder';
import { DataType } from '../../ir/dataType';
import type { Model, Node } from '../../ir/model';
import { elementCount, type Tensor } from '../../ir/tensor';
import { Names } from '../names';
import type { PassResult } from '../pass';
import type { InputGram } from '../prune/channels/importance';
import { rowsOf } from '../prune/channels/layerRows';
import { nameOf } from '../quantize/outcome';
import { constantTensors, isOp } from '../rewrite';
import { floatsOf, type TensorReader } from '../tensorReader';
import { assignWithFeedback, canFit, refitCentroids } from './fit';
import { centroidsOf, nearestCentroid } from './kMeans';

export interface ClusterOptions {
  /** Centroids of a tensor, 2 to 256. */
  readonly clusters: number;
  /** XᵀX of layer inputs by node name; those layers are fitted to their outputs. */
  readonly grams?: ReadonlyMap<string, InputGram> | undefined;
}

export interface ClusteredTensor {
  readonly name: string;
  readonly elements: number;
  readonly centroids: number;
  /** Fitted to what its layer reads. */
  readonly fitted: boolean;
}

export interface ClusterResult extends PassResult {
  readonly tensors: readonly ClusteredTensor[];
}

/** Smaller tensors would not become smaller in the file. */
const fewestElements = 512;

/** Weights that are worth clustering, with the first layer that reads each. */
export function clusterable(model: Model): { tensor: Tensor; reader: Node | undefined }[] {
  const { graph } = model;
  const readers = new Map<string, Node[]>();
  for (const node of graph.nodes)
    for (const name of node.inputs) readers.set(name, [...(readers.get(name) ?? []), node]);
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  return [...constantTensors(graph).values()]
    .filter(
      ({ name, dataType, dims }) =>
        dataType === DataType.FLOAT &&
        dims.length >= 2 &&
        elementCount(dims) >= fewestElements &&
        !outputs.has(name),
    )
    .map((tensor) => ({
      tensor,
      reader: (readers.get(tensor.name) ?? []).find(
        (node) => isOp(node, 'Conv', 'Gemm', 'MatMul') && node.inputs[1] === tensor.name,
      ),
    }));
}

/** Clusters every large float weight of the main graph. Opset 9 or newer. */
export async function clusterWeights(
  model: Model,
  { clusters, grams }: ClusterOptions,
  read: TensorReader,
  task: Task,
): Promise<ClusterResult> {
  const found = clusterable(model);
  if (found.length === 0) return { model, modified: false, tensors: [] };
  const copy = cloneModel(model);
  const names = new Names(copy);
  const replaced = new Set<string>();
  const added: Tensor[] = [];
  const nodes: Node[] = [];
  const tensors: ClusteredTensor[] = [];
  let pairs: string | undefined;
  for (const [done, { tensor, reader }] of found.entries()) {
    task.report({ stage: 'Clustering', done, total: found.length });
    await breathe(task);
    const values = await floatsOf(read, tensor);
    const rows = reader && rowsOf(reader, tensor.dims);
    const gram = reader && grams?.get(nameOf(reader));
    const usable = rows && gram && rows.k === gram.k && canFit(rows) ? { rows, gram: gram.gram } : undefined;
    const importance = usable && diagonalByPlace(values.length, usable.rows, usable.gram);
    let centroids = await centroidsOf(values, importance && ((i) => importance[i]!), clusters, task);
    if (!centroids) continue;
    let indices: Uint8Array;
    if (usable) {
      indices = await assignWithFeedback(values, centroids, usable.rows, usable.gram, task);
      centroids = await refitCentroids(values, centroids, indices, usable.rows, usable.gram, task);
    } else {
      const known = centroids;
      indices = Uint8Array.from(values, (value) => nearestCentroid(known, value));
    }
    const two = centroids.length <= 16 && indices.length % 2 === 0;
    const make = (suffix: string) => names.fresh(`${tensor.name}_${suffix}`);
    const constant = (made: Tensor) => {
      added.push(made);
      return made.name;
    };
    const add = (opType: string, inputs: string[], output: string, attributes = {}) => {
      nodes.push(makeNode(opType, inputs, [output], { name: output, attributes }));
      return output;
    };
    const toInt32 = (value: string, suffix: string) =>
      add('Cast', [value], make(suffix), { to: BigInt(DataType.INT32) });
    const codebook = constant(floatTensor(make('codebook'), [centroids.length], centroids));
    replaced.add(tensor.name);
    if (two) {
      pairs ??= constant(uint8Tensor(names.fresh('slipway_nibbles'), [256, 2], nibbles()));
      const packed = constant(uint8Tensor(make('indices'), [indices.length / 2], packPairs(indices)));
      const both = add('Gather', [pairs, toInt32(packed, 'bytes')], make('nibbles'), { axis: 0n });
      const flat = add('Gather', [codebook, toInt32(both, 'places')], make('values'), { axis: 0n });
      add(
        'Reshape',
        [flat, constant(int64Tensor(make('shape'), [tensor.dims.length], tensor.dims))],
        tensor.name,
      );
    } else {
      const plain = constant(uint8Tensor(make('indices'), tensor.dims, indices));
      add('Gather', [codebook, toInt32(plain, 'places')], tensor.name, { axis: 0n });
    }
    tensors.push({
      name: tensor.name,
      elements: values.length,
      centroids: centroids.length,
      fitted: usable !== undefined,
    });
  }
  if (tensors.length === 0) return { model, modified: false, tensors };
  copy.graph.initializers = [...copy.graph.initializers.filter(({ name }) => !replaced.has(name)), ...added];
  copy.graph.nodes = [...nodes, ...copy.graph.nodes];
  return { model: copy, modified: true, tensors };
}

/** diag(G) for each value of a tensor. */
function diagonalByPlace(
  length: number,
  rows: { k: number; outputs: number; at: (i: number, n: number) => number },
  gram: Float64Array,
) {
  const { k, outputs, at } = rows;
  const weights = new Float64Array(length);
  for (let i = 0; i < k; i += 1)
    for (let n = 0; n < outputs; n += 1) weights[at(i, n)] = gram[i * k + i]! + 1e-12;
  return weights;
}

/** Both halves of every byte, low first. */
function* nibbles(): Generator<number> {
  for (let byte = 0; byte < 256; byte += 1) {
    yield byte & 15;
    yield byte >> 4;
  }
}

const packPairs = (indices: Uint8Array): Uint8Array =>
  Uint8Array.from({ length: indices.length / 2 }, (_, i) => indices[2 * i]! | (indices[2 * i + 1]! << 4));
