// What shape inference is held to: models without what they state of their results, and the outputs that are stored
// beside the conformance models. Shared by the tests and by the benchmark that asks a peer the same.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createContext, runInContext } from 'node:vm';
import type { Dim, InferOptions, InferredType } from '../../daemon/analysis/shapes';
import { tensorsToRead } from '../../daemon/analysis/smallTensors';
import { dataTypeName } from '../../daemon/ir/dataType';
import type { Model, ValueInfo } from '../../daemon/ir/model';
import type { Tensor } from '../../daemon/ir/tensor';
import { decodeTensor } from '../../daemon/onnx/readModel';
import { readTensorValues } from '../../daemon/onnx/tensorData';
import type { ConformanceCase } from './conformance';

/**
 * With the inputs' values unknown, as in a model on disk; with the stored inputs as constants, so that the rules that
 * compute with shapes speak too; with every input dimension a symbol.
 */
export type Mode = 'inputs unknown' | 'inputs as constants' | 'dimensions free';

export const isTensor = (info: ValueInfo | undefined): boolean => info?.type?.kind === 'tensor';

/** Every known dimension of an input becomes a symbol that tells its size: 3 → n3. */
const freed = (info: ValueInfo): ValueInfo =>
  info.type?.kind === 'tensor' && info.type.shape
    ? {
        ...info,
        type: {
          ...info.type,
          shape: info.type.shape.map(({ value }) => (value === undefined ? {} : { param: `n${value}` })),
        },
      }
    : info;

const arithmetic = createContext({
  floor: Math.floor.bind(Math),
  ceil: Math.ceil.bind(Math),
  max: Math.max.bind(Math),
  min: Math.min.bind(Math),
});

/** What an expression over the symbols of freed inputs comes to. */
export function evaluated(dim: Dim): Dim {
  if (typeof dim !== 'string') return dim;
  const text = dim.replaceAll(/\bn(\d+)/g, '$1');
  if (/^\d+$/.test(text)) return Number(text);
  // Names of the model's own that its author gave stay as they are.
  if (/[a-z_]/i.test(text.replaceAll(/\b(floor|ceil|max|min)\b/g, ''))) return dim;
  return runInContext(text, arithmetic) as number;
}

/** The model without what it states of its results, so that only the rules speak; the inputs may become constants. */
export function bare(model: Model, mode: Mode, inputs: readonly (Tensor | undefined)[]): Model {
  const given = inputs.flatMap((tensor, at) => {
    const name = model.graph.inputs[at]?.name;
    return tensor && name !== undefined && isTensor(model.graph.inputs[at]) ? [{ ...tensor, name }] : [];
  });
  return {
    ...model,
    graph: {
      ...model.graph,
      valueInfo: [],
      inputs: mode === 'dimensions free' ? model.graph.inputs.map(freed) : model.graph.inputs,
      initializers: [...model.graph.initializers, ...given],
      outputs: model.graph.outputs.map(({ name }) => ({ name, docString: '', metadataProps: [] })),
    },
  };
}

/** Tensors that are stored beside a case, by position; undefined where there is none, or no tensor. */
export async function stored(
  each: ConformanceCase,
  kind: 'input' | 'output',
  count: number,
): Promise<(Tensor | undefined)[]> {
  const files = Array.from({ length: count }, (_, at) => join(each.data[0] ?? '', `${kind}_${at}.pb`));
  return Promise.all(
    (kind === 'output' && each.outputs.length > 0 ? each.outputs : files).map(async (file) => {
      if (!existsSync(file)) return undefined;
      const { tensor, diagnostics } = await decodeTensor(Uint8Array.from(readFileSync(file)));
      // Sequences and optionals are stored in other messages.
      return diagnostics.length > 0 || tensor.dataType === 0 ? undefined : tensor;
    }),
  );
}

/** Why what was inferred cannot be so, given the stored tensor; undefined when it can. */
export function wrongBecause(inferred: InferredType, expected: Tensor): string | undefined {
  const dtype = dataTypeName(expected.dataType);
  if (!['undefined', dtype].includes(inferred.dtype)) return `type ${inferred.dtype}, stored ${dtype}`;
  if (!inferred.dims) return undefined;
  const fits =
    inferred.dims.length === expected.dims.length &&
    inferred.dims.every((dim, axis) => typeof dim !== 'number' || dim === expected.dims[axis]);
  return fits ? undefined : `shape [${inferred.dims.join(', ')}], stored [${expected.dims.join(', ')}]`;
}

/** The numbers of small tensors that lie in the file, as the daemon reads them. */
export async function constantsOf(model: Model): Promise<InferOptions> {
  const constants = new Map<Tensor, number[]>();
  for (const tensor of tensorsToRead(model)) {
    constants.set(tensor, Array.from((await readTensorValues(tensor)) as ArrayLike<number>, Number));
  }
  return { constants: (tensor) => constants.get(tensor) };
}
