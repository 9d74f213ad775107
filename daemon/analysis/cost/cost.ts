// What one run of a model costs: multiply-accumulates (MACs) per node and in all, and the largest sum of
// activations that are live at once. Both need every dimension, so free ones are given values first.

import { inOneGo, type Steps } from '../../base/task';
import { bitsOf } from '../typeText';
import { counting, countingDims, numeric } from './countWork';
import { inferring, inferShapes, type InferOptions, type InferredGraph } from '../shapes';
import { addDims, maxDims, multiplyDims, productOf, type Dim } from '../shapes/dims';
import { newLive } from './liveBytes';
import { freeInputs } from '../summary';
import type { CaptureCache } from '../../ir/graphIndex';
import { namesRead } from '../topology';
import { shapeOfType } from '../typeText';
import type { Model } from '../../ir/model';

export interface Cost {
  /** Multiply-accumulates of one run; null when a dimension that it depends on is unknown. */
  readonly macs: number | null;
  /** Operations of one run: two for each MAC, and those of other operators (flopRules.ts); null when unknown. */
  readonly flops: number | null;
  /** MACs of each node of the main graph, bodies included, in file order. */
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

/** Expressions of the names of free dimensions; null when unknown. */
export interface SymbolicCost {
  readonly macs: Dim;
  readonly flops: Dim;
  readonly peakActivationBytes: Dim;
}

/** MACs, operations and activation peak with the dimensions left free. */
export const symbolicCost = (model: Model, options: InferOptions = {}): SymbolicCost =>
  inOneGo(symbolicCosting(inferShapes(model, options)));

/** The same in steps, of shapes that were inferred before. */
export function* symbolicCosting(shapes: InferredGraph): Steps<SymbolicCost> {
  const macs = (yield* countingDims(shapes, 'macs')).total;
  const flops = (yield* countingDims(shapes, 'flops')).total;
  return { macs, flops, peakActivationBytes: (yield* livingBytes(shapes)).peak };
}

/** Infers the shapes at the bound and assumed dimensions and counts. */
export const modelCost = (model: Model, options: InferOptions = {}): Cost => inOneGo(costing(model, options));

/** The same in steps. `inferred` may bring what was inferred before at the bound and assumed dimensions. */
export function* costing(model: Model, options: InferOptions, inferred?: InferredGraph): Steps<Cost> {
  const assumed = assumeDimensions(model, options.bind);
  const bind = { ...assumed, ...options.bind };
  const shapes = inferred ?? (yield* inferring(model, { ...options, bind }));
  const { total, nodes } = yield* counting(shapes, 'macs');
  const flops = (yield* counting(shapes, 'flops')).total;
  const peak = numeric((yield* livingBytes(shapes)).peak);
  return { macs: total, flops, nodeMacs: nodes, peakActivationBytes: peak, assumed };
}

/**
 * Largest sum of bytes of live values over the running order: graph inputs until their last use, outputs until
 * the end, intermediates from the node that writes them to the last that reads them. Weights, constants and what
 * follows from them alone do not count, and no value is taken to be computed in place, so a runtime that does so
 * stays below.
 */
export const peakActivationBytes = (shapes: InferredGraph): number | null =>
  numeric(inOneGo(livingBytes(shapes)).peak);

/** Bytes that are live while each node runs, in file order, and the largest of them; null where unknown. */
export const livingBytes = (shapes: InferredGraph): Steps<LiveBytes> => liveOf(shapes, new Map(), new Map());

export interface LiveBytes {
  readonly nodes: readonly Dim[];
  readonly peak: Dim;
}

type Peaks = Map<InferredGraph['types'], LiveBytes>;

function* liveOf(shapes: InferredGraph, captures: CaptureCache, peaks: Peaks): Steps<LiveBytes> {
  const known = peaks.get(shapes.types);
  if (known) return known;
  const live = yield* walkingLive(shapes, captures, peaks);
  peaks.set(shapes.types, live);
  return live;
}

function* walkingLive(shapes: InferredGraph, captures: CaptureCache, peaks: Peaks): Steps<LiveBytes> {
  const uses = new Map<string, number>();
  const use = (name: string) => uses.set(name, (uses.get(name) ?? 0) + 1);
  const reads: (readonly string[])[] = [];
  for (const node of shapes.nodes) {
    const names = namesRead(node, captures);
    names.forEach(use);
    if (reads.push(names) % 1024 === 0) yield;
  }
  shapes.outputs.forEach(use);

  const live = newLive((name) => bytesOf(shapes, name));
  shapes.inputs.forEach(live.hold);
  const constant = yield* constantNodes(shapes, reads);
  const nodes = new Array<Dim>(shapes.nodes.length).fill(null);
  const first = live.sum();
  for (let done = 0; done < shapes.order.length; done += 1) {
    const index = shapes.order[done]!;
    const node = shapes.nodes[index]!;
    if (constant[index] === 0) node.outputs.forEach(live.hold);
    let inside: Dim = 0;
    for (const body of shapes.bodies.get(node) ?? []) {
      inside = maxDims(inside, (yield* liveOf(body, captures, peaks)).peak);
    }
    nodes[index] = addDims(live.sum(), inside);
    for (const name of reads[index]!) {
      const left = (uses.get(name) ?? 0) - 1;
      uses.set(name, left);
      if (left === 0) live.release(name);
    }
    for (const name of node.outputs) if (!uses.has(name)) live.release(name);
    if (done % 256 === 255) yield;
  }
  return { nodes, peak: largest([first, ...nodes]) };
}

/** More different expressions than this are not compared with each other. */
const mostCandidates = 200;

/** The largest of several sizes; where that depends on the names, a `max` of those that may be it. */
function largest(sizes: readonly Dim[]): Dim {
  const candidates = [...new Set(sizes)];
  if (candidates.includes(null) || candidates.length > mostCandidates) {
    const numbers = candidates.filter((each) => typeof each === 'number');
    return numbers.length === candidates.length ? numbers.reduce((a, b) => Math.max(a, b), 0) : null;
  }
  const kept: Dim[] = [];
  for (const candidate of candidates) {
    if (kept.some((other) => maxDims(candidate, other) === other)) continue;
    const rest = kept.filter((other) => maxDims(candidate, other) !== candidate);
    kept.splice(0, kept.length, ...rest, candidate);
  }
  return kept.reduce<Dim>(maxDims, 0);
}

/** 1 for nodes that a runtime computes once: Constant, and those that read nothing but constants and initializers. */
function* constantNodes(shapes: InferredGraph, reads: readonly (readonly string[])[]): Steps<Uint8Array> {
  const written = new Set<string>();
  for (const node of shapes.nodes) for (const output of node.outputs) written.add(output);
  yield;
  const inputs = new Set(shapes.inputs);
  // A value that no node writes and that is no input is an initializer, or comes from around a body.
  const isStored = (name: string) => !written.has(name) && !inputs.has(name) && shapes.types.has(name);
  const constant = new Uint8Array(shapes.nodes.length);
  const values = new Set<string>();
  for (let done = 0; done < shapes.order.length; done += 1) {
    const index = shapes.order[done]!;
    const node = shapes.nodes[index]!;
    const names = reads[index]!;
    if (done % 1024 === 1023) yield;
    const folds = names.length > 0 && names.every((name) => values.has(name) || isStored(name));
    if (!folds && node.opType !== 'Constant') continue;
    constant[index] = 1;
    for (const output of node.outputs) values.add(output);
  }
  return constant;
}

function bytesOf(shapes: InferredGraph, name: string): Dim {
  const type = shapes.types.get(name);
  const bits = type && bitsOf(type.dtype);
  const elements = type?.dims ? productOf(type.dims) : null;
  if (bits === undefined || elements === null) return null;
  if (typeof elements === 'number') return Math.ceil((elements * bits) / 8);
  return bits % 8 === 0 ? multiplyDims(elements, bits / 8) : null;
}
