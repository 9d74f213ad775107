// A table of this machine: how long each layer that can be cut takes at its width and at narrower ones, aligned to the
// vector width, measured in one session with all of them. From it comes the price in milliseconds that channels are
// chosen by. What the layers do not explain of the whole model's time counts as fixed; latencyBudget.ts corrects it.

import { countMacs } from '../../analysis/cost/countWork';
import { inferShapes, type Dims } from '../../analysis/shapes';
import type { Task } from '../../base/task';
import { intAttribute } from '../../ir/attributes';
import { floatTensor, graph, model as makeModel, node as makeNode, valueInfo } from '../../ir/builder';
import { DataType } from '../../ir/dataType';
import type { Node } from '../../ir/model';
import { elementCount, type Tensor } from '../../ir/tensor';
import { outputAxis, type Structure } from '../../passes/prune/channels/analyse';
import type { AxisRef } from '../../passes/prune/channels/elements';
import { inputAxis } from '../../passes/prune/channels/layerRows';
import { factorAxes, Price, type PricedAxis, type PricedItem } from '../../passes/prune/channels/price';
import { constantTensors, isOp, standardOpset } from '../../passes/rewrite';
import { nodeTimes } from '../../runtime/profile/nodeTimes';

export interface LatencyTableOptions {
  /** What the whole model takes, milliseconds. */
  readonly denseMs: number;
  readonly threads: number;
  /** Widths are measured at multiples of this. */
  readonly align: number;
  /** Values of free dimensions. */
  readonly bind: Readonly<Record<string, number>>;
}

/** Shares of a width that are measured beside the whole. */
const shares = [0.75, 0.5, 0.25];
/** Layers with more numbers than this are not timed: they are taken to cost in proportion to their work. */
const mostNumbers = 8 << 20;
/** Numbers of weights and inputs in one session. */
const sessionNumbers = 48 << 20;
/** Runs of a session, and the time that they may take. */
const limits = { runs: 25, maxMs: 4000 };

/** A node with the shapes that it is timed at: everything that its time depends on. */
interface Point {
  readonly node: Node;
  readonly x: readonly number[];
  readonly w: readonly number[];
  /** Of a convolution, else 1. */
  readonly groups: number;
}

/** A layer to be timed. */
interface Layer extends Point {
  readonly axes: readonly LayerAxis[];
}

/** An axis of the weight that can become shorter, and what follows when it is `width` long. */
interface LayerAxis {
  readonly axis: AxisRef;
  /** Widths are multiples of this. */
  readonly parts: number;
  readonly at: (width: number) => Point;
}

/** The price in milliseconds, and how many layers and widths were timed for it. */
export async function latencyTable(
  structure: Structure,
  { denseMs, threads, align, bind }: LatencyTableOptions,
  task: Task,
): Promise<{ price: Price; points: number }> {
  const { model, elements, numbers } = structure;
  const shapes = inferShapes(model, { bind, constants: (tensor: Tensor) => numbers.get(tensor) });
  const macs = countMacs(shapes).nodes;
  const constants = constantTensors(model.graph);
  const cut = new Set(structure.units.flatMap(({ axes }) => axes));
  const points = new Map<string, Point>();
  const pointOf = (point: Point) => {
    const key = keyOf(point);
    points.set(key, point);
    return key;
  };
  const layers = new Map<number, { whole: string; curves: { axis: AxisRef; at: [number, string][] }[] }>();
  for (const [index, node] of model.graph.nodes.entries()) {
    const layer = layerOf(node, shapes.types.get(node.inputs[0] ?? '')?.dims, constants, structure);
    if (!layer) continue;
    const whole = pointOf(layer);
    const curves = layer.axes
      .filter(({ axis }) => cut.has(axis))
      .map(({ axis, parts, at }) => ({
        axis,
        at: widthsOf(axis.length, align, parts).map((width): [number, string] => [
          width / axis.length,
          pointOf(at(width)),
        ]),
      }));
    layers.set(index, { whole, curves });
  }
  const ms = await timePoints([...points], standardOpset(model), threads, task);
  const timed = [...layers].filter(([, { whole }]) => ms.has(whole));
  const sum = timed.reduce((all, [, { whole }]) => all + ms.get(whole)!, 0);
  const work = timed.reduce((all, [index]) => all + (macs[index] ?? 0), 0);
  const rate =
    work > 0
      ? sum / work
      : denseMs /
        Math.max(
          1,
          macs.reduce((a: number, b) => a + (b ?? 0), 0),
        );
  const items = model.graph.nodes.map((node, index): PricedItem => {
    const layer = layers.get(index);
    const whole = layer && ms.get(layer.whole);
    if (!layer || whole === undefined)
      return {
        amount: rate * (macs[index] ?? 0),
        axes: factorAxes(node, elements).map((axis) => ({ axis })),
      };
    const axes = layer.curves.map(({ axis, at }): PricedAxis => {
      const known = at.flatMap(([share, key]): [number, number][] => {
        const time = ms.get(key);
        return time === undefined ? [] : [[share, time / whole]];
      });
      return { axis, curve: curveThrough(known) };
    });
    return { amount: whole, axes };
  });
  const explained = items.reduce((all, { amount }) => all + amount, 0);
  // A layer on its own may be slower than where it is fused with what follows.
  const scale = explained > denseMs ? denseMs / explained : 1;
  const scaled = items.map((item) => ({ ...item, amount: item.amount * scale }));
  return { price: new Price(scaled, Math.max(0, denseMs - explained * scale)), points: ms.size };
}

