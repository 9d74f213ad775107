// Constants of the integer types that quantizing writes.

import { rawTensor } from '../../ir/builder';
import { DataType } from '../../ir/dataType';
import type { Tensor } from '../../ir/tensor';

const arrays = {
  [DataType.UINT8]: Uint8Array,
  [DataType.INT8]: Int8Array,
  [DataType.UINT16]: Uint16Array,
  [DataType.INT16]: Int16Array,
  [DataType.INT32]: Int32Array,
} as const;

export type IntegerArray = InstanceType<(typeof arrays)[keyof typeof arrays]>;

/** An array of `length` zeros for one of the integer types. */
export function integerArray(dataType: DataType, length: number): IntegerArray {
  const make = (arrays as Readonly<Record<number, (typeof arrays)[keyof typeof arrays] | undefined>>)[
    dataType
  ];
  if (!make) throw new Error(`Quantizing does not write elements of type ${dataType}.`);
  return new make(length);
}

/** A constant with these integers. */
export function integerTensor(
  name: string,
  dataType: DataType,
  dims: readonly number[],
  values: ArrayLike<number>,
): Tensor {
  const data = integerArray(dataType, values.length);
  data.set(values);
  return rawTensor(name, dataType, dims, new Uint8Array(data.buffer));
}
