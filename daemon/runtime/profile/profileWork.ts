// How much work a node did, from the shapes with which ONNX Runtime says that it ran it: fused operators and
// padded layouts count as they are run. Pure.

/** Element type and dimensions of one input or output, as in a profile's `input_type_shape`. */
export interface ProfiledShape {
  readonly type: string;
  readonly dims: readonly number[];
}

export interface Work {
  /** Twice the multiply-accumulates of products; of everything else, one for each element that comes out. */
  readonly operations: number;
  /** What is multiplied: a roof of its own each. */
  readonly arithmetic: 'float' | 'integer';
}

const product = (dims: readonly number[]) => dims.reduce((all, dim) => all * dim, 1);

/** Positions of the two factors among the inputs of operators that multiply matrices. */
const matrixFactors: Readonly<Record<string, readonly [number, number]>> = {
  MatMul: [0, 1],
  FusedMatMul: [0, 1],
  FusedMatMulActivation: [0, 1],
  TransposeMatMul: [0, 1],
  Gemm: [0, 1],
  FusedGemm: [0, 1],
  MatMulInteger: [0, 1],
  MatMulInteger16: [0, 1],
  MatMulIntegerToFloat: [0, 1],
  DynamicQuantizeMatMul: [0, 1],
  QLinearMatMul: [0, 3],
  QGemm: [0, 3],
};

/** Positions of the weights of convolutions. */
const convolutionWeights: Readonly<Record<string, number>> = {
  Conv: 1,
  FusedConv: 1,
  NhwcFusedConv: 1,
  ConvInteger: 1,
  QLinearConv: 3,
};

const integers = new Set(['int8', 'uint8', 'int16', 'uint16']);

/** The work of one call; null when shapes do not tell. */
export function workOf(
  op: string,
  inputs: readonly ProfiledShape[],
  outputs: readonly ProfiledShape[],
): Work | null {
  const [output] = outputs;
  if (!output) return null;
  const elements = outputs.reduce((sum, { dims }) => sum + product(dims), 0);
  const macs = macsOf(op, inputs, output);
  if (macs === undefined) return { operations: elements, arithmetic: 'float' };
  if (!Number.isFinite(macs)) return null;
  const arithmetic =
    integers.has(inputs[0]?.type ?? '') || op === 'DynamicQuantizeMatMul' ? 'integer' : 'float';
  return { operations: 2 * macs, arithmetic };
}

/** Undefined for operators that multiply no matrices; NaN when an input that it needs is not told. */
function macsOf(op: string, inputs: readonly ProfiledShape[], output: ProfiledShape): number | undefined {
  const dims = (index: number) => inputs[index]?.dims;
  const weightsAt = convolutionWeights[op];
  if (weightsAt !== undefined) {
    const weights = dims(weightsAt);
    return weights ? product(output.dims) * product(weights.slice(1)) : Number.NaN;
  }
  const factors = matrixFactors[op];
  if (factors) return matrixMacs(dims(factors[0]), dims(factors[1]), output.dims);
  const [first, second] = [dims(0), dims(1)];
  switch (op) {
    case 'ConvTranspose':
      return first && second ? product(first) * product(second.slice(1)) : Number.NaN;
    case 'MatMulNBits':
      return first ? product(output.dims) * (first.at(-1) ?? 1) : Number.NaN;
    case 'LSTM':
    case 'GRU':
    case 'RNN': {
      // X is (steps, batch, inputs), W and R hold all gates of all directions.
      const recurrent = dims(2);
      if (!first || !second || !recurrent) return Number.NaN;
      return (first[0] ?? 1) * (first[1] ?? 1) * (product(second) + product(recurrent));
    }
    case 'Attention':
    case 'QAttention': {
      // X is (batch, sequence, hidden), the weights (hidden, 3 × hidden); then scores and their use.
      if (!first || !second) return Number.NaN;
      const [batch = 1, sequence = 1, hidden = 1] = first;
      return batch * sequence * (product(second) + 2 * sequence * (output.dims.at(-1) ?? hidden));
    }
    case 'MultiHeadAttention': {
      // Query (batch, sequence, hidden) and key (batch, total, hidden).
      if (first?.length !== 3 || second?.length !== 3) return Number.NaN;
      const [batch = 1, sequence = 1, hidden = 1] = first;
      return batch * sequence * (second[1] ?? 1) * (hidden + (output.dims.at(-1) ?? hidden));
    }
    case 'GroupQueryAttention':
    case 'Einsum':
      return Number.NaN;
    default:
      return undefined;
  }
}

/**
 * Without knowing which factor is transposed: of A (m × k), B (k × n) and Y (m × n), |A|·|B| / |Y| is k². Leading
 * dimensions of A that B does not have count as rows.
 */
function matrixMacs(
  a: readonly number[] | undefined,
  b: readonly number[] | undefined,
  y: readonly number[],
): number {
  if (!a || !b) return Number.NaN;
  if (b.length < 2 || a.length < 2) return product(y) * (a.at(-1) ?? 1);
  const matrix = (dims: readonly number[]) => product(dims.slice(-2));
  const inner = Math.sqrt((matrix(a) * matrix(b)) / Math.max(1, matrix(y)));
  return product(y) * Math.round(inner);
}
