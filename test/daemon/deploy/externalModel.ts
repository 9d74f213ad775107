// A model with external data, for deploying.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { silentTask } from '../../../daemon/base/task';
import { floatTensor, graph, model, node, valueInfo } from '../../../daemon/ir/builder';
import { DataType } from '../../../daemon/ir/dataType';
import { writeModel } from '../../../daemon/onnx/writeModel';

/** Writes a model (`x` + 0…1023 = `y`, FP32 [n,1024]) whose weights lie in a file beside it; returns its path. */
export async function externalModel(inside: string): Promise<string> {
  mkdirSync(inside, { recursive: true });
  const built = model(
    graph({
      nodes: [node('Add', ['x', 'w'], ['y'])],
      inputs: [valueInfo('x', DataType.FLOAT, ['n', 1024])],
      outputs: [valueInfo('y', DataType.FLOAT, ['n', 1024])],
      initializers: [
        floatTensor(
          'w',
          [1024],
          Float32Array.from({ length: 1024 }, (_, i) => i),
        ),
      ],
    }),
  );
  const path = join(inside, 'external.onnx');
  await writeModel(built, path, { external: 'separate', overwrite: true }, silentTask);
  return path;
}