/** A Conv or ConvTranspose, a Gemm or a MatMul with a constant matrix; undefined for anything else. */
function layerOf(
  node: Node,
  dims: Dims | null | undefined,
  constants: ReadonlyMap<string, Tensor>,
  { elements }: Structure,
): Layer | undefined {
  if (!isOp(node, 'Conv', 'ConvTranspose', 'Gemm', 'MatMul')) return undefined;
  const convolves = isOp(node, 'Conv', 'ConvTranspose');
  const weight = constants.get(node.inputs[1] ?? '');
  if (!dims?.every((dim) => typeof dim === 'number')) return undefined;
  if (!weight || weight.dataType !== DataType.FLOAT || weight.dims.length < 2) return undefined;
  if (!convolves && weight.dims.length !== 2) return undefined;
  if (isOp(node, 'Gemm') && intAttribute(node, 'transA', 0) !== 0) return undefined;
  const x = dims.map(Number);
  const w = weight.dims;
  if (elementCount(x) + elementCount(w) > mostNumbers || elementCount(x) * elementCount(w) === 0)
    return undefined;
  const channels = convolves ? 1 : x.length - 1;
  const groups = convolves ? intAttribute(node, 'group', 1) : 1;
  const whole: Point = { node, x, w, groups };
  const axes: LayerAxis[] = [];
  /** `xPerWidth` channels of x go with each slice of the weight; none when undefined. */
  const add = (inW: number, xPerWidth: number | undefined, parts: number, ofGroups = false) => {
    const axis = elements.axis(weight.name, inW);
    if (!axis) return;
    const replace = (shape: readonly number[], at: number, by: number) =>
      shape.map((dim, i) => (i === at ? by : dim));
    const at = (width: number): Point => ({
      node,
      x: xPerWidth === undefined ? x : replace(x, channels, width * xPerWidth),
      w: replace(w, inW, width),
      groups: ofGroups ? (groups * width) / axis.length : groups,
    });
    axes.push({ axis, parts, at });
  };
  const [into, out] = [inputAxis(node), (outputAxis(node) + w.length) % w.length];
  if (groups === 1) {
    add(into, 1, 1);
    add(out, undefined, 1);
  } else if (groups === x[1]) {
    // Depthwise: whole groups go. A Conv has `w[0] / groups` outputs in each, a ConvTranspose one slice.
    const each = isOp(node, 'Conv') ? w[0]! / groups : 1;
    if (Number.isInteger(each)) add(0, 1 / each, each, true);
  } else if (isOp(node, 'Conv')) {
    add(into, groups, 1);
    add(out, undefined, groups);
  } else {
    add(into, 1, groups);
    add(out, undefined, 1);
  }
  return { ...whole, axes };
}

