// Walks a frame in running order: asks each node's rule, completes what it says from what the file states, and goes into
// bodies and function calls. In steps, wherever a graph lies.

import type { Diagnostic } from '../../base/diagnostic';
import type { Steps } from '../../base/task';
import type { Attribute, FunctionDef, Graph, Node } from '../../ir/model';
import { placeOfNode } from '../checks/findings';
import { bodyPath, functionKey, functionScope } from '../scopes/scopes';
import { shapeText, unknownType } from '../typeText';
import {
  mostTrackedValues,
  unknown,
  type BodyContext,
  type Inferred,
  type InferredType,
  type RuleContext,
} from './context';
import { bodyRules } from './control';
import { elementsOf, type Dim } from './dims';
import {
  bound,
  constantOf,
  newFrame,
  opsetMap,
  standardDomain,
  statedType,
  typeIn,
  valuesIn,
  type Frame,
  type Run,
} from './frame';
import { instantiate } from './functionCall';
import { rules } from './rules';

/** Bodies and function calls are expanded up to this many nodes in all, and this deep. */
const mostExpandedNodes = 200_000;
const deepestExpansion = 256;
const mostDiagnostics = 200;
/** Nodes between two chances to breathe. */
const nodesInStep = 64;

type Results = readonly (Inferred | undefined)[];

/** Infers every node of a frame. */
export function* walking(run: Run, frame: Frame): Steps<void> {
  for (let done = 0; done < frame.order.length; done += 1) {
    const index = frame.order[done]!;
    const node = frame.nodes[index]!;
    const domain = standardDomain(node.domain);
    const name = domain === '' ? node.opType : `${domain}.${node.opType}`;
    const rule = rules.get(name);
    const bodyRule = rule ? undefined : bodyRules.get(name);
    const definition =
      run.functions.size === 0
        ? undefined
        : run.functions.get(functionKey(node.domain, node.opType, node.overload));
    let results: Results = [];
    if (definition && (domain !== '' || !(rule ?? bodyRule)))
      results = yield* calling(run, frame, node, definition, index);
    else {
      try {
        if (rule) results = rule(contextOf(run, frame, node, domain, index));
        else if (bodyRule) results = yield* bodyRule(withBodies(run, frame, node, domain, index));
      } catch (error) {
        // A rule that stumbles over a malformed node must not take the whole inspection with it.
        report(run, frame, node, undefined, {
          id: 'shape/failed',
          severity: 'info',
          message: `The shape of ${describe(node, index)} could not be worked out: ${String(error)}.`,
        });
      }
    }
    settle(run, frame, node, results);
    if (done % nodesInStep === nodesInStep - 1) yield;
  }
}

/** Puts down what a node writes. */
function settle(run: Run, frame: Frame, node: Node, results: Results): void {
  node.outputs.forEach((name, position) => {
    if (name === '') return;
    const inferred = results[position] ?? unknown;
    const stated = frame.stated.get(name);
    const type = stated ? merged(run, frame, node, name, inferred, bound(run, statedType(stated))) : inferred;
    const { dtype, dims, elem } = type;
    frame.types.set(name, elem ? { dtype, dims, elem } : { dtype, dims });
    const { values } = inferred;
    if (values && values.length <= mostTrackedValues && elementsOf(type.dims) === values.length) {
      frame.values.set(name, values);
    }
  });
}

function contextOf(run: Run, frame: Frame, node: Node, domain: string, index: number): RuleContext {
  const name = (input: number) => node.inputs[input] ?? '';
  const type = (input: number): InferredType => typeIn(frame, name(input)) ?? unknown;
  return {
    node,
    // Without an import the newest version is the best guess; checks.ts reports the missing import.
    opset: frame.opsets.get(domain) ?? Infinity,
    has: (input) => name(input) !== '',
    type,
    dims: (input) => type(input).dims,
    dtype: (input) => type(input).dtype,
    values: (input) => (name(input) === '' ? undefined : valuesIn(frame, name(input))),
    attribute: (wanted) => node.attributes.find((attribute) => attribute.name === wanted),
    constant: (tensor) => constantOf(run, tensor),
    contradiction: (message) => {
      report(run, frame, node, undefined, {
        id: 'shape/mismatch',
        severity: 'warning',
        message: `${describe(node, index)}: ${message}.`,
      });
    },
  };
}

const withBodies = (run: Run, frame: Frame, node: Node, domain: string, index: number): BodyContext => ({
  ...contextOf(run, frame, node, domain, index),
  body: (name, graph, inputs, times) => inferringBody(run, frame, node, index, name, graph, inputs, times),
});

const mayExpand = (run: Run, frame: Frame, nodes: number): boolean => {
  if (frame.depth >= deepestExpansion || run.expanded + nodes > mostExpandedNodes) return false;
  run.expanded += nodes + 1;
  return true;
};

function* inferringBody(
  run: Run,
  frame: Frame,
  node: Node,
  index: number,
  name: string,
  graph: Graph,
  inputs: readonly Inferred[],
  times: Dim,
): Steps<readonly Inferred[]> {
  if (!mayExpand(run, frame, graph.nodes.length)) return graph.outputs.map(statedType);
  const scope = bodyPath(frame.scope, frame.labels(index), name);
  const inner = yield* newFrame(run, graph, frame.opsets, frame, scope);
  graph.inputs.forEach((input, position) => {
    const given = inputs[position] ?? unknown;
    const stated = bound(run, statedType(input));
    inner.types.set(input.name, {
      dtype: given.dtype === unknownType ? stated.dtype : given.dtype,
      dims: given.dims ?? stated.dims,
      ...(given.elem ? { elem: given.elem } : {}),
    });
    if (given.values) inner.values.set(input.name, given.values);
  });
  yield* walking(run, inner);
  remember(frame, node, inner, name, times);
  return graph.outputs.map((output) => ({
    ...(typeIn(inner, output.name) ?? bound(run, statedType(output))),
    values: valuesIn(inner, output.name),
  }));
}

