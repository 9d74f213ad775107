// A layer's weight as the matrix that multiplies rows of inputs: which element of the tensor stands at (row, output).
// Rows are in the order of daemon/runtime/calibrate/gram.ts: channel, then kernel position.

import { intAttribute } from '../../../ir/attributes';
import type { Node } from '../../../ir/model';
import { isOp } from '../../rewrite';

/** Index of the weight's axis that reads the layer's input. */
export function inputAxis(node: Node): number {
  if (isOp(node, 'Conv')) return 1;
  if (isOp(node, 'Gemm')) return intAttribute(node, 'transB', 0) !== 0 ? 1 : 0;
  return 0;
}

export interface LayerRows {
  /** Rows of the matrix, in one group. */
  readonly k: number;
  /** Length of the weight's input axis. */
  readonly channels: number;
  /** Rows of one channel: the kernel's positions. */
  readonly perChannel: number;
  readonly outputs: number;
  readonly groups: number;
  /** Place in the tensor. */
  readonly at: (row: number, output: number) => number;
}

/** The matrix of a Conv, Gemm or MatMul with a weight of these dims; undefined when it is none. */
export function rowsOf(node: Node, dims: readonly number[]): LayerRows | undefined {
  if (isOp(node, 'Conv')) {
    const k = dims.slice(1).reduce((all, dim) => all * dim, 1);
    const [outputs = 0, channels = 1] = dims;
    const groups = intAttribute(node, 'group', 1);
    return { k, channels, perChannel: k / channels, outputs, groups, at: (row, output) => output * k + row };
  }
  if (dims.length !== 2 || !isOp(node, 'Gemm', 'MatMul')) return undefined;
  const [a = 0, b = 0] = dims;
  const common = { perChannel: 1, groups: 1 };
  return inputAxis(node) === 1
    ? { ...common, k: b, channels: b, outputs: a, at: (row, output) => output * b + row }
    : { ...common, k: a, channels: a, outputs: b, at: (row, output) => row * b + output };
}
