// Writers of GraphProto, NodeProto, AttributeProto, FunctionProto and TrainingInfoProto. Inner graphs are
// encoded before the graphs around them, so that nesting needs no recursion.

import { breathe } from '../base/task';
import type { Task } from '../base/task';
import type { Attribute, FunctionDef, Graph, Node, OpsetImport, TrainingInfo } from '../ir/model';
import { encodeNodeDevices } from './encodeDevices';
import { encodeEntry, encodeSparseTensor, encodeTensor, encodeText } from './encodeTensor';
import type { TensorPlan } from './encodeTensor';
import { encodeType, encodeValueInfo } from './encodeType';
import { attributeTypes, attributeValueField } from './readAttribute';
import { WireWriter } from './wireWriter';

/** What an encoding run knows: where tensors go, and the inner graphs that are encoded already. */
export interface Encoding {
  readonly plan: TensorPlan;
  readonly graphs: Map<Graph, WireWriter>;
  readonly task: Task;
}

/** Encodes a graph and everything inside it. */
export async function encodeGraph(encoding: Encoding, graph: Graph): Promise<WireWriter> {
  const order = [graph];
  for (let index = 0; index < order.length; index += 1) {
    for (const node of order[index]!.nodes) for (const inner of bodies(node.attributes)) order.push(inner);
  }
  for (const one of order.reverse()) {
    if (!encoding.graphs.has(one)) encoding.graphs.set(one, await encodeOneGraph(encoding, one));
  }
  return encoding.graphs.get(graph)!;
}

function* bodies(attributes: readonly Attribute[]): Generator<Graph, void, undefined> {
  for (const attribute of attributes) {
    if (attribute.type === 'GRAPH') yield attribute.value;
    else if (attribute.type === 'GRAPHS') yield* attribute.value;
  }
}

async function encodeOneGraph(encoding: Encoding, graph: Graph): Promise<WireWriter> {
  const { plan, task } = encoding;
  const out = new WireWriter();
  for (const node of graph.nodes) {
    out.message(1, () => encodeNode(encoding, out, node));
    await breathe(task);
  }
  encodeText(out, 2, graph.name);
  for (const tensor of graph.initializers) {
    out.message(5, () => encodeTensor(out, tensor, plan));
    await breathe(task);
  }
  encodeText(out, 10, graph.docString);
  for (const info of graph.inputs) out.message(11, () => encodeValueInfo(out, info));
  for (const info of graph.outputs) out.message(12, () => encodeValueInfo(out, info));
  for (const info of graph.valueInfo) {
    out.message(13, () => encodeValueInfo(out, info));
    await breathe(task);
  }
  for (const annotation of graph.quantizationAnnotations) {
    out.message(14, () => {
      encodeText(out, 1, annotation.tensorName);
      for (const entry of annotation.quantParameterTensorNames) encodeEntry(out, 2, entry);
      if (annotation.unknown) out.verbatim(annotation.unknown);
    });
  }
  for (const sparse of graph.sparseInitializers) out.message(15, () => encodeSparseTensor(out, sparse, plan));
  for (const entry of graph.metadataProps) encodeEntry(out, 16, entry);
  if (graph.unknown) out.verbatim(graph.unknown);
  return out;
}

function encodeNode(encoding: Encoding, out: WireWriter, node: Node): void {
  for (const input of node.inputs) out.string(1, input);
  for (const output of node.outputs) out.string(2, output);
  encodeText(out, 3, node.name);
  encodeText(out, 4, node.opType);
  for (const attribute of node.attributes) out.message(5, () => encodeAttribute(encoding, out, attribute));
  encodeText(out, 6, node.docString);
  encodeText(out, 7, node.domain);
  encodeText(out, 8, node.overload);
  for (const entry of node.metadataProps) encodeEntry(out, 9, entry);
  for (const configuration of node.deviceConfigurations) {
    out.message(10, () => encodeNodeDevices(out, configuration));
  }
  if (node.unknown) out.verbatim(node.unknown);
}

