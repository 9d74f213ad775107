// How large a version of a model would be, from the shapes of its weights and the operators that read them. Pure, and
// without reading a weight: a guess to choose by, with the interval in which the real file is expected to lie.

import { DataType } from '../ir/dataType';
import type { Graph, Model, Node } from '../ir/model';
import { elementCount, type Tensor } from '../ir/tensor';
import { tensorBytes } from './summary';

export interface SizeChange {
  readonly method:
    | 'static'
    | 'dynamic'
    | 'weight-only'
    | 'fp16'
    | 'bf16'
    | 'channels'
    | 'zeros'
    | 'cluster'
    | 'low-rank'
    | 'optimize';
  readonly bits?: number | undefined;
  readonly blockSize?: number | undefined;
  readonly embeddings?: boolean | undefined;
  readonly embeddingBits?: number | undefined;
  readonly clusters?: number | undefined;
  readonly ratio?: number | undefined;
  readonly targetMacs?: number | undefined;
  readonly pattern?: string | undefined;
  readonly store?: 'packed' | 'dense' | undefined;
  readonly energy?: number | undefined;
}

export interface SizeEstimate {
  /** All in bytes. */
  readonly before: number;
  readonly after: number;
  readonly low: number;
  readonly high: number;
  readonly changedBytes: number;
  readonly note: string;
}

/** A weight of the main graph with the nodes that read it. */
interface Weight {
  readonly tensor: Tensor;
  readonly elements: number;
  readonly bytes: number;
  readonly readers: readonly Node[];
}

/** What a method makes of the weights: bytes that go, bytes that come, and how sure that is. */
interface Change {
  readonly gone: number;
  readonly come: number;
  /** Bytes for what comes beside the weights: nodes, scales, names. */
  readonly beside: number;
  readonly low?: number;
  readonly high?: number;
  readonly note: string;
}

/** `fileBytes`: the model on disk with its external data. */
export function estimateSize(model: Model, fileBytes: number, change: SizeChange): SizeEstimate {
  const weights = weightsOf(model.graph);
  const { gone, come, beside, low, high, note } = changes[change.method](weights, change, model.graph);
  const after = Math.max(0, fileBytes - gone) + come + beside;
  const rest = Math.max(0, fileBytes - gone);
  const within = (bytes: number) => Math.max(0, Math.round(bytes));
  return {
    before: fileBytes,
    after: within(after),
    low: within(low === undefined ? rest + come + 0.5 * beside : rest + low),
    high: within(high === undefined ? rest + come + 1.6 * beside : rest + high),
    changedBytes: within(gone),
    note,
  };
}

function weightsOf(graph: Graph): Weight[] {
  const readers = new Map<string, Node[]>();
  for (const node of graph.nodes) {
    for (const name of node.inputs) {
      const known = readers.get(name);
      if (known) known.push(node);
      else readers.set(name, [node]);
    }
  }
  const tensors = [...graph.initializers];
  for (const node of graph.nodes) {
    if (node.opType !== 'Constant') continue;
    for (const attribute of node.attributes) {
      if (attribute.type === 'TENSOR') tensors.push({ ...attribute.value, name: node.outputs[0] ?? '' });
    }
  }
  return tensors.map((tensor) => ({
    tensor,
    elements: Math.max(0, elementCount(tensor.dims)),
    bytes: tensorBytes(tensor),
    readers: readers.get(tensor.name) ?? [],
  }));
}

const isFloat = ({ tensor: { dataType } }: Weight) => dataType === DataType.FLOAT;
const reads = (weight: Weight, ...ops: string[]) =>
  weight.readers.some((node) => ops.includes(node.opType) && node.inputs[1] === weight.tensor.name);
const sum = (list: readonly number[]) => list.reduce((total, value) => total + value, 0);
const bytesOf = (list: readonly Weight[]) => sum(list.map(({ bytes }) => bytes));
const elementsOf = (list: readonly Weight[]) => sum(list.map(({ elements }) => elements));

/** Bytes of a node with its names, about. */
const nodeBytes = 160;

