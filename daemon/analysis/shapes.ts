// Shape and type inference: walks a graph in running order, asks one rule per operator (shapes/rules.ts), and
// carries the small integer tensors that shapes are computed from. What no rule knows is taken from the model's
// own value_info. Nothing here throws for a broken model, and no file is read.

import { dataTypeName } from '../ir/dataType';
import type { Diagnostic } from '../base/diagnostic';
import { inOneGo, type Steps } from '../base/task';
import type { Attribute, FunctionDef, Graph, Model, Node, OpsetImport, Type, ValueInfo } from '../ir/model';
import type { Tensor } from '../ir/tensor';
import { placeOfNode } from './checks/findings';
import { bodyPath, functionKey, functionScope, nodeLabels, type NodeLabels } from './scopes/scopes';
import {
  mostTrackedValues,
  unknown,
  type Inferred,
  type InferredType,
  type RuleContext,
} from './shapes/context';
import { elementsOf, type Dim, type Dims } from './shapes/dims';
import { instantiate } from './shapes/functionCall';
import { rules } from './shapes/rules';
import { smallValues } from './smallTensors';
import type { CaptureCache } from '../ir/graphIndex';
import { topology } from './topology';
import { shapeOfType, shapeText, typeText, unknownType } from './typeText';

export type { Inferred, InferredType } from './shapes/context';
export type { Dim, Dims } from './shapes/dims';

export interface InferOptions {
  /**
   * Numbers for free dimensions by name. A graph input's unnamed dimension goes by `input[axis]`.
   */
  readonly bind?: Readonly<Record<string, number>>;
  /** Numbers of tensors whose values are not in memory; asked only for small ones (see `tensorsToRead`). */
  readonly constants?: (tensor: Tensor) => readonly number[] | undefined;
}

/** What is known of one graph, function call or body. */
export interface InferredGraph {
  readonly nodes: readonly Node[];
  /** Positions in `nodes`, in running order. */
  readonly order: readonly number[];
  /** Value name → type, for inputs, initializers and everything the nodes write. */
  readonly types: ReadonlyMap<string, InferredType>;
  /** Value name → elements of small tensors, in row-major order; null where unknown. */
  readonly values: ReadonlyMap<string, Dims>;
  /** Node → its bodies (`then_branch`, `body`), or the one body of a model-local function (`function`). */
  readonly bodies: ReadonlyMap<Node, readonly InferredBody[]>;
  /** Names of inputs, initializers excluded. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** The graph around a body, whose values it may read. */
  readonly parent: InferredGraph | undefined;
}

export interface InferredBody extends InferredGraph {
  readonly name: string;
  /** How often one run of the node runs this body; null when unknown. */
  readonly times: Dim;
}

export interface ShapeInfo extends InferredGraph {
  readonly diagnostics: readonly Diagnostic[];
}

/** Bodies and function calls are expanded up to this many nodes in all, and this deep. */
const mostExpandedNodes = 200_000;
const deepestExpansion = 256;
const mostDiagnostics = 200;

interface Run {
  readonly options: InferOptions;
  readonly functions: ReadonlyMap<string, FunctionDef>;
  readonly captures: CaptureCache;
  readonly constants: Map<Tensor, readonly number[] | undefined>;
  readonly diagnostics: Diagnostic[];
  /** Function calls by what they are given. */
  readonly calls: Map<string, Frame>;
  expanded: number;
}

interface Frame extends InferredGraph {
  readonly types: Map<string, InferredType>;
  readonly values: Map<string, Dims>;
  readonly bodies: Map<Node, InferredBody[]>;
  readonly stated: ReadonlyMap<string, ValueInfo>;
  readonly opsets: ReadonlyMap<string, number>;
  readonly parent: Frame | undefined;
  readonly scope: string;
  readonly labels: NodeLabels;
  readonly depth: number;
  /** Functions being called, outermost first. */
  readonly calls: readonly string[];
}

/** Infers types and shapes of a model's main graph and, as far as it goes, of the bodies inside it. */
export function inferShapes(model: Model, options: InferOptions = {}): ShapeInfo {
  return inOneGo(inferring(model, options));
}

/** The same in steps of some nodes of the main graph; a body is inferred in one. */
export function* inferring(model: Model, options: InferOptions = {}): Steps<ShapeInfo> {
  const run = newRun(model, options);
  const frame = newFrame(run, model.graph, opsetMap(model.opsetImports), undefined, '');
  for (const input of model.graph.inputs) {
    if (!frame.types.has(input.name)) frame.types.set(input.name, bound(run, statedType(input), input.name));
  }
  yield;
  for (const [done, index] of frame.order.entries()) {
    evaluate(run, frame, frame.nodes[index]!, index);
    if (done % 64 === 63) yield;
  }
  return { ...frame, diagnostics: run.diagnostics };
}

