// The two half formats, and constants in them: what fits, what is clamped, what becomes zero. Sentinels, numbers
// that only mean "never" or "no bound" (−∞, −3.4e38, −1e9 in masks), become the largest that still leaves room to
// add; numbers that are merely too large are not touched, because their reader has to stay in float.

import { rawTensor } from '../../ir/builder';
import { DataType } from '../../ir/dataType';
import { elementCount, type Tensor } from '../../ir/tensor';
import { bfloat16sToFloats, floatToBfloat16, floatToHalf, halvesToFloats } from '../../onnx/float16';
import { breathe, type Task } from '../../base/task';

export interface HalfFormat {
  readonly name: 'float16' | 'bfloat16';
  readonly dataType: DataType;
  /** Largest finite number. */
  readonly largest: number;
  /** Stands for a sentinel in a mask: scores may be added to it without reaching infinity. */
  readonly never: number;
  /** Smallest number above zero. */
  readonly smallest: number;
  readonly bits: (value: number) => number;
  readonly floats: (bits: Uint16Array) => Float32Array;
}

export const float16: HalfFormat = {
  name: 'float16',
  dataType: DataType.FLOAT16,
  largest: 65504,
  never: 32768,
  smallest: 2 ** -24,
  bits: floatToHalf,
  floats: halvesToFloats,
};

export const bfloat16: HalfFormat = {
  name: 'bfloat16',
  dataType: DataType.BFLOAT16,
  largest: (2 - 2 ** -7) * 2 ** 127,
  never: 2 ** 127,
  smallest: 2 ** -133,
  bits: floatToBfloat16,
  floats: bfloat16sToFloats,
};

/** From here on a number means "never" or "no bound", not a quantity. */
const sentinel = 1e8;
/** Tensors up to this size hold epsilons, which must not become zero; in weights a zero is as good. */
const smallTensor = 16;
/** Elements between two looks at the task. */
const stride = 1 << 17;

/** What a constant holds, seen from a half format. */
export interface ConstantFacts {
  /** Largest magnitude below the sentinels. */
  readonly largest: number;
  readonly sentinels: number;
  readonly notNumbers: number;
}

/** Looks at every value once. */
export async function surveyConstant(values: Float32Array, task: Task): Promise<ConstantFacts> {
  let largest = 0;
  let sentinels = 0;
  let notNumbers = 0;
  for (let from = 0; from < values.length; from += stride) {
    await breathe(task);
    const to = Math.min(values.length, from + stride);
    for (let i = from; i < to; i += 1) {
      const size = Math.abs(values[i]!);
      if (size < sentinel) {
        if (size > largest) largest = size;
      } else if (size >= sentinel) sentinels += 1;
      else notNumbers += 1;
    }
  }
  return { largest, sentinels, notNumbers };
}

export interface HalfConstant {
  readonly tensor: Tensor;
  /** Sentinels that were clamped. */
  readonly clamped: number;
  /** Values of a small tensor that would have been zero and are the smallest number now. */
  readonly raised: number;
}

/** The tensor in a half format, rounded to nearest. `bound` is what sentinels become. */
export async function halfConstant(
  tensor: Tensor,
  values: Float32Array,
  format: HalfFormat,
  bound: number,
  task: Task,
): Promise<HalfConstant> {
  const out = new Uint16Array(values.length);
  const keepTiny = elementCount(tensor.dims) <= smallTensor;
  // Of bfloat16, only what would round to infinity is too large.
  const limit = format.largest < sentinel ? sentinel : format.largest;
  let clamped = 0;
  let raised = 0;
  for (let from = 0; from < values.length; from += stride) {
    await breathe(task);
    const to = Math.min(values.length, from + stride);
    for (let i = from; i < to; i += 1) {
      let value = values[i]!;
      const size = Math.abs(value);
      if (size >= limit) {
        value = value < 0 ? -bound : bound;
        clamped += 1;
      } else if (keepTiny && size > 0 && size < format.smallest) {
        value = value < 0 ? -format.smallest : format.smallest;
        raised += 1;
      }
      out[i] = format.bits(value);
    }
  }
  const made = rawTensor(tensor.name, format.dataType, tensor.dims, new Uint8Array(out.buffer));
  return {
    tensor: { ...made, docString: tensor.docString, metadataProps: tensor.metadataProps },
    clamped,
    raised,
  };
}
