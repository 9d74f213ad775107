// Numbers of small tensors, for shape arithmetic. Values in memory are decoded here; values in files are the
// caller's to read, and `tensorsToRead` names them.

import { bodiesOf } from '../ir/graphIndex';
import { DataType, rawByteLength } from '../ir/dataType';
import type { Graph, Model, Node } from '../ir/model';
import { elementCount, type Tensor } from '../ir/tensor';

const mostElements = 1024;

const readers: Readonly<Record<number, (view: DataView, index: number) => number>> = {
  [DataType.FLOAT]: (view, index) => view.getFloat32(index * 4, true),
  [DataType.DOUBLE]: (view, index) => view.getFloat64(index * 8, true),
  [DataType.INT64]: (view, index) => Number(view.getBigInt64(index * 8, true)),
  [DataType.UINT64]: (view, index) => Number(view.getBigUint64(index * 8, true)),
  [DataType.INT32]: (view, index) => view.getInt32(index * 4, true),
  [DataType.UINT32]: (view, index) => view.getUint32(index * 4, true),
  [DataType.INT16]: (view, index) => view.getInt16(index * 2, true),
  [DataType.UINT16]: (view, index) => view.getUint16(index * 2, true),
  [DataType.INT8]: (view, index) => view.getInt8(index),
  [DataType.UINT8]: (view, index) => view.getUint8(index),
  [DataType.BOOL]: (view, index) => view.getUint8(index),
};

const isSmall = (tensor: Tensor) => {
  const elements = elementCount(tensor.dims);
  return elements <= mostElements && elements >= 0 && readers[tensor.dataType] !== undefined;
};

/** Decodes a tensor of at most 1024 numbers whose raw bytes are in memory; undefined for every other. */
export function smallValues(tensor: Tensor): number[] | undefined {
  const read = readers[tensor.dataType];
  if (!read || !isSmall(tensor)) return undefined;
  const elements = elementCount(tensor.dims);
  if (elements === 0) return [];
  const { storage } = tensor;
  if (storage.kind !== 'raw' || storage.bytes.in !== 'memory') return undefined;
  const { data } = storage.bytes;
  if (data.byteLength < (rawByteLength(tensor.dataType, elements) ?? Infinity)) return undefined;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return Array.from({ length: elements }, (_, index) => read(view, index));
}

/**
 * Small integer and float tensors (initializers and Constant nodes, nested graphs and functions included) that
 * `smallValues` cannot decode: read them and hand them to `inferShapes` as `constants`, so that Reshape, Slice
 * or Resize know their shapes. `mostBytes` limits what is listed in all.
 */
export function tensorsToRead(model: Model, mostBytes = 1 << 20): Tensor[] {
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
      for (const tensor of next.initializers) {
        if (tensor.dataType !== DataType.FLOAT || elementCount(tensor.dims) <= 8) see(tensor);
      }
    }
    for (const node of 'nodes' in next ? next.nodes : next) {
      for (const attribute of node.attributes) if (attribute.type === 'TENSOR') see(attribute.value);
      pending.push(...bodiesOf(node));
    }
  }
  return wanted;
}
