// Everything about one node, for the panel beside the picture; and finding an initializer by its name.

import { badRequest } from '../base/errors';
import { inOneGo, type Steps } from '../base/task';
import { dataTypeName } from '../ir/dataType';
import type { Model } from '../ir/model';
import type { Tensor } from '../ir/tensor';
import { attributeText } from './attributeText';
import { functionPaths, graphAt, subgraphPaths } from './graphTable';
import { inferringAt } from './inferredAt';
import { operatorDocumentation, type OperatorDocumentation } from './operators/operatorDocumentation';
import { sourceFrames, type SourceFrame } from './sourceFrames';
import { callBody, functionKey, type ScopedGraph } from './scopes/scopes';
import { typeIn, type InferredGraph, type ShapeInfo } from './shapes';
import { tensorBytes } from './summary';
import { unknownType, type ValueSummary } from './typeText';

export interface TensorSummary {
  name: string;
  dtype: string;
  shape: number[];
  bytes: number;
  /** File name of external data. */
  external?: string;
}

export interface NodeDescription {
  name: string;
  op: string;
  domain: string;
  docString: string;
  attributes: { name: string; type: string; value: string }[];
  /** In order; an absent optional input has an empty name. */
  inputs: (ValueSummary & { initializer?: TensorSummary })[];
  outputs: ValueSummary[];
  metadata: { key: string; value: string }[];
  /** Paths of nested graphs and of the called function, to be passed as `scope`. */
  subgraphs: string[];
  /** Version of the operator set that the graph of the node uses; absent where none is imported. */
  opset?: number;
  /** What is known of the operator at that version; absent for functions and unknown operators. */
  documentation?: OperatorDocumentation;
  /** Where the program that exported the model made the node, the innermost frame first; absent where it left no trace. */
  frames?: SourceFrame[];
}

/** Describes the operator in a row of `graphTable`. Throws badRequest for a scope or row that is not there. */
export const nodeDetails = (
  model: Model,
  scope: string | undefined,
  index: number,
  shapes?: ShapeInfo,
): NodeDescription => inOneGo(describingNode(model, scope, index, shapes));

/** The same in steps. */
export function* describingNode(
  model: Model,
  scope: string | undefined,
  index: number,
  shapes?: ShapeInfo,
): Steps<NodeDescription> {
  const scoped = graphAt(model, scope);
  const node = scoped.graph.nodes[index];
  if (!node) {
    throw badRequest(`Row ${index} is no operator: the graph has ${scoped.graph.nodes.length} of them.`);
  }
  const inferred = yield* inferringAt(model, scoped, shapes);
  const opset = opsetOf(model, scoped, node.domain);
  const paths = functionPaths(model);
  const subgraphs = subgraphPaths(scoped, index, paths);
  const isCall = paths.has(functionKey(node.domain, node.opType, node.overload));
  const frames = sourceFrames(node.metadataProps, node.docString);
  const documentation = isCall ? undefined : operatorDocumentation(node.domain, node.opType, opset);
  return {
    name: node.name,
    op: node.opType,
    domain: node.domain,
    docString: node.docString,
    attributes: node.attributes.map((attribute) => ({
      name: attribute.name,
      type: attribute.type,
      value: attributeText(attribute),
    })),
    inputs: node.inputs.map((name) => {
      const tensor = name === '' ? undefined : findVisibleTensor(scoped, name);
      const value = describe(inferred, name);
      // A constant goes by the name of its value: that is how findTensor finds it.
      return tensor ? { ...value, initializer: { ...describeTensor(tensor), name } } : value;
    }),
    outputs: node.outputs.map((name) => describe(inferred, name)),
    metadata: node.metadataProps.map(({ key, value }) => ({ key, value })),
    subgraphs,
    ...(opset === undefined ? {} : { opset }),
    ...(documentation === undefined ? {} : { documentation }),
    ...(frames.length === 0 ? {} : { frames }),
  };
}

/** The version of an operator set that a graph uses: a function imports its own. */
export function opsetOf(model: Model, scoped: ScopedGraph, domain: string): number | undefined {
  const imports = scoped.functionDef?.opsetImports ?? model.opsetImports;
  const plain = (name: string) => (name === 'ai.onnx' ? '' : name);
  return imports.find((each) => plain(each.domain) === plain(domain))?.version;
}

function describe(inferred: InferredGraph, name: string): ValueSummary {
  const type = name === '' ? undefined : typeIn(inferred, name);
  return { name, dtype: type?.dtype ?? unknownType, shape: type?.dims ? [...type.dims] : null };
}

function describeTensor(tensor: Tensor): TensorSummary {
  const { storage } = tensor;
  const location =
    storage.kind === 'external' ? storage.entries.find(({ key }) => key === 'location')?.value : undefined;
  return {
    name: tensor.name,
    dtype: dataTypeName(tensor.dataType),
    shape: [...tensor.dims],
    bytes: tensorBytes(tensor),
    ...(location === undefined ? {} : { external: location }),
  };
}

/** The initializer of that name in a graph or the graphs around it. */
function visibleTensor(scoped: ScopedGraph, name: string): Tensor | undefined {
  for (let at: ScopedGraph | undefined = scoped; at; at = at.outer) {
    const found = at.graph.initializers.find((tensor) => tensor.name === name);
    if (found) return found;
    const { holder } = at;
    const position = at.graph.inputs.findIndex((input) => input.name === name);
    // What a call passes to its function goes by the function's name for it.
    if (holder?.body === callBody && position >= 0) {
      const actual = holder.graph.graph.nodes[holder.index]?.inputs[position] ?? '';
      return findVisibleTensor(holder.graph, actual);
    }
  }
  return undefined;
}

/** The tensor of the Constant node that makes a value. */
function constantOf({ graph }: ScopedGraph, name: string): Tensor | undefined {
  const constant = graph.nodes.find((node) => node.opType === 'Constant' && node.outputs.includes(name));
  for (const attribute of constant?.attributes ?? []) if (attribute.type === 'TENSOR') return attribute.value;
  return undefined;
}

/** The initializer that a graph sees by a name, or the value of a Constant node of it. */
export const findVisibleTensor = (scoped: ScopedGraph, name: string): Tensor | undefined =>
  name === '' ? undefined : (visibleTensor(scoped, name) ?? constantOf(scoped, name));

/**
 * The tensor behind a name: an initializer that the graph sees, or the value of a Constant node of it. Throws
 * badRequest when there is none.
 */
export function findTensor(model: Model, scope: string | undefined, name: string): Tensor {
  const scoped = graphAt(model, scope);
  const found = findVisibleTensor(scoped, name);
  if (found) return found;
  throw badRequest(`There is no initializer "${name.slice(0, 200)}" in this graph.`);
}
