// Stores weights with many zeros so that the file is smaller: as a bit for each weight beside the ones that are not
// zero, unpacked by nodes with constant inputs, which ONNX Runtime folds once at load; or, where hardly anything is
// left, as a sparse initializer. What neither makes smaller stays as it is.

import { breathe, type Task } from '../../base/task';
import { floatTensor, int64Tensor, node as makeNode, uint8Tensor } from '../../ir/builder';
import { cloneModel } from '../../ir/clone';
import { DataType } from '../../ir/dataType';
import type { Model, Node } from '../../ir/model';
import { elementCount, type SparseTensor, type Tensor } from '../../ir/tensor';
import { Names } from '../names';
import type { PassResult } from '../pass';
import { constantTensors, standardOpset } from '../rewrite';
import { floatsOf, type TensorReader } from '../tensorReader';

export type SparseForm = 'dense' | 'bitmap' | 'sparse';

export interface StoredTensor {
  readonly name: string;
  readonly elements: number;
  readonly zeros: number;
  readonly form: SparseForm;
  /** Bytes of the numbers in the file, before and after. */
  readonly bytesBefore: number;
  readonly bytes: number;
}

export interface StorageResult extends PassResult {
  readonly tensors: readonly StoredTensor[];
}

/** Operator set that has CumSum, which finds the places of what is left. */
const bitmapOpset = 11;

/** About what the nodes of one weight and their names take in the file. */
const nodeBytes = 900;
/** An index of a sparse initializer, and its value. */
const indexedBytes = 8 + 4;
/** About what the two tensors of a sparse initializer take beside their numbers. */
const sparseBytes = 120;

/** Packs every large float weight of the main graph that has enough zeros. */
export async function packSparse(model: Model, read: TensorReader, task: Task): Promise<StorageResult> {
  const outputs = new Set(model.graph.outputs.map(({ name }) => name));
  const candidates = [...constantTensors(model.graph).values()].filter(
    ({ name, dataType, dims }) =>
      dataType === DataType.FLOAT && dims.length >= 1 && elementCount(dims) >= 256 && !outputs.has(name),
  );
  const copy = cloneModel(model);
  const packer = new Packer(copy);
  const tensors: StoredTensor[] = [];
  for (const [done, tensor] of candidates.entries()) {
    task.report({ stage: 'Packing', done, total: candidates.length });
    await breathe(task);
    const values = await floatsOf(read, tensor);
    const left = await placesLeft(values, task);
    const form = formOf(values.length, left.length, standardOpset(model) >= bitmapOpset);
    const common = { name: tensor.name, elements: values.length, zeros: values.length - left.length, form };
    const bytesBefore = 4 * values.length;
    if (form === 'dense') tensors.push({ ...common, bytesBefore, bytes: bytesBefore });
    else tensors.push({ ...common, bytesBefore, bytes: await packer.pack(tensor, values, left, form, task) });
  }
  if (packer.replaced.size === 0) return { model, modified: false, tensors };
  packer.finish();
  return { model: copy, modified: true, tensors };
}

/** Which form makes the file smallest. */
export function formOf(elements: number, left: number, hasBitmap: boolean): SparseForm {
  const sizes: Record<SparseForm, number> = {
    dense: 4 * elements,
    bitmap: hasBitmap ? Math.ceil(elements / 8) + 4 * (left + 1) + nodeBytes : Infinity,
    sparse: indexedBytes * left + sparseBytes,
  };
  const best = (Object.keys(sizes) as SparseForm[]).reduce((a, b) => (sizes[b] < sizes[a] ? b : a), 'dense');
  return best;
}

/** Places of what is not zero; −0 counts as zero. */
async function placesLeft(values: Float32Array, task: Task): Promise<Uint32Array> {
  const places = new Uint32Array(values.length);
  let count = 0;
  for (let i = 0; i < values.length; i += 1) {
    if (values[i] !== 0) places[count++] = i;
    if (i % 65_536 === 0) await breathe(task);
  }
  return places.slice(0, count);
}

