// The work of every node, from inferred shapes: multiply-accumulates, and floating-point operations (two for each of
// those, and what element-wise operators, normalizations and reductions do). Bodies count by how often they run.

import type { Steps } from '../../base/task';
import { flopRules } from './flopRules';
import { flopsBeside } from './flopsBeside';
import { macRules, type WorkContext } from './macRules';
import { typeIn, type InferredBody, type InferredGraph } from '../shapes';
import { addDims, maxDims, multiplyDims, type Dim } from '../shapes/dims';
import type { Node } from '../../ir/model';

export interface DimCount {
  readonly total: Dim;
  readonly nodes: readonly Dim[];
}
export interface WorkCount {
  readonly total: number | null;
  readonly nodes: readonly (number | null)[];
}
/** What is counted. */
export type WorkUnit = 'macs' | 'flops';

/**
 * MACs of each node and their sum; null where unknown. An If counts its dearer branch, a Loop or Scan its body times
 * the number of iterations.
 */
export const countMacs = (shapes: InferredGraph): WorkCount => numbers(countDims(shapes, 'macs'));

/** The same with expressions where dimensions are free: `2048*batch*seq`. */
export const countDims = (shapes: InferredGraph, unit: WorkUnit): DimCount =>
  countOf(shapes, unit === 'macs' ? macsOf : flopsOf, new Map());

/** MACs or operations in steps of some nodes of the main graph; a body is counted in one. */
export function* counting(shapes: InferredGraph, unit: WorkUnit): Steps<WorkCount> {
  const rule = unit === 'macs' ? macsOf : flopsOf;
  const counted: Counted = new Map();
  const nodes: Dim[] = [];
  for (const node of shapes.nodes) {
    nodes.push(workOf(shapes, node, rule, counted));
    if (nodes.length % 256 === 0) yield;
  }
  return numbers({ total: nodes.reduce<Dim>(addDims, 0), nodes });
}

const numbers = ({ total, nodes }: DimCount): WorkCount => ({
  total: numeric(total),
  nodes: nodes.map(numeric),
});

/** A size as a number; null when it is unknown, an expression, or too large to be one. */
export const numeric = (size: Dim): number | null =>
  typeof size === 'number' && Number.isSafeInteger(size) ? size : null;

type Rule = (name: string, context: WorkContext) => Dim;
type Counted = Map<InferredGraph['types'], DimCount>;

const macsOf: Rule = (name, context) => macRules.get(name)?.(context) ?? absent(macRules.has(name));

const flopsOf: Rule = (name, context) =>
  macRules.has(name)
    ? addDims(multiplyDims(macsOf(name, context), 2), flopsBeside.get(name)?.(context) ?? besideNothing(name))
    : (flopRules.get(name)?.(context) ?? absent(flopRules.has(name)));

/** What a rule could not tell is unknown; without a rule there is nothing beside the product. */
const besideNothing = (name: string): Dim => (flopsBeside.has(name) ? null : 0);

/** What a rule could not tell is unknown; without a rule there is nothing to count. */
const absent = (hasRule: boolean): Dim => (hasRule ? null : 0);

function countOf(shapes: InferredGraph, rule: Rule, counted: Counted): DimCount {
  // A function that is called often is one graph: it is counted once.
  const known = counted.get(shapes.types);
  if (known) return known;
  const nodes = shapes.nodes.map((node) => workOf(shapes, node, rule, counted));
  const count = { total: nodes.reduce<Dim>(addDims, 0), nodes };
  counted.set(shapes.types, count);
  return count;
}

function workOf(shapes: InferredGraph, node: Node, rule: Rule, counted: Counted): Dim {
  const bodies = shapes.bodies.get(node);
  if (bodies) return workOfBodies(bodies, rule, counted);
  const domain = node.domain === 'ai.onnx' ? '' : node.domain;
  const work = rule(domain === '' ? node.opType : `${domain}.${node.opType}`, {
    node,
    input: (index) => typeIn(shapes, node.inputs[index] ?? '')?.dims ?? null,
    output: (index) => typeIn(shapes, node.outputs[index] ?? '')?.dims ?? null,
  });
  return typeof work === 'number' && !Number.isSafeInteger(work) ? null : work;
}

const workOfBodies = (bodies: readonly InferredBody[], rule: Rule, counted: Counted): Dim =>
  bodies.map((body) => multiplyDims(countOf(body, rule, counted).total, body.times)).reduce<Dim>(maxDims, 0);