function encodeAttribute(encoding: Encoding, out: WireWriter, attribute: Attribute): void {
  encodeText(out, 1, attribute.name);
  const typeNumber = attributeTypes.indexOf(attribute.type);
  // A reference to a function's attribute has a type but no value of its own.
  if (!attribute.refAttrName) encodeValue(encoding, out, attribute, attributeValueField[typeNumber]!);
  encodeText(out, 13, attribute.docString);
  if (typeNumber !== 0) out.int(20, typeNumber);
  if (attribute.refAttrName !== undefined) out.string(21, attribute.refAttrName);
  if (attribute.unknown) out.verbatim(attribute.unknown);
}

function encodeValue(encoding: Encoding, out: WireWriter, attribute: Attribute, field: number): void {
  const { plan, graphs } = encoding;
  switch (attribute.type) {
    case 'UNDEFINED':
      break;
    case 'FLOAT':
      out.float(field, attribute.value);
      break;
    case 'INT':
      out.bigint(field, attribute.value);
      break;
    case 'STRING':
      out.bytes(field, attribute.value);
      break;
    case 'TENSOR':
      out.message(field, () => encodeTensor(out, attribute.value, plan));
      break;
    case 'GRAPH':
      out.nested(field, graphs.get(attribute.value)!);
      break;
    case 'SPARSE_TENSOR':
      out.message(field, () => encodeSparseTensor(out, attribute.value, plan));
      break;
    case 'TYPE_PROTO':
      out.message(field, () => encodeType(out, attribute.value));
      break;
    case 'FLOATS':
      for (const value of attribute.value) out.float(field, value);
      break;
    case 'INTS':
      for (const value of attribute.value) out.bigint(field, value);
      break;
    case 'STRINGS':
      for (const value of attribute.value) out.bytes(field, value);
      break;
    case 'TENSORS':
      for (const tensor of attribute.value) out.message(field, () => encodeTensor(out, tensor, plan));
      break;
    case 'GRAPHS':
      for (const graph of attribute.value) out.nested(field, graphs.get(graph)!);
      break;
    case 'SPARSE_TENSORS':
      for (const sparse of attribute.value) out.message(field, () => encodeSparseTensor(out, sparse, plan));
      break;
    case 'TYPE_PROTOS':
      for (const type of attribute.value) out.message(field, () => encodeType(out, type));
  }
}

export function encodeOpset(out: WireWriter, field: number, opset: OpsetImport): void {
  out.message(field, () => {
    // The standard domain is written too: some readers ask whether it is there.
    out.string(1, opset.domain);
    out.int(2, opset.version);
    if (opset.unknown) out.verbatim(opset.unknown);
  });
}

/** Encodes a function and the bodies inside it. */
export async function encodeFunction(encoding: Encoding, definition: FunctionDef): Promise<WireWriter> {
  const out = new WireWriter();
  for (const node of definition.nodes) {
    for (const inner of bodies(node.attributes)) await encodeGraph(encoding, inner);
  }
  for (const inner of bodies(definition.attributeDefaults)) await encodeGraph(encoding, inner);
  encodeText(out, 1, definition.name);
  for (const input of definition.inputs) out.string(4, input);
  for (const output of definition.outputs) out.string(5, output);
  for (const name of definition.attributes) out.string(6, name);
  for (const node of definition.nodes) {
    out.message(7, () => encodeNode(encoding, out, node));
    await breathe(encoding.task);
  }
  encodeText(out, 8, definition.docString);
  for (const opset of definition.opsetImports) encodeOpset(out, 9, opset);
  encodeText(out, 10, definition.domain);
  for (const attribute of definition.attributeDefaults) {
    out.message(11, () => encodeAttribute(encoding, out, attribute));
  }
  for (const info of definition.valueInfo) out.message(12, () => encodeValueInfo(out, info));
  encodeText(out, 13, definition.overload);
  for (const entry of definition.metadataProps) encodeEntry(out, 14, entry);
  if (definition.unknown) out.verbatim(definition.unknown);
  return out;
}

export async function encodeTrainingInfo(encoding: Encoding, info: TrainingInfo): Promise<WireWriter> {
  const out = new WireWriter();
  if (info.initialization) out.nested(1, await encodeGraph(encoding, info.initialization));
  if (info.algorithm) out.nested(2, await encodeGraph(encoding, info.algorithm));
  for (const entry of info.initializationBinding) encodeEntry(out, 3, entry);
  for (const entry of info.updateBinding) encodeEntry(out, 4, entry);
  if (info.unknown) out.verbatim(info.unknown);
  return out;
}
