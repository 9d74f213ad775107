// What a model is, in numbers and names that need no inference: nodes, operators, parameters, bytes, inputs,
// outputs, metadata. Every graph counts: bodies of If and Loop, and model-local functions once each.

import { eachInSteps, inOneGo, type Steps } from '../base/task';
import { dataTypeBits, rawByteLength } from '../ir/dataType';
import type { Graph, Model } from '../ir/model';
import { byteLength, elementCount, type SparseTensor, type Tensor } from '../ir/tensor';
import { allGraphs } from './scopes/scopes';
import { describeValue, type ValueSummary } from './typeText';

export interface Summary {
  irVersion: number;
  /** Name and version, "pytorch 2.9.0"; empty when the file names none. */
  producer: string;
  /** Version by domain; the standard domain is `ai.onnx`. */
  opsets: Record<string, number>;
  /** Graph inputs that are not initializers. */
  inputs: ValueSummary[];
  outputs: ValueSummary[];
  nodes: number;
  initializers: number;
  /** Elements of all initializers and of tensors in Constant nodes. */
  parameters: number;
  /** Bytes of those elements. */
  weightBytes: number;
  /** Nodes by operator type, most frequent first; other domains are prefixed, `com.microsoft.Gelu`. */
  ops: Record<string, number>;
  functions: number;
  metadata: Record<string, string>;
}

/** Counts a model. Never throws; impossible numbers of a broken file count as nothing. */
export const summarize = (model: Model): Summary => inOneGo(summarizing(model));

/** The same in steps. */
export function* summarizing(model: Model): Steps<Summary> {
  const counts = { nodes: 0, initializers: 0, parameters: 0, weightBytes: 0 };
  const ops = new Map<string, number>();
  const weigh = (tensor: Tensor) => {
    counts.parameters += parametersOf(tensor);
    counts.weightBytes += tensorBytes(tensor);
  };
  const weighSparse = (sparse: SparseTensor) => {
    // A sparse tensor holds its stored values; the indices that place them are bytes but no parameters.
    weigh(sparse.values);
    counts.weightBytes += tensorBytes(sparse.indices);
  };
  for (const { graph } of allGraphs(model)) {
    counts.initializers += graph.initializers.length + graph.sparseInitializers.length;
    yield* eachInSteps(graph.initializers, weigh);
    graph.sparseInitializers.forEach(weighSparse);
    counts.nodes += graph.nodes.length;
    yield* eachInSteps(graph.nodes, (node) => {
      const name = operatorName(node.domain, node.opType);
      ops.set(name, (ops.get(name) ?? 0) + 1);
      if (node.opType !== 'Constant') return;
      for (const attribute of node.attributes) {
        if (attribute.type === 'TENSOR') weigh(attribute.value);
        else if (attribute.type === 'SPARSE_TENSOR') weighSparse(attribute.value);
      }
    });
  }
  return {
    irVersion: model.irVersion,
    producer: `${model.producerName} ${model.producerVersion}`.trim(),
    opsets: recordOf(
      model.opsetImports.map(({ domain, version }) => [domain === '' ? 'ai.onnx' : domain, version]),
    ),
    inputs: freeInputs(model.graph).map(describeValue),
    outputs: model.graph.outputs.map(describeValue),
    ...counts,
    ops: recordOf([...ops].sort(([, a], [, b]) => b - a)),
    functions: model.functions.length,
    metadata: recordOf(model.metadataProps.map(({ key, value }) => [key, value])),
  };
}

/** Names come from the file, so "__proto__" must become a plain entry. */
function recordOf<T>(entries: readonly (readonly [string, T])[]): Record<string, T> {
  return Object.fromEntries(entries);
}

/** Operator as it is counted and shown: `Conv`, `com.microsoft.Gelu`. */
export const operatorName = (domain: string, opType: string): string =>
  domain === '' || domain === 'ai.onnx' ? opType : `${domain}.${opType}`;

/** Inputs that a caller must give: those without an initializer of the same name. */
export function freeInputs(graph: Graph): Graph['inputs'] {
  const initialized = new Set(graph.initializers.map(({ name }) => name));
  for (const sparse of graph.sparseInitializers) initialized.add(sparse.values.name);
  return graph.inputs.filter(({ name }) => !initialized.has(name));
}

const parametersOf = (tensor: Tensor): number => {
  const elements = elementCount(tensor.dims);
  return Number.isSafeInteger(elements) && elements > 0 ? elements : 0;
};

/** Bytes of a tensor's values: packed for types narrower than a byte; text as it is stored. */
export function tensorBytes(tensor: Tensor): number {
  const elements = parametersOf(tensor);
  if (dataTypeBits(tensor.dataType) !== undefined) return rawByteLength(tensor.dataType, elements) ?? 0;
  const { storage } = tensor;
  switch (storage.kind) {
    case 'raw':
      return byteLength(storage.bytes);
    case 'strings':
      return storage.values.reduce((sum, value) => sum + value.byteLength, 0);
    case 'fields':
      return storage.fields.reduce((sum, field) => sum + byteLength(field), 0);
    default:
      return 0;
  }
}
