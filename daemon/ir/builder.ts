// Short constructors for IR values: what passes and tests use to make models in memory.

import { DataType } from './dataType';
import type { Attribute, Dimension, Graph, Model, Node, Type, ValueInfo } from './model';
import type { Tensor } from './tensor';

const utf8 = new TextEncoder();

/** A plain JavaScript attribute value: integers become INT(S) when given as bigint, numbers FLOAT(S). */
export type AttributeValue =
  bigint | number | string | Tensor | Graph | readonly bigint[] | readonly number[] | readonly string[];

/** An attribute from a JavaScript value. An empty array becomes INTS. */
export function attribute(name: string, value: AttributeValue): Attribute {
  const base = { name, docString: '' };
  if (typeof value === 'bigint') return { ...base, type: 'INT', value };
  if (typeof value === 'number') return { ...base, type: 'FLOAT', value };
  if (typeof value === 'string') return { ...base, type: 'STRING', value: utf8.encode(value) };
  if (!Array.isArray(value)) {
    return 'dataType' in value
      ? { ...base, type: 'TENSOR', value }
      : { ...base, type: 'GRAPH', value: value as Graph };
  }
  if (typeof value[0] === 'number') return { ...base, type: 'FLOATS', value: [...(value as number[])] };
  if (typeof value[0] === 'string') {
    return { ...base, type: 'STRINGS', value: (value as string[]).map((text) => utf8.encode(text)) };
  }
  return { ...base, type: 'INTS', value: [...(value as bigint[])] };
}

/** A node; its name is the caller's to keep unique. */
export function node(
  opType: string,
  inputs: readonly string[],
  outputs: readonly string[],
  options: { name?: string; domain?: string; attributes?: Readonly<Record<string, AttributeValue>> } = {},
): Node {
  return {
    name: options.name ?? '',
    opType,
    domain: options.domain ?? '',
    overload: '',
    inputs: [...inputs],
    outputs: [...outputs],
    attributes: Object.entries(options.attributes ?? {}).map(([name, value]) => attribute(name, value)),
    docString: '',
    metadataProps: [],
    deviceConfigurations: [],
  };
}

/** Dimensions from numbers (fixed), strings (symbolic) and undefined (unknown). */
export const shape = (...dims: (number | string | undefined)[]): Dimension[] =>
  dims.map((dim) =>
    typeof dim === 'number' ? { value: dim } : typeof dim === 'string' ? { param: dim } : {},
  );

/** A tensor type; leave `dims` out for unknown rank. */
export const tensorType = (elemType: DataType, dims?: readonly (number | string | undefined)[]): Type =>
  dims === undefined ? { kind: 'tensor', elemType } : { kind: 'tensor', elemType, shape: shape(...dims) };

/** A named value with a tensor type. */
export const valueInfo = (
  name: string,
  elemType: DataType,
  dims?: readonly (number | string | undefined)[],
): ValueInfo => ({ name, type: tensorType(elemType, dims), docString: '', metadataProps: [] });

/** A tensor from little-endian row-major bytes. */
export const rawTensor = (
  name: string,
  dataType: DataType,
  dims: readonly number[],
  data: Uint8Array,
): Tensor => ({
  name,
  dataType,
  dims: [...dims],
  storage: { kind: 'raw', bytes: { in: 'memory', data } },
  docString: '',
  metadataProps: [],
});

const bytesOf = (view: ArrayBufferView) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

export const floatTensor = (name: string, dims: readonly number[], values: Iterable<number>): Tensor =>
  rawTensor(
    name,
    DataType.FLOAT,
    dims,
    bytesOf(values instanceof Float32Array ? values : Float32Array.from(values)),
  );

export const int64Tensor = (
  name: string,
  dims: readonly number[],
  values: Iterable<number | bigint>,
): Tensor =>
  rawTensor(
    name,
    DataType.INT64,
    dims,
    bytesOf(BigInt64Array.from(Array.from(values, (value) => BigInt(value)))),
  );

export const int32Tensor = (name: string, dims: readonly number[], values: Iterable<number>): Tensor =>
  rawTensor(name, DataType.INT32, dims, bytesOf(Int32Array.from(values)));

export const int8Tensor = (name: string, dims: readonly number[], values: Iterable<number>): Tensor =>
  rawTensor(name, DataType.INT8, dims, bytesOf(Int8Array.from(values)));

export const uint8Tensor = (name: string, dims: readonly number[], values: Iterable<number>): Tensor =>
  rawTensor(name, DataType.UINT8, dims, bytesOf(Uint8Array.from(values)));

export const graph = (parts: Partial<Graph> & Pick<Graph, 'nodes'>): Graph => ({
  name: 'graph',
  docString: '',
  inputs: [],
  outputs: [],
  valueInfo: [],
  initializers: [],
  sparseInitializers: [],
  quantizationAnnotations: [],
  metadataProps: [],
  ...parts,
});

/** A model of the standard domain around a graph. */
export const model = (graphPart: Graph, options: { opset?: number; irVersion?: number } = {}): Model => ({
  irVersion: options.irVersion ?? 8,
  opsetImports: [{ domain: '', version: options.opset ?? 17 }],
  producerName: 'slipway',
  producerVersion: '',
  domain: '',
  modelVersion: 0n,
  docString: '',
  graph: graphPart,
  metadataProps: [],
  trainingInfo: [],
  functions: [],
  configurations: [],
});
