// What passes may know of a model beyond its structure: element types and ranks of values, and the numbers in
// small constants. Collected once; a pass that changes the graph collects again.

import { inferShapes, type InferredType, type ShapeInfo } from '../analysis/shapes';
import { smallValues, tensorsToRead } from '../analysis/smallTensors';
import type { Model } from '../ir/model';
import type { Tensor } from '../ir/tensor';
import type { TensorReader } from './tensorReader';

export interface Facts {
  /** Element type as ONNX Runtime prints it ("float", "int64"); undefined when unknown. */
  elementType(value: string): string | undefined;
  rank(value: string): number | undefined;
  /** Numbers of a small constant (shapes, axes, bounds); undefined for everything else. */
  numbers(constant: string): readonly number[] | undefined;
}

/** Types of all values, bodies included, after reading the small constants that shapes are computed from. */
export async function inferTypes(model: Model, read: TensorReader): Promise<ShapeInfo> {
  const known = await smallConstants(model, read);
  return inferShapes(model, { constants: (tensor) => known.get(tensor) });
}

/** Numbers of the small constants whose bytes are not in memory. */
export async function smallConstants(
  model: Model,
  read: TensorReader,
): Promise<Map<Tensor, readonly number[]>> {
  const known = new Map<Tensor, readonly number[]>();
  for (const tensor of tensorsToRead(model)) {
    const data = await read(tensor);
    const values = smallValues({ ...tensor, storage: { kind: 'raw', bytes: { in: 'memory', data } } });
    if (values) known.set(tensor, values);
  }
  return known;
}

/** Infers types, after reading the small constants that shapes are computed from. */
export async function collectFacts(model: Model, read: TensorReader): Promise<Facts> {
  const known = await smallConstants(model, read);
  const inferred = inferShapes(model, { constants: (tensor) => known.get(tensor) });
  const inputs = new Set(model.graph.inputs.map((input) => input.name));
  const constants = new Map(
    model.graph.initializers.filter(({ name }) => !inputs.has(name)).map((each) => [each.name, each]),
  );
  const typeOf = (value: string): InferredType | undefined => inferred.types.get(value);
  return {
    elementType: (value) => {
      const dtype = typeOf(value)?.dtype;
      return dtype === 'undefined' ? undefined : dtype;
    },
    rank: (value) => typeOf(value)?.dims?.length,
    numbers: (constant) => {
      const tensor = constants.get(constant);
      return tensor && (smallValues(tensor) ?? known.get(tensor));
    },
  };
}
