// Readers of GraphProto, NodeProto and TensorAnnotation. A graph is read field by field with a breath
// between them; everything inside a node is read in one go.

import { breathe } from '../base/task';
import { graph as buildGraph } from '../ir/builder';
import type { Graph, Node, QuantizationAnnotation } from '../ir/model';
import { readAttribute } from './readAttribute';
import { readNodeDevices } from './readDevices';
import { readSparseTensor, readTensor } from './readTensor';
import { readValueInfo } from './readType';
import type { Reading, Scope } from './reading';
import type { Ranges } from './wireReader';

const graphFields = new Set([1, 2, 5, 10, 11, 12, 13, 14, 15, 16]);
const nodeFields = new Set([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
const annotationFields = new Set([1, 2]);

export const emptyGraph = (): Graph => buildGraph({ name: '', nodes: [] });

/** Reads the message that the cursor is in as a GraphProto into `graph`. */
export async function fillGraph(reading: Reading, graph: Graph, scope: Scope): Promise<void> {
  const { wire } = reading;
  let rest: Ranges | undefined;
  while (wire.next()) {
    switch (wire.tag) {
      case 10:
        graph.nodes.push(readNode(reading, scope));
        break;
      case 18:
        graph.name = wire.string();
        break;
      case 42:
        graph.initializers.push(readTensor(reading, scope.path));
        break;
      case 82:
        graph.docString = wire.string();
        break;
      case 90:
        graph.inputs.push(readValueInfo(reading));
        break;
      case 98:
        graph.outputs.push(readValueInfo(reading));
        break;
      case 106:
        graph.valueInfo.push(readValueInfo(reading));
        break;
      case 114:
        graph.quantizationAnnotations.push(readAnnotation(reading));
        break;
      case 122:
        graph.sparseInitializers.push(readSparseTensor(reading, scope.path));
        break;
      case 130:
        graph.metadataProps.push(reading.entry());
        break;
      default:
        rest = reading.unknown(rest, graphFields);
    }
    await breathe(reading.task);
  }
  reading.keep(graph, rest);
}

/** The current field as a NodeProto. */
export function readNode(reading: Reading, scope: Scope): Node {
  const { wire } = reading;
  const node: Node = {
    name: '',
    opType: '',
    domain: '',
    overload: '',
    inputs: [],
    outputs: [],
    attributes: [],
    docString: '',
    metadataProps: [],
    deviceConfigurations: [],
  };
  let rest: Ranges | undefined;
  const outer = wire.enter(350);
  while (wire.next()) {
    switch (wire.tag) {
      case 10:
        wire.charge(16);
        node.inputs.push(wire.string());
        break;
      case 18:
        wire.charge(16);
        node.outputs.push(wire.string());
        break;
      case 26:
        node.name = wire.string();
        break;
      case 34:
        node.opType = wire.string();
        break;
      case 42:
        node.attributes.push(readAttribute(reading, scope, node));
        break;
      case 50:
        node.docString = wire.string();
        break;
      case 58:
        node.domain = wire.string();
        break;
      case 66:
        node.overload = wire.string();
        break;
      case 74:
        node.metadataProps.push(reading.entry());
        break;
      case 82:
        node.deviceConfigurations.push(readNodeDevices(reading));
        break;
      default:
        rest = reading.unknown(rest, nodeFields);
    }
  }
  reading.keep(node, rest);
  wire.leave(outer);
  return node;
}

function readAnnotation(reading: Reading): QuantizationAnnotation {
  const { wire } = reading;
  const annotation: QuantizationAnnotation = { tensorName: '', quantParameterTensorNames: [] };
  let rest: Ranges | undefined;
  const outer = wire.enter();
  while (wire.next()) {
    if (wire.tag === 10) annotation.tensorName = wire.string();
    else if (wire.tag === 18) annotation.quantParameterTensorNames.push(reading.entry());
    else rest = reading.unknown(rest, annotationFields);
  }
  reading.keep(annotation, rest);
  wire.leave(outer);
  return annotation;
}
