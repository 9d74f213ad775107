// Shape rules of If, Loop and Scan, and of other operators with bodies: those are inferred with what flows into them.

import type { Graph } from '../../ir/model';
import { intOf, intsOf, unknown, type BodyRule, type Inferred, type RuleContext } from './context';
import { commonDims, multiplyDims, type Dim, type Dims } from './dims';
import { unwrapped, wrapped } from './sequence';

const bodyOf = (context: RuleContext, name: string): Graph | undefined => {
  const attribute = context.attribute(name);
  return attribute?.type === 'GRAPH' ? attribute.value : undefined;
};

const common = (a: Inferred, b: Inferred): Inferred => ({
  dtype: a.dtype === b.dtype ? a.dtype : unknown.dtype,
  dims: commonDims(a.dims, b.dims),
  elem: commonDims(a.elem ?? null, b.elem ?? null),
});

const ifRule: BodyRule = function* (context) {
  const thenGraph = bodyOf(context, 'then_branch');
  const elseGraph = bodyOf(context, 'else_branch');
  const left = thenGraph ? yield* context.body('then_branch', thenGraph, [], 1) : [];
  const right = elseGraph ? yield* context.body('else_branch', elseGraph, [], 1) : [];
  // A condition that is settled already decides, as when an exporter asks for a rank.
  const condition = context.values(0)?.[0];
  if (typeof condition === 'number') return condition === 0 ? right : left;
  return context.node.outputs.map((_, position) =>
    common(left[position] ?? unknown, right[position] ?? unknown),
  );
};

const prepend = (dim: Dim, type: Inferred | undefined): Inferred => ({
  dtype: type?.dtype ?? unknown.dtype,
  dims: type?.dims ? [dim, ...type.dims] : null,
});

const loop: BodyRule = function* (context) {
  const graph = bodyOf(context, 'body');
  if (!graph) return [];
  const carriedCount = Math.max(0, context.node.inputs.length - 2);
  const trips = context.has(0) ? (context.values(0)?.[0] ?? null) : null;
  // The loop may end early by its condition, unless that is never anything but true.
  const times = context.has(1) ? null : trips;
  const iteration: Inferred = { dtype: 'int64', dims: [] };
  const condition: Inferred = { dtype: 'bool', dims: [] };
  let carried: Inferred[] = Array.from({ length: carriedCount }, (_, at) => context.type(at + 2));
  let outputs = yield* context.body('body', graph, [iteration, condition, ...carried], times);
  // A carried shape that the body changes is different in every iteration: only what stays equal is known.
  const kept = carried.map((type, at) => common(type, outputs[at + 1] ?? unknown));
  if (kept.some((type, at) => !sameDims(type.dims, carried[at]!.dims))) {
    carried = kept;
    outputs = yield* context.body('body', graph, [iteration, condition, ...carried], times);
    carried = carried.map((type, at) => common(type, outputs[at + 1] ?? unknown));
  } else carried = kept;
  const scans = outputs.slice(1 + carriedCount).map((type) => prepend(times, type));
  return [...carried, ...scans];
};

const sameDims = (a: Dims | null, b: Dims | null): boolean =>
  a === b || (a !== null && b?.length === a.length && a.every((dim, axis) => dim === b[axis]));

const dropAxis = (dims: Dims | null, axis: number): Dims | null => {
  if (!dims) return null;
  const front = axis < 0 ? axis + dims.length : axis;
  return dims.filter((_, at) => at !== front);
};

/** A state has the same shape before and after each step, so what either side knows holds. */
const steady = (a: Inferred, b: Inferred): Inferred => ({
  dtype: a.dtype === unknown.dtype ? b.dtype : a.dtype,
  dims:
    a.dims && b.dims?.length === a.dims.length
      ? a.dims.map((dim, axis): Dim => (typeof dim === 'number' ? dim : (b.dims![axis] ?? dim)))
      : (a.dims ?? b.dims),
});

/**
 * Scan: states first, then inputs that are walked along an axis. Before opset 9 the first input was the lengths of
 * the sequences, and every other had a batch in front: [batch, sequence, …].
 */
const scan: BodyRule = function* (context) {
  const graph = bodyOf(context, 'body');
  if (!graph) return [];
  const old = context.opset < 9;
  const first = old ? 1 : 0;
  const scanned = intOf(context, 'num_scan_inputs', 0);
  const states = context.node.inputs.length - first - scanned;
  if (states < 0 || scanned <= 0) return [];
  const inputAxes = old ? undefined : intsOf(context, 'scan_input_axes');
  const outputAxes = intsOf(context, 'scan_output_axes');
  let length: Dim = null;
  let batch: Dim = null;
  const inputs = context.node.inputs.slice(first).map((_, position): Inferred => {
    const whole = context.type(position + first);
    if (old) batch ??= whole.dims?.[0] ?? null;
    const type = old ? { dtype: whole.dtype, dims: whole.dims?.slice(1) ?? null } : whole;
    if (position < states) return type;
    const axis = inputAxes?.[position - states] ?? 0;
    length ??= type.dims?.at(axis) ?? null;
    return { dtype: type.dtype, dims: dropAxis(type.dims, axis) };
  });
  const outputs = yield* context.body('body', graph, inputs, old ? multiplyDims(batch, length) : length);
  return outputs.map((type, position): Inferred => {
    if (position < states) return withBatch(steady(inputs[position] ?? unknown, type), old, batch);
    const axis = (old ? 0 : outputAxes?.[position - states]) ?? 0;
    if (!type.dims) return { dtype: type.dtype, dims: null };
    const front = axis < 0 ? axis + type.dims.length + 1 : axis;
    return withBatch({ dtype: type.dtype, dims: type.dims.toSpliced(front, 0, length) }, old, batch);
  });
};

const withBatch = (type: Inferred, old: boolean, batch: Dim): Inferred =>
  old && type.dims ? { dtype: type.dtype, dims: [batch, ...type.dims] } : type;

/** The body sees one element of each sequence, and plain tensors whole. */
const sequenceMap: BodyRule = function* (context) {
  const graph = bodyOf(context, 'body');
  if (!graph) return [];
  const inputs = context.node.inputs.map((_, at): Inferred => {
    const type = context.type(at);
    return type.dtype.startsWith('seq(') ? unwrapped(type, 'seq') : type;
  });
  return (yield* context.body('body', graph, inputs, null)).map((type) => wrapped('seq', type));
};

/** Queries, keys and values of rank 4; both graphs keep the shape [batch, heads, queries, keys]. */
const flexAttention: BodyRule = function* (context) {
  const q = context.dims(0);
  const k = context.dims(1);
  const v = context.dims(2);
  const scores: Dims | null = q?.length === 4 ? [q[0]!, q[1]!, q[2]!, k?.[2] ?? null] : null;
  for (const name of ['score_mod', 'prob_mod']) {
    const graph = bodyOf(context, name);
    if (graph) yield* context.body(name, graph, [{ dtype: unknown.dtype, dims: scores }], 1);
  }
  const dims = q?.length === 4 ? [q[0]!, q[1]!, q[2]!, v?.[3] ?? null] : null;
  return [{ dtype: context.dtype(0), dims }];
};

/** Rules of operators with bodies. */
export const bodyRules: ReadonlyMap<string, BodyRule> = new Map(
  Object.entries({
    If: ifRule,
    Loop: loop,
    Scan: scan,
    SequenceMap: sequenceMap,
    'ai.onnx.preview.FlexAttention': flexAttention,
  }),
);
