// A model for tests that need a real one of some size: a chain of MatMul and Relu with seeded weights.

import { silentTask } from '../../daemon/base/task';
import { floatTensor, graph, model, node, valueInfo } from '../../daemon/ir/builder';
import { DataType } from '../../daemon/ir/dataType';
import { writeModel } from '../../daemon/onnx/writeModel';

/** Writes `x` (batch × width) → `layers` times MatMul and Relu → `y`; returns the path. */
export async function writeDenseModel(path: string, layers = 2, width = 16): Promise<string> {
  let state = 1;
  const random = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32 - 0.5;
  const nodes = Array.from({ length: layers }, (_, i) => [
    node('MatMul', [i === 0 ? 'x' : `relu${i - 1}`, `weight${i}`], [`product${i}`], { name: `MatMul_${i}` }),
    node('Relu', [`product${i}`], [i === layers - 1 ? 'y' : `relu${i}`], { name: `Relu_${i}` }),
  ]).flat();
  const initializers = Array.from({ length: layers }, (_, i) =>
    floatTensor(`weight${i}`, [width, width], Float32Array.from({ length: width * width }, random)),
  );
  const built = model(
    graph({
      nodes,
      initializers,
      inputs: [valueInfo('x', DataType.FLOAT, ['batch', width])],
      outputs: [valueInfo('y', DataType.FLOAT, ['batch', width])],
    }),
  );
  await writeModel(built, path, {}, silentTask);
  return path;
}
