// The ONNX model as data, in the specification's own words (onnx.proto, IR version 14). Nothing here
// knows files, protobuf or the wire: daemon/onnx turns bytes into these values and back.
// Every message keeps what it did not know in `unknown`, so that writing gives it back byte for byte.

import type { DataType } from './dataType';
import type { Tensor, SparseTensor } from './tensor';

/** Protobuf fields that the reader did not know, tags included, in file order. */
export type UnknownFields = Uint8Array;

/** One entry of a metadata_props list; the list may hold a key twice, so it is not a map. */
export interface StringEntry {
  key: string;
  value: string;
  unknown?: UnknownFields;
}

export interface Model {
  irVersion: number;
  opsetImports: OpsetImport[];
  producerName: string;
  producerVersion: string;
  domain: string;
  modelVersion: bigint;
  docString: string;
  graph: Graph;
  metadataProps: StringEntry[];
  trainingInfo: TrainingInfo[];
  functions: FunctionDef[];
  configurations: DeviceConfiguration[];
  unknown?: UnknownFields;
}

export interface OpsetImport {
  /** "" is the ONNX standard domain. */
  domain: string;
  version: number;
  unknown?: UnknownFields;
}

export interface Graph {
  name: string;
  docString: string;
  nodes: Node[];
  inputs: ValueInfo[];
  outputs: ValueInfo[];
  valueInfo: ValueInfo[];
  initializers: Tensor[];
  sparseInitializers: SparseTensor[];
  quantizationAnnotations: QuantizationAnnotation[];
  metadataProps: StringEntry[];
  unknown?: UnknownFields;
}

/** Values are named by strings, as in ONNX; "" is an absent optional input or output. */
export interface Node {
  name: string;
  opType: string;
  domain: string;
  overload: string;
  inputs: string[];
  outputs: string[];
  attributes: Attribute[];
  docString: string;
  metadataProps: StringEntry[];
  deviceConfigurations: NodeDeviceConfiguration[];
  unknown?: UnknownFields;
}

export interface AttributeBase {
  name: string;
  docString: string;
  /** Inside a function body: the name of the function's attribute that gives the value. */
  refAttrName?: string;
  unknown?: UnknownFields;
}

/** An attribute with the one value that its type names. INT values are bigint because INT64_MAX is common. */
export type Attribute = AttributeBase &
  (
    | { type: 'UNDEFINED' }
    | { type: 'FLOAT'; value: number }
    | { type: 'INT'; value: bigint }
    | { type: 'STRING'; value: Uint8Array }
    | { type: 'TENSOR'; value: Tensor }
    | { type: 'GRAPH'; value: Graph }
    | { type: 'SPARSE_TENSOR'; value: SparseTensor }
    | { type: 'TYPE_PROTO'; value: Type }
    | { type: 'FLOATS'; value: number[] }
    | { type: 'INTS'; value: bigint[] }
    | { type: 'STRINGS'; value: Uint8Array[] }
    | { type: 'TENSORS'; value: Tensor[] }
    | { type: 'GRAPHS'; value: Graph[] }
    | { type: 'SPARSE_TENSORS'; value: SparseTensor[] }
    | { type: 'TYPE_PROTOS'; value: Type[] }
  );

export interface ValueInfo {
  name: string;
  /** Absent when the file states none. */
  type?: Type;
  docString: string;
  metadataProps: StringEntry[];
  unknown?: UnknownFields;
}

export type Type = {
  denotation?: string;
  unknown?: UnknownFields;
  /** Unknown fields of the message inside that says what kind it is (TypeProto.Tensor and so on). */
  unknownInside?: UnknownFields;
  /** Unknown fields of the shape itself. */
  unknownInShape?: UnknownFields;
} & (
  | { kind: 'tensor' | 'sparseTensor'; elemType: DataType; shape?: Shape }
  | { kind: 'sequence' | 'optional'; elem?: Type }
  | { kind: 'map'; keyType: DataType; valueType?: Type }
  | { kind: 'opaque'; domain: string; name: string }
  | { kind: 'none' }
);

/** No shape (undefined on the type) means unknown rank; an empty shape means a scalar. */
export type Shape = Dimension[];

/** A dimension is a number, a name, or (neither present) unknown. */
export interface Dimension {
  value?: number;
  param?: string;
  denotation?: string;
  unknown?: UnknownFields;
}

export interface FunctionDef {
  name: string;
  domain: string;
  overload: string;
  inputs: string[];
  outputs: string[];
  /** Names of attributes without a default. */
  attributes: string[];
  /** Attributes with a default. */
  attributeDefaults: Attribute[];
  nodes: Node[];
  docString: string;
  opsetImports: OpsetImport[];
  valueInfo: ValueInfo[];
  metadataProps: StringEntry[];
  unknown?: UnknownFields;
}

export interface QuantizationAnnotation {
  tensorName: string;
  quantParameterTensorNames: StringEntry[];
  unknown?: UnknownFields;
}

export interface TrainingInfo {
  initialization?: Graph;
  algorithm?: Graph;
  initializationBinding: StringEntry[];
  updateBinding: StringEntry[];
  unknown?: UnknownFields;
}

export interface DeviceConfiguration {
  name: string;
  numDevices: number;
  devices: string[];
  unknown?: UnknownFields;
}

export interface NodeDeviceConfiguration {
  configurationId: string;
  shardingSpecs: ShardingSpec[];
  pipelineStage?: number;
  unknown?: UnknownFields;
}

export interface ShardingSpec {
  tensorName: string;
  devices: bigint[];
  indexToDeviceGroupMap: { key: bigint; values: bigint[]; unknown?: UnknownFields }[];
  shardedDims: ShardedDim[];
  unknown?: UnknownFields;
}

export interface ShardedDim {
  axis: bigint;
  simpleShardings: { dim: Dimension; numShards: bigint; unknown?: UnknownFields }[];
  unknown?: UnknownFields;
}