const changes: Readonly<
  Record<SizeChange['method'], (weights: readonly Weight[], change: SizeChange, graph: Graph) => Change>
> = {
  static(weights, _change, graph) {
    const taken = weights.filter((weight) => isFloat(weight) && reads(weight, 'Conv', 'Gemm', 'MatMul'));
    // One scale and one zero point for each output channel, and for each value a pair of nodes.
    const channels = sum(taken.map(({ tensor: { dims } }) => dims[0] ?? 1));
    return {
      gone: bytesOf(taken),
      come: elementsOf(taken),
      beside: 8 * channels + 4 * nodeBytes * graph.nodes.filter(({ opType }) => opType !== 'Constant').length,
      note: 'Weights of convolutions and matrix products take one byte instead of four; quantize steps come between the nodes.',
    };
  },
  dynamic(weights) {
    const taken = weights.filter((weight) => isFloat(weight) && reads(weight, 'Gemm', 'MatMul'));
    const columns = sum(taken.map(({ tensor: { dims } }) => dims[1] ?? 1));
    return {
      gone: bytesOf(taken),
      come: elementsOf(taken),
      beside: 5 * columns + 6 * nodeBytes * taken.length,
      note: 'Weights of matrix products take one byte instead of four; convolutions stay as they are.',
    };
  },
  'weight-only'(weights, { bits = 4, blockSize = 32, embeddings = true, embeddingBits = 8 }) {
    const taken = weights.filter(
      (weight) =>
        (isFloat(weight) || weight.tensor.dataType === DataType.FLOAT16) &&
        weight.tensor.dims.length === 2 &&
        (reads(weight, 'Gemm', 'MatMul') || (embeddings && isTable(weight))),
    );
    const blocks = sum(
      taken.map(({ tensor: { dims } }) => {
        const [k = 0, n = 0] = dims;
        return Math.ceil(k / blockSize) * n;
      }),
    );
    const tables = taken.filter((weight) => !reads(weight, 'Gemm', 'MatMul'));
    const narrow = elementsOf(taken) - elementsOf(tables);
    return {
      gone: bytesOf(taken),
      come: (narrow * bits + elementsOf(tables) * embeddingBits) / 8 + 4 * blocks,
      beside: nodeBytes * taken.length,
      note: `Weights of matrix products take ${bits} bits each${tables.length > 0 ? `, those of lookup tables ${embeddingBits}` : ''}, and every ${blockSize} of them share a scale.`,
    };
  },
  fp16: (weights) => half(weights),
  bf16: (weights) => half(weights),
  channels(weights, { ratio, targetMacs }) {
    const taken = weights.filter(
      (weight) => isFloat(weight) && reads(weight, 'Conv', 'ConvTranspose', 'Gemm', 'MatMul'),
    );
    const gone = bytesOf(taken);
    // A layer loses channels on both sides, its inputs and its outputs; the first and the last on one.
    const side = ratio === undefined ? Math.sqrt(targetMacs ?? 1) : 1 - ratio;
    return {
      gone,
      come: gone * side ** 1.8,
      beside: 0,
      low: gone * side ** 2.6,
      high: gone * (side + (1 - side) * 0.25),
      note: 'A layer loses inputs and outputs together; layers that cannot be cut keep theirs, which only the run tells.',
    };
  },
  zeros(weights, { ratio, pattern, store = 'packed' }) {
    const taken = weights.filter((weight) => isFloat(weight) && reads(weight, 'Conv', 'Gemm', 'MatMul'));
    const [keep = 1, of = 1] = (pattern ?? '').split(':').map(Number);
    const left = pattern === undefined ? 1 - (ratio ?? 0.5) : keep / of;
    const gone = bytesOf(taken);
    // A bit for each weight, the weights that are left, and the nodes that unpack them.
    const unpacking = 5 * nodeBytes;
    const packed = taken.map(({ elements, bytes }) =>
      Math.min(bytes, elements / 8 + left * bytes + unpacking),
    );
    if (store === 'dense')
      return {
        gone: 0,
        come: 0,
        beside: 0,
        low: -nodeBytes,
        high: nodeBytes,
        note: 'Zeros take as many bytes as other weights; the file shrinks when it is compressed.',
      };
    return {
      gone,
      come: sum(packed),
      beside: 2 * nodeBytes * taken.length,
      note: 'Weights that are zero take one bit each; the others keep their four bytes and a bit.',
    };
  },
  cluster(weights, { clusters = 16 }) {
    const taken = weights.filter(
      (weight) => isFloat(weight) && weight.tensor.dims.length >= 2 && weight.elements >= 512,
    );
    return {
      gone: bytesOf(taken),
      come: sum(
        taken.map(({ elements }) => (clusters <= 16 && elements % 2 === 0 ? elements / 2 : elements)),
      ),
      beside: taken.length * (4 * clusters + 5 * nodeBytes),
      note: `Weights become indices of ${clusters <= 16 ? 'half a byte' : 'one byte'} into a codebook of ${clusters} values.`,
    };
  },
  'low-rank'(weights, { energy = 0.99 }) {
    const taken = weights.filter((weight) => isFloat(weight) && thinnable(weight));
    const gone = bytesOf(taken);
    const split = sum(taken.map(({ tensor, bytes }) => Math.min(bytes, thinBytes(tensor.dims, energy))));
    return {
      gone,
      come: Math.sqrt(split * gone),
      beside: 0,
      low: split,
      high: gone + nodeBytes * taken.length,
      note: 'A layer is split only where that takes fewer weights, which depends on how much its rows have in common; those of a trained layer lie between nothing and much.',
    };
  },
  optimize(weights, _change, graph) {
    const gone = weights.filter(({ readers }) => readers.length > 0 && readers.every(isNorm));
    const removed = graph.nodes.filter(({ opType }) => vanishing.has(opType)).length;
    return {
      gone: bytesOf(gone),
      come: 0,
      beside: 0,
      low: -nodeBytes * (2 * removed + 0.3 * graph.nodes.length),
      // A folded constant may be larger than what it was made of.
      high: bytesOf(gone) + nodeBytes * graph.nodes.length,
      note: 'Weights of layers stay as they are; normalisation is folded into them, and what is constant or unused goes, which only the run tells.',
    };
  },
};