/** Widths to measure beside the whole: aligned, and such that every part has as many. */
function widthsOf(length: number, align: number, parts: number): number[] {
  const both = (align * parts) / gcd(align, parts);
  const step = both < length ? both : parts;
  const widths = shares.map((share) => Math.max(step, Math.round((share * length) / step) * step));
  return [...new Set(widths)].filter((width) => width < length);
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

function keyOf({ node, x, w, groups }: Point): string {
  const attributes = node.attributes.map((each) =>
    JSON.stringify(each, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)),
  );
  return [node.opType, x.join('×'), w.join('×'), groups, node.inputs.length, ...attributes.sort()].join(' ');
}

/** Straight lines between what was measured, through 1 at 1; never falling, so that noise cannot reward width. */
function curveThrough(known: readonly [number, number][]): (share: number) => number {
  const points: [number, number][] = [];
  for (const [share, value] of [...known].sort((a, b) => a[0] - b[0]))
    points.push([share, Math.min(1, Math.max(value, points.at(-1)?.[1] ?? 0))]);
  points.push([1, 1]);
  return (share) => {
    const above = points.findIndex(([at]) => at >= share);
    const [x1, y1] = points[above < 0 ? points.length - 1 : above]!;
    if (above <= 0) return share >= 1 ? 1 : (y1 * share) / x1;
    const [x0, y0] = points[above - 1]!;
    return y0 + ((y1 - y0) * (share - x0)) / (x1 - x0);
  };
}

const prefix = 'slipway_point_';

/** Milliseconds of each point, by its key; a point whose node cannot be told in the profile is missing. */
async function timePoints(
  points: readonly (readonly [string, Point])[],
  opset: number,
  threads: number,
  task: Task,
): Promise<Map<string, number>> {
  const ms = new Map<string, number>();
  let at = 0;
  while (at < points.length) {
    task.report({ stage: 'Timing layers', done: at, total: points.length });
    let count = 0;
    let size = 0;
    while (at + count < points.length && (count === 0 || size < sessionNumbers)) {
      const { x, w } = points[at + count]![1];
      size += elementCount(x) + elementCount(w);
      count += 1;
    }
    const own = points.slice(at, at + count);
    const measured = pointsModel(
      own.map(([, point]) => point),
      opset,
    );
    for (const { name, op, meanUs } of await nodeTimes(measured, { ...limits, threads }, task)) {
      const index = new RegExp(`${prefix}(\\d+)_`).exec(name)?.[1];
      if (index === undefined || !/Conv|Gemm|MatMul/.test(op)) continue;
      const [key] = own[Number(index)]!;
      ms.set(key, (ms.get(key) ?? 0) + meanUs / 1000);
    }
    at += count;
  }
  return ms;
}

/** All points side by side; of each only the largest output leaves, so that copying outputs does not count. */
function pointsModel(points: readonly Point[], opset: number) {
  const inputs = new Map<string, readonly number[]>();
  const weights: Tensor[] = [];
  const nodes: Node[] = [];
  for (const [i, { node, x, w, groups }] of points.entries()) {
    const input = `x_${x.join('_')}`;
    inputs.set(input, x);
    const constant = (name: string, dims: readonly number[]) => {
      weights.push(floatTensor(name, dims, new Float32Array(elementCount(dims)).fill(0.01)));
      return name;
    };
    const slices = w[(outputAxis(node) + w.length) % w.length]!;
    const outputs = isOp(node, 'ConvTranspose') ? slices * groups : slices;
    const bias = node.inputs[2] !== undefined && node.inputs[2] !== '' ? [constant(`b_${i}`, [outputs])] : [];
    const name = `${prefix}${i}_`;
    const attributes = node.attributes.map((each) =>
      each.name === 'group' && each.type === 'INT' ? { ...each, value: BigInt(groups) } : each,
    );
    nodes.push({
      ...makeNode(node.opType, [input, constant(`w_${i}`, w), ...bias], [name], { name }),
      attributes,
    });
    nodes.push(makeNode('ReduceMax', [name], [`most_${i}`], { attributes: { keepdims: 0n } }));
  }
  nodes.push(
    makeNode(
      'Sum',
      points.map((_, i) => `most_${i}`),
      ['all'],
    ),
  );
  return makeModel(
    graph({
      nodes,
      initializers: weights,
      inputs: [...inputs].map(([name, dims]) => valueInfo(name, DataType.FLOAT, dims)),
      outputs: [valueInfo('all', DataType.FLOAT, [])],
    }),
    { opset: Math.max(8, opset) },
  );
}
