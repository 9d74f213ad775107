// What a session of a model would say of its inputs and outputs, told from the model itself, so that no session has to
// be made to check data against them.

import { DataType } from '../ir/dataType';
import type { Graph, ValueInfo } from '../ir/model';
import type { ElementType, SessionValue } from './runner/session';

/** The element types that a session takes, by ONNX data type. */
export const elementTypes: Readonly<Partial<Record<DataType, ElementType>>> = {
  [DataType.FLOAT]: 'float32',
  [DataType.DOUBLE]: 'float64',
  [DataType.FLOAT16]: 'float16',
  [DataType.INT8]: 'int8',
  [DataType.UINT8]: 'uint8',
  [DataType.INT16]: 'int16',
  [DataType.UINT16]: 'uint16',
  [DataType.INT32]: 'int32',
  [DataType.UINT32]: 'uint32',
  [DataType.INT64]: 'int64',
  [DataType.UINT64]: 'uint64',
  [DataType.BOOL]: 'bool',
  [DataType.STRING]: 'string',
};

/** The inputs that must be fed; undefined when one is no tensor of a type that can be, which a session explains. */
export function modelInputs({ inputs, initializers }: Graph): SessionValue[] | undefined {
  // Initializers may be listed among the inputs (always before IR version 4).
  const constants = new Set(initializers.map(({ name }) => name));
  return sessionValues(inputs.filter(({ name }) => !constants.has(name)));
}

/** Values as a session says them; undefined when one is no tensor of a type that a session takes. */
export function sessionValues(values: readonly ValueInfo[]): SessionValue[] | undefined {
  const made: SessionValue[] = [];
  for (const { name, type } of values) {
    const element = type?.kind === 'tensor' ? elementTypes[type.elemType] : undefined;
    if (type?.kind !== 'tensor' || element === undefined) return undefined;
    // ONNX Runtime says nothing of a dimension that has neither a number nor a name.
    const dims = (type.shape ?? []).map(({ value, param }) => value ?? (param || null));
    made.push({ name, type: element, dims });
  }
  return made;
}
