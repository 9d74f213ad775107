// Replaces large weights by indices into a codebook. The indices are packed (two in a byte up to 16 clusters, else one)
// and unpacked by nodes with constant inputs, which ONNX Runtime folds once at load: the file is small, the running
// model is the same as before.

import { breathe, type Task } from '../../base/task';
import { cloneModel } from '../../ir/clone';
import { floatTensor, int32Tensor, int64Tensor, node as makeNode, uint8Tensor } from '../../ir/builder';
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
import { codebooksOf, groupsFor, nearestOfAll, withinGroups } from './codebooks';
import { assignWithFeedback, canFit, refitCentroids } from './fit';

export interface ClusterOptions {
  /** Centroids of a codebook, 2 to 256. */
  readonly clusters: number;
  /** Codebooks of a tensor at the most, one for each group of rows; 1 when absent. */
  readonly codebooks?: number | undefined;
  /** XᵀX of layer inputs by node name; those layers are fitted to their outputs. */
  readonly grams?: ReadonlyMap<string, InputGram> | undefined;
}

export interface ClusteredTensor {
  readonly name: string;
  readonly elements: number;
  /** Of each codebook. */
  readonly centroids: number;
  readonly codebooks: number;
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

/** Unknowns that the refit of one tensor is solved for at the most. */
const mostCentroids = 1024;

/** Clusters every large float weight of the main graph, where that makes it smaller. Opset 9 or newer. */
export async function clusterWeights(
  model: Model,
  { clusters, codebooks = 1, grams }: ClusterOptions,
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
    const wanted = Math.min(codebooks, Math.floor(mostCentroids / clusters));
    const groups = groupsFor(tensor.dims, values.length, wanted);
    let books = await codebooksOf(values, importance, groups, clusters, task);
    if (!books) continue;
    let places: Uint16Array;
    if (usable) {
      places = await assignWithFeedback(values, books, usable.rows, usable.gram, task);
      books = await refitCentroids(values, books, places, usable.rows, usable.gram, task);
    } else places = await nearestOfAll(books, values, task);
    const indices = withinGroups(books, places);
    const two = books.count <= 16 && indices.length % 2 === 0;
    if (bytesOf(indices.length, books.values.length, two) >= 4 * values.length) continue;
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
    const codebook = constant(floatTensor(make('codebook'), [books.values.length], books.values));
    const shape = () => constant(int64Tensor(make('shape'), [tensor.dims.length], tensor.dims));
    // Places in all codebooks one after another, from those within a group.
    const inAll = (index: string): string => {
      if (groups === 1) return index;
      const rows = constant(int64Tensor(make('groups'), [2], [groups, values.length / groups]));
      const first = Array.from({ length: groups }, (_, group) => group * books.count);
      const offsets = constant(int32Tensor(make('offsets'), [groups, 1], first));
      return add('Add', [add('Reshape', [index, rows], make('grouped')), offsets], make('all'));
    };
    replaced.add(tensor.name);
    if (two) {
      pairs ??= constant(uint8Tensor(names.fresh('slipway_nibbles'), [256, 2], nibbles()));
      const packed = constant(uint8Tensor(make('indices'), [indices.length / 2], packPairs(indices)));
      const both = add('Gather', [pairs, toInt32(packed, 'bytes')], make('nibbles'), { axis: 0n });
      const flat = add('Gather', [codebook, inAll(toInt32(both, 'places'))], make('values'), { axis: 0n });
      add('Reshape', [flat, shape()], tensor.name);
    } else {
      const plain = constant(uint8Tensor(make('indices'), tensor.dims, indices));
      const places32 = inAll(toInt32(plain, 'places'));
      if (groups === 1) add('Gather', [codebook, places32], tensor.name, { axis: 0n });
      else
        add(
          'Reshape',
          [add('Gather', [codebook, places32], make('values'), { axis: 0n }), shape()],
          tensor.name,
        );
    }
    tensors.push({
      name: tensor.name,
      elements: values.length,
      centroids: books.count,
      codebooks: groups,
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

/** Bytes of the indices and the codebooks; names and nodes come on top. */
const bytesOf = (indices: number, centroids: number, two: boolean): number =>
  (two ? indices / 2 : indices) + 4 * centroids;

/** Both halves of every byte, low first. */
function* nibbles(): Generator<number> {
  for (let byte = 0; byte < 256; byte += 1) {
    yield byte & 15;
    yield byte >> 4;
  }
}

function packPairs(indices: Uint8Array): Uint8Array {
  const packed = new Uint8Array(indices.length / 2);
  for (let i = 0; i < packed.length; i += 1) packed[i] = indices[2 * i]! | (indices[2 * i + 1]! << 4);
  return packed;
}
