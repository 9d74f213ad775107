// Elements of small tensors under operators that only move them: what exporters compute paddings and shapes with.

import type { Dim, Dims } from './dims';

const isNumber = (dim: Dim | undefined): dim is number => typeof dim === 'number';

/** The dimensions when all are numbers and hold exactly the known elements. */
function extent(dims: Dims, values: Dims): readonly number[] | undefined {
  if (!dims.every(isNumber)) return undefined;
  return dims.reduce((a, b) => a * b, 1) === values.length ? dims : undefined;
}

function strides(dims: readonly number[]): number[] {
  const result = new Array<number>(dims.length).fill(1);
  for (let axis = dims.length - 2; axis >= 0; axis -= 1) result[axis] = result[axis + 1]! * dims[axis + 1]!;
  return result;
}

/** Elements of a tensor whose element at each position comes from `base + Σ position·step`. */
function picked(values: Dims, dims: readonly number[], base: number, steps: readonly number[]): Dim[] {
  const total = dims.reduce((a, b) => a * b, 1);
  const position = new Array<number>(dims.length).fill(0);
  const result: Dim[] = [];
  let from = base;
  for (let count = 0; count < total; count += 1) {
    result.push(values[from] ?? null);
    for (let axis = dims.length - 1; axis >= 0; axis -= 1) {
      position[axis]! += 1;
      from += steps[axis]!;
      if (position[axis]! < dims[axis]!) break;
      from -= steps[axis]! * dims[axis]!;
      position[axis] = 0;
    }
  }
  return result;
}

/** The elements after Transpose. */
export function permutedValues(
  values: Dims | undefined,
  dims: Dims,
  permutation: readonly number[],
): Dims | undefined {
  if (!values || dims.length <= 1) return values;
  const size = extent(dims, values);
  if (!size) return undefined;
  const from = strides(size);
  return picked(
    values,
    permutation.map((axis) => size[axis]!),
    0,
    permutation.map((axis) => from[axis]!),
  );
}

/** The elements after Slice, given the shape before and after it; undefined where a start or step is not known. */
export function slicedValues(
  values: Dims | undefined,
  dims: Dims,
  result: Dims,
  axes: readonly number[],
  starts: Dims | undefined,
  steps: Dims | undefined,
  hasSteps: boolean,
): Dims | undefined {
  if (!values || !result.every(isNumber)) return undefined;
  const size = extent(dims, values);
  if (!size) return undefined;
  const moves = strides(size);
  let base = 0;
  for (const [at, axis] of axes.entries()) {
    const start = starts?.[at];
    const step = hasSteps ? steps?.[at] : 1;
    if (!isNumber(start) || !isNumber(step)) return undefined;
    const length = size[axis]!;
    const last = step < 0 ? length - 1 : length;
    base += moves[axis]! * Math.min(Math.max(start < 0 ? start + length : start, 0), last);
    moves[axis]! *= step;
  }
  return picked(values, result, base, moves);
}
