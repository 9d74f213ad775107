// Models of a few nodes, built in memory and written to disk, for tests that run them.

import { join } from 'node:path';
import { silentTask } from '../../daemon/base/task';
import { attribute, graph, int64Tensor, model, node, rawTensor, valueInfo } from '../../daemon/ir/builder';
import { DataType } from '../../daemon/ir/dataType';
import type { Model, Node } from '../../daemon/ir/model';
import { writeModel } from '../../daemon/onnx/writeModel';

/** Writes a model into a folder and returns its path. */
export async function writeSmall(folder: string, name: string, made: Model): Promise<string> {
  const path = join(folder, name);
  await writeModel(made, path, { overwrite: true }, silentTask);
  return path;
}

/** y = x · x over float tensors (batch, 4). */
export const squareModel = (): Model =>
  model(
    graph({
      nodes: [node('Mul', ['x', 'x'], ['y'], { name: 'square' })],
      inputs: [valueInfo('x', DataType.FLOAT, ['batch', 4])],
      outputs: [valueInfo('y', DataType.FLOAT, ['batch', 4])],
    }),
  );

/** Takes one value of any element type and gives it back. */
export const identityModel = (type: DataType): Model =>
  model(
    graph({
      nodes: [node('Identity', ['x'], ['y'])],
      inputs: [valueInfo('x', type, ['n'])],
      outputs: [valueInfo('y', type, ['n'])],
    }),
  );

/** A single node of another domain. */
export const unknownOperatorModel = (): Model => {
  const made = model(
    graph({
      nodes: [node('Norm', ['x'], ['y'], { name: 'norm', domain: 'com.acme' })],
      inputs: [valueInfo('x', DataType.FLOAT, [4])],
      outputs: [valueInfo('y', DataType.FLOAT, [4])],
    }),
  );
  return { ...made, opsetImports: [...made.opsetImports, { domain: 'com.acme', version: 1 }] };
};

/** One run counts to 2^60: it never ends. */
export function endlessModel(): Model {
  const body = graph({
    name: 'body',
    nodes: [
      node('Identity', ['going'], ['still']),
      node('Add', ['carried', 'carried'], ['next'], { name: 'add' }),
    ],
    inputs: [
      valueInfo('i', DataType.INT64, []),
      valueInfo('going', DataType.BOOL, []),
      valueInfo('carried', DataType.FLOAT, [4]),
    ],
    outputs: [valueInfo('still', DataType.BOOL, []), valueInfo('next', DataType.FLOAT, [4])],
  });
  const loop: Node = {
    ...node('Loop', ['times', 'yes', 'x'], ['y'], { name: 'loop' }),
    attributes: [attribute('body', body)],
  };
  return model(
    graph({
      nodes: [loop],
      inputs: [valueInfo('x', DataType.FLOAT, [4])],
      outputs: [valueInfo('y', DataType.FLOAT, [4])],
      initializers: [
        int64Tensor('times', [], [2n ** 60n]),
        rawTensor('yes', DataType.BOOL, [], Uint8Array.of(1)),
      ],
    }),
  );
}
