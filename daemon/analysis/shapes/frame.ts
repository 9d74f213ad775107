// What inference knows of one graph while it walks it: the frame. A body sees the frames around it; a function call is a
// frame of its own.

import { dataTypeName } from '../../ir/dataType';
import type { Diagnostic } from '../../base/diagnostic';
import type { Steps } from '../../base/task';
import type { CaptureCache } from '../../ir/graphIndex';
import type { FunctionDef, Graph, Model, Node, OpsetImport, Type, ValueInfo } from '../../ir/model';
import type { Tensor } from '../../ir/tensor';
import { functionKey, nodeLabels, type NodeLabels } from '../scopes/scopes';
import { smallValues } from '../smallTensors';
import { sorting } from '../topology';
import { shapeOfType, typeText } from '../typeText';
import { mostTrackedValues, type InferredType } from './context';
import type { Dim, Dims } from './dims';

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

/** One inference: what was asked, and what all its graphs share. */
export interface Run {
  readonly options: InferOptions;
  readonly functions: ReadonlyMap<string, FunctionDef>;
  readonly captures: CaptureCache;
  readonly constants: Map<Tensor, readonly number[] | undefined>;
  readonly diagnostics: Diagnostic[];
  /** Function calls by what they are given. */
  readonly calls: Map<string, Frame>;
  expanded: number;
}

export interface Frame extends InferredGraph {
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

/** A run that has seen nothing yet. */
export const newRun = (model: Model, options: InferOptions): Run => ({
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

/** The domain as tables have it: the standard one is "". */
export const standardDomain = (domain: string) => (domain === 'ai.onnx' ? '' : domain);

/** Versions by domain. */
export const opsetMap = (imports: readonly OpsetImport[]): Map<string, number> =>
  new Map(imports.map((each) => [standardDomain(each.domain), each.version]));

/** A frame that knows what is stated and stored, and the order in which its nodes run. */
export function* newFrame(
  run: Run,
  body: Graph | FunctionDef,
  opsets: ReadonlyMap<string, number>,
  parent: Frame | undefined,
  scope: string,
): Steps<Frame> {
  const stated = new Map<string, ValueInfo>();
  for (const info of body.valueInfo) stated.set(info.name, info);
  const types = new Map<string, InferredType>();
  const values = new Map<string, Dims>();
  let inputs: string[];
  let outputs: string[];
  if ('initializers' in body) {
    for (const info of body.outputs) stated.set(info.name, info);
    yield;
    for (const [done, tensor] of body.initializers.entries()) {
      types.set(tensor.name, { dtype: dataTypeName(tensor.dataType), dims: tensor.dims });
      const numbers = constantOf(run, tensor);
      if (numbers) values.set(tensor.name, numbers);
      if (done % 1024 === 1023) yield;
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
  yield;
  return {
    nodes: body.nodes,
    order: (yield* sorting(body.nodes, run.captures)).order,
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

/** Numbers of a small tensor, where they are known. */
export function constantOf(run: Run, tensor: Tensor): readonly number[] | undefined {
  const known = run.constants.get(tensor);
  if (known || run.constants.has(tensor)) return known;
  const numbers = smallValues(tensor) ?? run.options.constants?.(tensor);
  const usable = numbers && numbers.length <= mostTrackedValues ? numbers : undefined;
  run.constants.set(tensor, usable);
  return usable;
}

/** The stated type; a negative dimension, which some exporters write for a free one, counts as unknown. */
export function statedType(info: ValueInfo): InferredType {
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

/** The type of a value as one graph sees it: its own, or one of the graphs around it. */
export function typeIn(graph: InferredGraph, name: string): InferredType | undefined {
  for (let at: InferredGraph | undefined = graph; at; at = at.parent) {
    const type = at.types.get(name);
    if (type !== undefined) return type;
  }
  return undefined;
}

/** The known elements of a small tensor as one graph sees it: its own values hide those of the graphs around it. */
export function valuesIn(graph: InferredGraph, name: string): Dims | undefined {
  for (let at: InferredGraph | undefined = graph; at; at = at.parent) {
    const values = at.values.get(name);
    if (values !== undefined || at.types.has(name)) return values;
  }
  return undefined;
}

/** Puts the bound numbers in the place of symbolic dimensions (and of unnamed ones, for a graph input). */
export function bound(run: Run, type: InferredType, input?: string): InferredType {
  const { bind } = run.options;
  if (!bind || !type.dims) return type;
  const dims = type.dims.map((dim, axis): Dim => {
    if (typeof dim === 'string') return Object.hasOwn(bind, dim) ? bind[dim]! : dim;
    const name = `${input ?? ''}[${axis}]`;
    return dim === null && input !== undefined && Object.hasOwn(bind, name) ? bind[name]! : dim;
  });
  return { ...type, dims };
}