function* calling(
  run: Run,
  frame: Frame,
  node: Node,
  definition: FunctionDef,
  index: number,
): Steps<readonly Inferred[]> {
  const key = functionKey(definition.domain, definition.name, definition.overload);
  // checks.ts reports recursion; here it only must end.
  if (frame.calls.includes(key)) return [];
  const context = contextOf(run, frame, node, node.domain, index);
  const inputs = definition.inputs.map((_, position): Inferred => ({
    ...context.type(position),
    values: context.values(position),
  }));
  // A function that is called again with the same gives the same: exporters make one for each kind of layer.
  const same = callKey(key, node, inputs);
  const known = same === undefined ? undefined : run.calls.get(same);
  if (!known && !mayExpand(run, frame, definition.nodes.length)) return [];
  const inner = known ?? (yield* inferringCall(run, frame, node, definition, key, inputs));
  if (same !== undefined) run.calls.set(same, inner);
  remember(frame, node, inner, 'function', 1);
  return definition.outputs.map((name) => ({
    ...(inner.types.get(name) ?? unknown),
    values: inner.values.get(name),
  }));
}

function* inferringCall(
  run: Run,
  frame: Frame,
  node: Node,
  definition: FunctionDef,
  key: string,
  inputs: readonly Inferred[],
): Steps<Frame> {
  const body = instantiate(definition, node);
  // A function sees only its inputs, so the frame has no parent; the depth still counts.
  const inner: Frame = {
    ...(yield* newFrame(run, body, opsetMap(definition.opsetImports), undefined, functionScope(definition))),
    depth: frame.depth + 1,
    calls: [...frame.calls, key],
  };
  definition.inputs.forEach((name, position) => {
    const { values, ...type } = inputs[position]!;
    inner.types.set(name, type);
    if (values) inner.values.set(name, values);
  });
  yield* walking(run, inner);
  return inner;
}

/** What tells one call of a function from another; undefined where attributes are more than numbers and text. */
function callKey(key: string, node: Node, inputs: readonly Inferred[]): string | undefined {
  const attributes: unknown[] = [];
  for (const attribute of node.attributes) {
    const text = attributeKey(attribute);
    if (text === undefined) return undefined;
    attributes.push([attribute.name, attribute.type, text]);
  }
  return JSON.stringify([key, attributes, inputs]);
}

function attributeKey(attribute: Attribute): string | undefined {
  switch (attribute.type) {
    case 'INT':
    case 'FLOAT':
      return String(attribute.value);
    case 'INTS':
    case 'FLOATS':
    case 'STRING':
      return attribute.value.join();
    default:
      return undefined;
  }
}

function remember(frame: Frame, node: Node, inner: Frame, name: string, times: Dim): void {
  const list = frame.bodies.get(node) ?? [];
  // A Loop body is inferred again once carried shapes are known to change; the last picture holds.
  const same = list.findIndex((each) => each.name === name);
  const body = { ...inner, name, times };
  if (same >= 0) list[same] = body;
  else list.push(body);
  frame.bodies.set(node, list);
}

/** The inferred type, completed from the stated one. Where they contradict each other, the inferred one wins. */
function merged(
  run: Run,
  frame: Frame,
  node: Node,
  name: string,
  inferred: InferredType,
  stated: InferredType,
): InferredType {
  if (stated.dtype === unknownType && !stated.dims) return inferred;
  const elem = inferred.elem ?? stated.elem;
  const contradict = (message: string) => {
    report(run, frame, node, name, { id: 'shape/contradicts', severity: 'warning', message });
  };
  if (inferred.dtype !== unknownType && stated.dtype !== unknownType && inferred.dtype !== stated.dtype) {
    contradict(`"${name}" is stated as ${stated.dtype}, but ${node.opType} gives ${inferred.dtype}.`);
  }
  const dtype = inferred.dtype === unknownType ? stated.dtype : inferred.dtype;
  if (!inferred.dims || !stated.dims) return { dtype, dims: inferred.dims ?? stated.dims, elem };
  const known = inferred.dims;
  const claimed = stated.dims;
  const clash =
    known.length !== claimed.length ||
    known.some(
      (dim, axis) => typeof dim === 'number' && typeof claimed[axis] === 'number' && dim !== claimed[axis],
    );
  if (clash) {
    contradict(
      `The shape of "${name}" is stated as ${shapeText(claimed)}, but ${node.opType} gives ${shapeText(known)}.`,
    );
    return { dtype, dims: known };
  }
  const dims = known.map((dim, axis): Dim => {
    const other = claimed[axis] ?? null;
    return dim === null || (typeof dim === 'string' && typeof other === 'number') ? other : dim;
  });
  return { dtype, dims };
}

const describe = (node: Node, index: number): string =>
  node.name === '' ? `${node.opType} (node ${index})` : `${node.opType} "${node.name}"`;

function report(
  run: Run,
  frame: Frame,
  node: Node,
  value: string | undefined,
  what: Pick<Diagnostic, 'id' | 'severity' | 'message'>,
): void {
  if (run.diagnostics.length >= mostDiagnostics) return;
  run.diagnostics.push({
    ...what,
    where: placeOfNode(frame.scope, node, frame.nodes.indexOf(node), value),
  });
}
