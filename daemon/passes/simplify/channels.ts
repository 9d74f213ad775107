// How the weights of Conv, ConvTranspose, Gemm and MatMul are laid out over output channels, and what a constant
// that is combined with a layer's output says for each channel.

import { intAttribute } from '../../ir/attributes';
import type { Node } from '../../ir/model';
import { elementCount, type Tensor } from '../../ir/tensor';

/** Where the output channel of a weight's element is: element i belongs to channel floor(i / inner) % count, shifted per group. */
export interface Channels {
  readonly count: number;
  of(element: number): number;
}

/** How a layer's weight is laid out over its output channels; undefined when it cannot take a factor per channel. */
export function channelsOf(layer: Node, dims: readonly number[]): Channels | undefined {
  const [first = 0, second = 0] = dims;
  const rest = elementCount(dims.slice(2));
  if (layer.opType === 'Conv') {
    return { count: first, of: (element) => Math.floor(element / (second * rest)) };
  }
  if (layer.opType === 'ConvTranspose') {
    const groups = intAttribute(layer, 'group', 1);
    const perGroup = first / groups;
    return {
      count: second * groups,
      of: (element) => {
        const group = Math.floor(Math.floor(element / (second * rest)) / perGroup);
        return group * second + (Math.floor(element / rest) % second);
      },
    };
  }
  if (layer.opType === 'MatMul') return { count: second, of: (element) => element % second };
  return intAttribute(layer, 'transB', 0) !== 0
    ? { count: first, of: (element) => Math.floor(element / second) }
    : { count: second, of: (element) => element % second };
}

/**
 * True when a constant of these dimensions, broadcast to an output of `rank` dimensions with its channels at
 * `axis`, keeps the output's shape and varies along the channels only.
 */
export function isPerChannel({ dims }: Tensor, rank: number, axis: number, channels: number): boolean {
  if (dims.length > rank) return false;
  const at = axis - (rank - dims.length);
  return dims.every((dim, i) => dim === 1 || (i === at && dim === channels));
}