const isNorm = ({ opType }: Node) => opType === 'BatchNormalization';
/** Nodes that are mostly folded, merged or taken away. */
const vanishing: ReadonlySet<string> = new Set([
  ...[
    'Constant',
    'Identity',
    'Dropout',
    'BatchNormalization',
    'Shape',
    'Unsqueeze',
    'Squeeze',
    'Cast',
    'Pad',
  ],
  ...['ConstantOfShape', 'Gather', 'Concat', 'Slice', 'Transpose', 'Reshape'],
]);

/** Matrix products and 1×1 convolutions, which low rank can split. */
const thinnable = (weight: Weight) => {
  const { dims } = weight.tensor;
  if (dims.length === 2) return reads(weight, 'Gemm', 'MatMul');
  return dims.length > 2 && dims.slice(2).every((dim) => dim === 1) && reads(weight, 'Conv');
};

/**
 * Bytes of two thin layers that keep the energy of one whose i-th singular value is 1 / i, which is about as much as
 * trained layers have in common.
 */
function thinBytes([rows = 1, columns = 1]: readonly number[], energy: number): number {
  const most = Math.min(rows, columns);
  let all = 0;
  for (let i = 1; i <= most; i += 1) all += 1 / (i * i);
  let rank = 0;
  for (let kept = 0; rank < most && kept < energy * all;) kept += 1 / (rank += 1) ** 2;
  return 4 * rank * (rows + columns);
}

const isTable = (weight: Weight) =>
  weight.elements >= 4096 &&
  weight.readers.some((node) => node.opType === 'Gather' && node.inputs[0] === weight.tensor.name);

function half(weights: readonly Weight[]): Change {
  const taken = weights.filter((weight) => isFloat(weight) && weight.elements >= 128);
  return {
    gone: bytesOf(taken),
    come: bytesOf(taken) / 2,
    beside: nodeBytes * taken.length,
    note: 'Weights take two bytes instead of four.',
  };
}
