// What one run of a model costs: multiply-accumulates (MACs) per node and in all, and the largest sum of
// activations that are live at once. Both need every dimension, so free ones are given values first.

import { bitsOf } from './typeText';
import { macRules, type MacContext } from './macRules';
import {
  inferShapes,
  typeIn,
  type InferOptions,
  type InferredBody,
  type InferredGraph,
  type ShapeInfo,
} from './shapes';
import { elementsOf } from './shapes/dims';
import { freeInputs } from './summary';
import type { CaptureCache } from '../ir/graphIndex';
import { bodyCaptures } from './topology';
import { shapeOfType } from './typeText';
import type { Model, Node } from '../ir/model';

export interface Cost {
  /** Multiply-accumulates of one run; null when a dimension that it depends on is unknown. */
  readonly macs: number | null;
  /** The same for each node of the main graph, bodies included, in file order. */
  readonly nodeMacs: readonly (number | null)[];
  /** Bytes of graph inputs and intermediate values that are live together, at most; null when unknown. */
  readonly peakActivationBytes: number | null;
  /** Free dimensions that were not bound, and what they were taken for. */
  readonly assumed: Record<string, number>;
}

/** Free dimensions of the graph inputs: symbolic names, and `input[axis]` for unnamed ones. */
export function freeDimensions(model: Model): string[] {
  const names = new Set<string>();
  for (const input of freeInputs(model.graph)) {
    shapeOfType(input.type)?.forEach((dim, axis) => {
      if (typeof dim === 'string') names.add(dim);
      else if (dim === null || dim < 0) names.add(`${input.name}[${axis}]`);
    });
  }
  return [...names];
}

/** Gives every free dimension that is not bound the value 1: one sample, one step. */
export function assumeDimensions(
  model: Model,
  bind: Readonly<Record<string, number>> = {},
): Record<string, number> {
  const free = freeDimensions(model).filter((name) => !Object.hasOwn(bind, name));
  return Object.fromEntries(free.map((name) => [name, 1]));
}

/** Infers the shapes at the bound and assumed dimensions and counts. */
export function modelCost(model: Model, options: InferOptions = {}): Cost {
  const assumed = assumeDimensions(model, options.bind);
  const shapes: ShapeInfo = inferShapes(model, { ...options, bind: { ...assumed, ...options.bind } });
  const { total, nodes } = countMacs(shapes);
  return { macs: total, nodeMacs: nodes, peakActivationBytes: peakActivationBytes(shapes), assumed };
}

/**
 * MACs of each node and their sum. An If counts its dearer branch, a Loop or Scan its body times the number of
 * iterations. Element-wise work counts as nothing.
 */
export function countMacs(shapes: InferredGraph, counted: Counted = new Map()): MacCount {
  // A function that is called often is one graph: it is counted once.
  const known = counted.get(shapes.types);
  if (known) return known;
  const nodes = shapes.nodes.map((node) => macsOf(shapes, node, counted));
  const count = { total: sum(nodes), nodes };
  counted.set(shapes.types, count);
  return count;
}

interface MacCount {
  readonly total: number | null;
  readonly nodes: readonly (number | null)[];
}
type Counted = Map<InferredGraph['types'], MacCount>;

const sum = (values: readonly (number | null)[]): number | null =>
  values.reduce<number | null>(
    (total, value) => (total === null || value === null ? null : total + value),
    0,
  );

function macsOf(shapes: InferredGraph, node: Node, counted: Counted): number | null {
  const bodies = shapes.bodies.get(node);
  if (bodies) return macsOfBodies(bodies, counted);
  const domain = node.domain === 'ai.onnx' ? '' : node.domain;
  const rule = macRules.get(domain === '' ? node.opType : `${domain}.${node.opType}`);
  if (!rule) return 0;
  const context: MacContext = {
    node,
    input: (index) => typeIn(shapes, node.inputs[index] ?? '')?.dims ?? null,
    output: (index) => typeIn(shapes, node.outputs[index] ?? '')?.dims ?? null,
  };
  const macs = rule(context);
  return macs === undefined || !Number.isSafeInteger(macs) ? null : macs;
}

