// Numbers of small tensors, for shape arithmetic. Values in memory are decoded here; values in files are the
// caller's to read, and `tensorsToRead` names them.

import { eachInSteps, inOneGo, type Steps } from '../base/task';
import { bodiesOf } from '../ir/graphIndex';
import { DataType, rawByteLength } from '../ir/dataType';
import type { Graph, Model, Node } from '../ir/model';
import { elementCount, type Tensor } from '../ir/tensor';
import { tensorValuesInMemory } from '../onnx/tensorData';

const mostElements = 1024;
/** Bytes that are worth reading in all. */
const mostBytes = 1 << 20;

const numeric: ReadonlySet<number> = new Set([
  DataType.FLOAT,
  DataType.DOUBLE,
  DataType.INT64,
  DataType.UINT64,
  DataType.INT32,
  DataType.UINT32,
  DataType.INT16,
  DataType.UINT16,
  DataType.INT8,
  DataType.UINT8,
  DataType.BOOL,
]);

const isSmall = (tensor: Tensor) => {
  const elements = elementCount(tensor.dims);
  return elements <= mostElements && elements >= 0 && numeric.has(tensor.dataType);
};

/** Decodes a tensor of at most 1024 numbers whose bytes are in memory; undefined for every other. */
export function smallValues(tensor: Tensor): number[] | undefined {
  if (!isSmall(tensor)) return undefined;
  if (elementCount(tensor.dims) === 0) return [];
  const values = tensorValuesInMemory(tensor);
  return values && Array.from(values as ArrayLike<number | bigint>, Number);
}

/**
 * Small integer and float tensors (initializers and Constant nodes, nested graphs and functions included) that
 * `smallValues` cannot decode: read them and hand them to `inferShapes` as `constants`, so that Reshape, Slice
 * or Resize know their shapes. What is listed has a limit in all.
 */
export const tensorsToRead = (model: Model): Tensor[] => inOneGo(listingTensorsToRead(model));

/** The same in steps. */
export function* listingTensorsToRead(model: Model): Steps<Tensor[]> {
  const wanted: Tensor[] = [];
  let bytes = 0;
  const see = (tensor: Tensor) => {
    if (bytes >= mostBytes || !isSmall(tensor) || smallValues(tensor)) return;
    wanted.push(tensor);
    bytes += rawByteLength(tensor.dataType, elementCount(tensor.dims)) ?? 0;
  };
  const pending: (Graph | readonly Node[])[] = [model.graph, ...model.functions.map((each) => each.nodes)];
  for (let next = pending.pop(); next; next = pending.pop()) {
    // Integers are what shapes are made of; floats matter only as one to eight scales.
    if ('nodes' in next) {
      yield* eachInSteps(next.initializers, (tensor) => {
        if (tensor.dataType !== DataType.FLOAT || elementCount(tensor.dims) <= 8) see(tensor);
      });
    }
    yield* eachInSteps('nodes' in next ? next.nodes : next, (node) => {
      for (const attribute of node.attributes) if (attribute.type === 'TENSOR') see(attribute.value);
      pending.push(...bodiesOf(node));
    });
  }
  return wanted;
}
