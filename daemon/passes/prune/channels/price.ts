// What the parts of a model cost (multiply-accumulates, bytes, measured time) and how that shrinks with the widths
// that they are made of: what a budget is kept in.

import { assumeDimensions } from '../../../analysis/cost/cost';
import { countMacs } from '../../../analysis/cost/countWork';
import { inferShapes } from '../../../analysis/shapes';
import { dataTypeBits } from '../../../ir/dataType';
import type { Node } from '../../../ir/model';
import { elementCount, type Tensor } from '../../../ir/tensor';
import { constantTensors } from '../../rewrite';
import type { Structure } from './analyse';
import type { AxisRef, Elements } from './elements';

/** An axis that a cost depends on: its share that is left → share of the cost; proportional when absent. */
export interface PricedAxis {
  readonly axis: AxisRef;
  readonly curve?: ((share: number) => number) | undefined;
}

export interface PricedItem {
  readonly amount: number;
  readonly axes: readonly PricedAxis[];
}

/** Share of each axis that goes. */
export type AxisChange = ReadonlyMap<AxisRef, number>;

const nothing: AxisChange = new Map();

/** A sum of items while axes become shorter. One object follows one choice. */
export class Price {
  private readonly readers = new Map<AxisRef, number[]>();
  private readonly share = new Map<AxisRef, number>();
  readonly total: number;

  constructor(
    private readonly items: readonly PricedItem[],
    /** What stays whatever is cut. */
    readonly fixed = 0,
  ) {
    for (const [index, { axes }] of items.entries()) {
      for (const { axis } of axes) {
        const list = this.readers.get(axis);
        if (list) list.push(index);
        else this.readers.set(axis, [index]);
      }
    }
    this.total = items.reduce((sum, { amount }) => sum + amount, fixed);
  }

  /** The same before anything was cut. */
  fresh(): Price {
    return new Price(this.items, this.fixed);
  }

  /** What the change saves now. */
  gain(change: AxisChange): number {
    const touched = new Set<number>();
    for (const axis of change.keys()) for (const index of this.readers.get(axis) ?? []) touched.add(index);
    let gain = 0;
    for (const index of touched) gain += this.itemAfter(index, nothing) - this.itemAfter(index, change);
    return gain;
  }

  apply(change: AxisChange): void {
    for (const [axis, less] of change) this.share.set(axis, (this.share.get(axis) ?? 1) - less);
  }

  private itemAfter(index: number, change: AxisChange): number {
    const { amount, axes } = this.items[index]!;
    return axes.reduce((left, { axis, curve }) => {
      const share = (this.share.get(axis) ?? 1) - (change.get(axis) ?? 0);
      return left * (curve ? curve(share) : share);
    }, amount);
  }
}

/** Multiply-accumulates for one sample. */
export function macPrice({ model, elements, numbers }: Structure): Price {
  const constants = (tensor: Tensor) => numbers.get(tensor);
  const counted = countMacs(inferShapes(model, { bind: assumeDimensions(model), constants }));
  return new Price(
    model.graph.nodes.map((node, index) => {
      const amount = counted.nodes[index] ?? 0;
      return { amount, axes: amount > 0 ? factorAxes(node, elements).map((axis) => ({ axis })) : [] };
    }),
  );
}

/** Axes that the work of a Conv, Gemm or MatMul is proportional to. */
export function factorAxes(node: Node, elements: Elements): AxisRef[] {
  const [a = '', b = ''] = node.inputs;
  const axes =
    node.opType === 'MatMul'
      ? [...elements.of(node.outputs[0] ?? ''), elements.of(a).at(-1)]
      : elements.of(b);
  return axes.filter((axis) => axis !== undefined);
}

/** Bytes of the file: weights shrink, `fileBytes` less all of them stays. */
export function sizePrice({ model, elements }: Structure, fileBytes: number): Price {
  const items = [...constantTensors(model.graph).values()].map(({ name, dims, dataType }): PricedItem => {
    const axes = elements.of(name).filter((axis) => axis !== undefined);
    const amount = (elementCount(dims) * (dataTypeBits(dataType) ?? 0)) / 8;
    return { amount, axes: axes.map((axis) => ({ axis })) };
  });
  const weights = items.reduce((sum, { amount }) => sum + amount, 0);
  return new Price(items, Math.max(0, fileBytes - weights));
}