/** Gathers what replaces the weights of one model. */
class Packer {
  readonly replaced = new Set<string>();
  private readonly names: Names;
  private readonly nodes: Node[] = [];
  private readonly initializers: Tensor[] = [];
  private readonly sparse: SparseTensor[] = [];
  private bits: string | undefined;

  constructor(private readonly model: Model) {
    this.names = new Names(model);
  }

  /** Gives the bytes that the numbers now take. */
  async pack(
    tensor: Tensor,
    values: Float32Array,
    left: Uint32Array,
    form: 'bitmap' | 'sparse',
    task: Task,
  ): Promise<number> {
    this.replaced.add(tensor.name);
    if (form === 'sparse') {
      const { name, dims } = tensor;
      const kept = Float32Array.from(left, (place) => values[place]!);
      // The indices' tensor has no name of its own: the pair is named by its values.
      this.sparse.push({
        values: floatTensor(name, [left.length], kept),
        indices: int64Tensor('', [left.length], left),
        dims: [...dims],
      });
      return indexedBytes * left.length;
    }
    const map = new Uint8Array(Math.ceil(values.length / 8));
    const kept = new Float32Array(left.length + 1);
    for (let i = 0; i < left.length; i += 1) {
      const place = left[i]!;
      map[place >> 3]! |= 1 << (place & 7);
      kept[i + 1] = values[place]!;
      if (i % 65_536 === 0) await breathe(task);
    }
    this.unpacked(tensor, map, kept);
    return map.length + 4 * kept.length;
  }

  /** Bits → their running count, which is the place among what is left; where the bit is 0, the place of a zero. */
  private unpacked({ name, dims }: Tensor, map: Uint8Array, kept: Float32Array): void {
    const make = (suffix: string) => this.names.fresh(`${name}_${suffix}`);
    const constant = (tensor: Tensor) => {
      this.initializers.push(tensor);
      return tensor.name;
    };
    const add = (opType: string, inputs: string[], output: string, attributes = {}) => {
      this.nodes.push(makeNode(opType, inputs, [output], { name: output, attributes }));
      return output;
    };
    const toInt32 = (value: string, suffix: string) =>
      add('Cast', [value], make(suffix), { to: BigInt(DataType.INT32) });
    const vector = (suffix: string, numbers: readonly number[]) =>
      constant(int64Tensor(make(suffix), [numbers.length], numbers));
    this.bits ??= constant(uint8Tensor(this.names.fresh('slipway_bits'), [256, 8], bitsOfBytes()));
    const elements = elementCount(dims);
    const bytes = toInt32(constant(uint8Tensor(make('bitmap'), [map.length], map)), 'bytes');
    const spread = toInt32(add('Gather', [this.bits, bytes], make('bits'), { axis: 0n }), 'flags');
    let flags = add('Reshape', [spread, vector('flat', [-1])], make('row'));
    if (map.length * 8 !== elements)
      flags = add('Slice', [flags, vector('from', [0]), vector('to', [elements])], make('cut'));
    const axis = constant(int64Tensor(make('axis'), [], [0]));
    const ranks = add('CumSum', [flags, axis], make('ranks'));
    const places = add('Mul', [ranks, flags], make('places'));
    const values = constant(floatTensor(make('values'), [kept.length], kept));
    const gathered = add('Gather', [values, places], make('gathered'), { axis: 0n });
    add('Reshape', [gathered, vector('shape', dims)], name);
  }

  finish(): void {
    const { graph } = this.model;
    graph.initializers = [
      ...graph.initializers.filter(({ name }) => !this.replaced.has(name)),
      ...this.initializers,
    ];
    graph.sparseInitializers = [...graph.sparseInitializers, ...this.sparse];
    graph.nodes = [...this.nodes, ...graph.nodes];
  }
}

/** The eight bits of every byte, lowest first. */
function* bitsOfBytes(): Generator<number> {
  for (let byte = 0; byte < 256; byte += 1) for (let bit = 0; bit < 8; bit += 1) yield (byte >> bit) & 1;
}