function macsOfBodies(bodies: readonly InferredBody[], counted: Counted): number | null {
  const counts = bodies.map((body) => {
    const { total } = countMacs(body, counted);
    if (total === 0 || total === null) return total;
    return typeof body.times === 'number' ? total * body.times : null;
  });
  return counts.some((count) => count === null) ? null : Math.max(0, ...counts.map(Number));
}

/**
 * Largest sum of bytes of live values over the running order: graph inputs until their last use, outputs until
 * the end, intermediates from the node that writes them to the last that reads them. Weights, constants and what
 * follows from them alone do not count, and no value is taken to be computed in place, so a runtime that does so
 * stays below.
 */
export function peakActivationBytes(shapes: InferredGraph): number | null {
  return peakOf(shapes, new Map(), new Map());
}

type Peaks = Map<InferredGraph['types'], number | null>;

function peakOf(shapes: InferredGraph, captures: CaptureCache, peaks: Peaks): number | null {
  const known = peaks.get(shapes.types);
  if (known !== undefined) return known;
  const peak = largestLive(shapes, captures, peaks);
  peaks.set(shapes.types, peak);
  return peak;
}

function largestLive(shapes: InferredGraph, captures: CaptureCache, peaks: Peaks): number | null {
  const uses = new Map<string, number>();
  const use = (name: string) => uses.set(name, (uses.get(name) ?? 0) + 1);
  const reads = shapes.nodes.map((node) => [
    ...node.inputs.filter((name) => name !== ''),
    ...bodyCaptures(node, captures),
  ]);
  for (const names of reads) names.forEach(use);
  shapes.outputs.forEach(use);

  const held = new Map<string, number>();
  let live = 0;
  let allKnown = true as boolean;
  const hold = (name: string) => {
    if (name === '' || held.has(name)) return;
    const bytes = bytesOf(shapes, name);
    if (bytes === null) allKnown = false;
    held.set(name, bytes ?? 0);
    live += bytes ?? 0;
  };
  const release = (name: string) => {
    live -= held.get(name) ?? 0;
    held.delete(name);
  };
  shapes.inputs.forEach(hold);
  const isConstant = constantNodes(shapes, reads);
  let peak = live;
  for (const index of shapes.order) {
    const node = shapes.nodes[index]!;
    if (!isConstant(node)) node.outputs.forEach(hold);
    let inside = 0;
    for (const body of shapes.bodies.get(node) ?? []) {
      const inner = peakOf(body, captures, peaks);
      if (inner === null) allKnown = false;
      else inside = Math.max(inside, inner);
    }
    if (!allKnown) return null;
    peak = Math.max(peak, live + inside);
    for (const name of reads[index]!) {
      const left = (uses.get(name) ?? 0) - 1;
      uses.set(name, left);
      if (left === 0) release(name);
    }
    for (const name of node.outputs) if (!uses.has(name)) release(name);
  }
  return allKnown ? peak : null;
}

/** Nodes that a runtime computes once: Constant, and those that read nothing but constants and initializers. */
function constantNodes(
  shapes: InferredGraph,
  reads: readonly (readonly string[])[],
): (node: Node) => boolean {
  const written = new Set(shapes.nodes.flatMap((node) => node.outputs));
  const inputs = new Set(shapes.inputs);
  const constant = new Set<Node>();
  const values = new Set<string>();
  for (const index of shapes.order) {
    const node = shapes.nodes[index]!;
    const names = reads[index]!;
    const folds =
      node.opType === 'Constant' ||
      (names.length > 0 &&
        // A value that no node writes and that is no input is an initializer, or comes from around a body.
        names.every(
          (name) => values.has(name) || (!written.has(name) && !inputs.has(name) && shapes.types.has(name)),
        ));
    if (!folds) continue;
    constant.add(node);
    for (const output of node.outputs) values.add(output);
  }
  return (node) => constant.has(node);
}

function bytesOf(shapes: InferredGraph, name: string): number | null {
  const type = shapes.types.get(name);
  const bits = type && bitsOf(type.dtype);
  const elements = elementsOf(type?.dims);
  if (bits === undefined || elements === undefined) return null;
  return Math.ceil((elements * bits) / 8);
}
