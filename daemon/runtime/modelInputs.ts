// What a session of a model would say of its inputs, told from the model itself, so that no session has to be made
// to check data against them.

import type { DataType } from '../ir/dataType';
import type { Graph, ValueInfo } from '../ir/model';
import type { ElementType, SessionValue } from './session';

const elementTypes: Readonly<Record<DataType, ElementType>> = {
  1: 'float32', 2: 'uint8', 3: 'int8', 4: 'uint16', 5: 'int16', 6: 'int32', 7: 'int64', 8: 'string', 9: 'bool',
  10: 'float16', 11: 'float64', 12: 'uint32', 13: 'uint64',
}; // prettier-ignore

function sessionValue({ name, type }: ValueInfo): SessionValue | undefined {
  if (type?.kind !== 'tensor') return undefined;
  const element = elementTypes[type.elemType];
  if (element === undefined) return undefined;
  // ONNX Runtime says nothing of a dimension that has neither a number nor a name.
  const dims = (type.shape ?? []).map(({ value, param }) => value ?? (param === '' ? null : (param ?? null)));
  return { name, type: element, dims };
}

/** The inputs that must be fed; undefined when one is no tensor of a type that can be, which a session explains. */
export function modelInputs(graph: Graph): SessionValue[] | undefined {
  const constants = new Set(graph.initializers.map(({ name }) => name));
  const inputs: SessionValue[] = [];
  for (const each of graph.inputs) {
    if (constants.has(each.name)) continue;
    const value = sessionValue(each);
    if (!value) return undefined;
    inputs.push(value);
  }
  return inputs;
}
