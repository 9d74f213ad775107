// The work of every node, from inferred shapes: multiply-accumulates, and floating-point operations (two for each of
// those, and what element-wise operators, normalizations and reductions do). Bodies count by how often they run.

import { inOneGo, type Steps } from '../../base/task';
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
export const countMacs = (shapes: InferredGraph): WorkCount => inOneGo(counting(shapes, 'macs'));

/** MACs or operations in steps of some nodes. */
export function* counting(shapes: InferredGraph, unit: WorkUnit): Steps<WorkCount> {
  return numbers(yield* countingDims(shapes, unit));
}

/** The same with expressions where dimensions are free: `2048*batch*seq`. */
export const countingDims = (shapes: InferredGraph, unit: WorkUnit): Steps<DimCount> =>
  countOf(shapes, unit === 'macs' ? macsOf : flopsOf, new Map());

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

function* countOf(shapes: InferredGraph, rule: Rule, counted: Counted): Steps<DimCount> {
  // A function that is called often is one graph: it is counted once.
  const known = counted.get(shapes.types);
  if (known) return known;
  const nodes: Dim[] = [];
  let total: Dim = 0;
  for (const node of shapes.nodes) {
    const bodies = shapes.bodies.get(node);
    const work = bodies ? yield* workOfBodies(bodies, rule, counted) : workOf(shapes, node, rule);
    total = addDims(total, work);
    if (nodes.push(work) % 256 === 0) yield;
  }
  const count = { total, nodes };
  counted.set(shapes.types, count);
  return count;
}

function workOf(shapes: InferredGraph, node: Node, rule: Rule): Dim {
  const domain = node.domain === 'ai.onnx' ? '' : node.domain;
  const work = rule(domain === '' ? node.opType : `${domain}.${node.opType}`, {
    node,
    input: (index) => typeIn(shapes, node.inputs[index] ?? '')?.dims ?? null,
    output: (index) => typeIn(shapes, node.outputs[index] ?? '')?.dims ?? null,
  });
  return typeof work === 'number' && !Number.isSafeInteger(work) ? null : work;
}

function* workOfBodies(bodies: readonly InferredBody[], rule: Rule, counted: Counted): Steps<Dim> {
  let most: Dim = 0;
  for (const body of bodies)
    most = maxDims(most, multiplyDims((yield* countOf(body, rule, counted)).total, body.times));
  return most;
}