/** Infers one model-local function by itself, with nothing known of its inputs. */
export function inferFunction(model: Model, definition: FunctionDef, options: InferOptions = {}): ShapeInfo {
  const run = newRun(model, options);
  const scope = functionScope(definition);
  const frame = newFrame(run, definition, opsetMap(definition.opsetImports), undefined, scope);
  walk(run, frame);
  return { ...frame, diagnostics: run.diagnostics };
}

const newRun = (model: Model, options: InferOptions): Run => ({
  options,
  functions: new Map(
    model.functions.map((each) => [functionKey(each.domain, each.name, each.overload), each]),
  ),
  captures: new Map(),
  constants: new Map(),
  diagnostics: [],
  calls: new Map(),
  expanded: 0,
});

const standardDomain = (domain: string) => (domain === 'ai.onnx' ? '' : domain);

const opsetMap = (imports: readonly OpsetImport[]): Map<string, number> =>
  new Map(imports.map((each) => [standardDomain(each.domain), each.version]));

function newFrame(
  run: Run,
  body: Graph | FunctionDef,
  opsets: ReadonlyMap<string, number>,
  parent: Frame | undefined,
  scope: string,
): Frame {
  const stated = new Map<string, ValueInfo>();
  for (const info of body.valueInfo) stated.set(info.name, info);
  const types = new Map<string, InferredType>();
  const values = new Map<string, Dims>();
  let inputs: string[];
  let outputs: string[];
  if ('initializers' in body) {
    for (const info of body.outputs) stated.set(info.name, info);
    for (const tensor of body.initializers) {
      types.set(tensor.name, { dtype: dataTypeName(tensor.dataType), dims: tensor.dims });
      const numbers = constantOf(run, tensor);
      if (numbers) values.set(tensor.name, numbers);
    }
    for (const sparse of body.sparseInitializers) {
      types.set(sparse.values.name, { dtype: dataTypeName(sparse.values.dataType), dims: sparse.dims });
    }
    inputs = body.inputs.map((input) => input.name).filter((name) => !types.has(name));
    outputs = body.outputs.map((output) => output.name);
  } else {
    inputs = body.inputs;
    outputs = body.outputs;
  }
  return {
    nodes: body.nodes,
    order: topology(body.nodes, run.captures).order,
    types,
    values,
    bodies: new Map(),
    inputs,
    outputs,
    stated,
    opsets,
    parent,
    scope,
    labels: nodeLabels(body.nodes),
    depth: parent ? parent.depth + 1 : 0,
    calls: parent?.calls ?? [],
  };
}

function constantOf(run: Run, tensor: Tensor): readonly number[] | undefined {
  const known = run.constants.get(tensor);
  if (known || run.constants.has(tensor)) return known;
  const numbers = smallValues(tensor) ?? run.options.constants?.(tensor);
  const usable = numbers && numbers.length <= mostTrackedValues ? numbers : undefined;
  run.constants.set(tensor, usable);
  return usable;
}

/** The stated type; a negative dimension, which some exporters write for a free one, counts as unknown. */
function statedType(info: ValueInfo): InferredType {
  const dims = shapeOfType(info.type);
  const free = dims?.map((dim) => (typeof dim === 'number' && dim < 0 ? null : dim));
  const elem = elementShape(info.type);
  return { dtype: typeText(info.type), dims: free ?? null, ...(elem ? { elem } : {}) };
}

/** The stated shape of the tensors in a sequence or optional. */
function elementShape(type: Type | undefined): Dims | null {
  let at = type;
  for (let depth = 0; depth < 8 && (at?.kind === 'sequence' || at?.kind === 'optional'); depth += 1) {
    at = at.elem;
  }
  return at === type ? null : shapeOfType(at);
}

/** What a name stands for as one graph sees it: its own values hide those of the graphs around it. */
function lookUp<T>(
  graph: InferredGraph,
  name: string,
  of: (graph: InferredGraph) => ReadonlyMap<string, T>,
): T | undefined {
  for (let at: InferredGraph | undefined = graph; at; at = at.parent) {
    if (at.types.has(name)) return of(at).get(name);
  }
  return undefined;
}

/** The type of a value as one graph sees it: its own, or one of the graphs around it. */
export const typeIn = (graph: InferredGraph, name: string): InferredType | undefined =>
  lookUp(graph, name, (at) => at.types);

/** The known elements of a small tensor as one graph sees it. */
export const valuesIn = (graph: InferredGraph, name: string): Dims | undefined =>
  lookUp(graph, name, (at) => at.values);

/** Puts the bound numbers in the place of symbolic dimensions (and of unnamed ones, for a graph input). */
function bound(run: Run, type: InferredType, input?: string): InferredType {
  const { bind } = run.options;
  if (!bind || !type.dims) return type;
  const dims = type.dims.map((dim, axis): Dim => {
    if (typeof dim === 'string') return Object.hasOwn(bind, dim) ? bind[dim]! : dim;
    const name = `${input ?? ''}[${axis}]`;
    return dim === null && input !== undefined && Object.hasOwn(bind, name) ? bind[name]! : dim;
  });
  return { ...type, dims };
}

function walk(run: Run, frame: Frame): void {
  for (const index of frame.order) evaluate(run, frame, frame.nodes[index]!, index);
}

function evaluate(run: Run, frame: Frame, node: Node, index: number): void {
  const results = applyRule(run, frame, node, index);
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

function applyRule(run: Run, frame: Frame, node: Node, index: number): readonly (Inferred | undefined)[] {
  const domain = standardDomain(node.domain);
  const rule = rules.get(domain === '' ? node.opType : `${domain}.${node.opType}`);
  const definition = run.functions.get(functionKey(node.domain, node.opType, node.overload));
  if (definition && (domain !== '' || !rule)) return callFunction(run, frame, node, definition, index);
  if (!rule) return [];
  try {
    return rule(contextOf(run, frame, node, domain, index));
  } catch (error) {
    // A rule that stumbles over a malformed node must not take the whole inspection with it.
    report(run, frame, node, undefined, {
      id: 'shape/failed',
      severity: 'info',
      message: `The shape of ${describe(node, index)} could not be worked out: ${String(error)}.`,
    });
    return [];
  }
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
    body: (bodyName, graph, inputs, times) =>
      inferBody(run, frame, node, index, bodyName, graph, inputs, times),
    contradiction: (message) => {
      report(run, frame, node, undefined, {
        id: 'shape/mismatch',
        severity: 'warning',
        message: `${describe(node, index)}: ${message}.`,
      });
    },
  };
}

const mayExpand = (run: Run, frame: Frame, nodes: number): boolean => {
  if (frame.depth >= deepestExpansion || run.expanded + nodes > mostExpandedNodes) return false;
  run.expanded += nodes + 1;
  return true;
};

function inferBody(
  run: Run,
  frame: Frame,
  node: Node,
  index: number,
  name: string,
  graph: Graph,
  inputs: readonly Inferred[],
  times: Dim,
): readonly Inferred[] {
  if (!mayExpand(run, frame, graph.nodes.length)) return graph.outputs.map(statedType);
  const scope = bodyPath(frame.scope, frame.labels(index), name);
  const inner = newFrame(run, graph, frame.opsets, frame, scope);
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
  walk(run, inner);
  remember(frame, node, inner, name, times);
  return graph.outputs.map((output) => ({
    ...(typeIn(inner, output.name) ?? bound(run, statedType(output))),
    values: valuesIn(inner, output.name),
  }));
}

function callFunction(
  run: Run,
  frame: Frame,
  node: Node,
  definition: FunctionDef,
  index: number,
): readonly Inferred[] {
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
  const inner = known ?? inferCall(run, frame, node, definition, key, inputs);
  if (same !== undefined) run.calls.set(same, inner);
  remember(frame, node, inner, 'function', 1);
  return definition.outputs.map((name) => ({
    ...(inner.types.get(name) ?? unknown),
    values: inner.values.get(name),
  }));
}

function inferCall(
  run: Run,
  frame: Frame,
  node: Node,
  definition: FunctionDef,
  key: string,
  inputs: readonly Inferred[],
): Frame {
  const body = instantiate(definition, node);
  // A function sees only its inputs, so the frame has no parent; the depth still counts.
  const inner: Frame = {
    ...newFrame(run, body, opsetMap(definition.opsetImports), undefined, functionScope(definition)),
    depth: frame.depth + 1,
    calls: [...frame.calls, key],
  };
  definition.inputs.forEach((name, position) => {
    const { values, ...type } = inputs[position]!;
    inner.types.set(name, type);
    if (values) inner.values.set(name, values);
  });
  walk(run, inner);
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
