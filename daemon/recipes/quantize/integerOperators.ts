// A model of quantize steps as the integer operators (QLinearConv, QGemm, …) that they stand for: ONNX Runtime
// does its own fusing once and for all. The result needs its com.microsoft operators.

import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { temporaryFolder } from '../../host/temporaryFolder';
import { SlipwayError } from '../../base/errors';
import type { Task } from '../../base/task';
import type { Model } from '../../ir/model';
import { readModel } from '../../onnx/readModel';
import type { Runner } from '../../runtime/runner/session';
import { writeWorkingCopy } from '../../runtime/runner/workingCopy';

/**
 * Keeps int8 activations as they are, which ONNX Runtime does by itself on ARM alone: on x64 it turns some of them into
 * uint8 and leaves others, so that little fuses.
 */
export const signedAsOnArm = { 'session.qdqisint8allowed': '1' } as const;

/** Writes a model into a temporary folder for as long as `use` runs. */
export async function withModelFile<T>(
  model: Model,
  use: (path: string) => Promise<T>,
  task: Task,
): Promise<T> {
  const folder = await temporaryFolder('steps');
  try {
    const path = join(folder, 'steps.onnx');
    await writeWorkingCopy(model, path, task);
    return await use(path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Hands the fused model to `use`; its weights lie in a temporary folder that is gone afterwards. */
export const withIntegerOperators = <T>(
  model: Model,
  use: (fused: Model) => Promise<T>,
  runner: Runner,
  task: Task,
): Promise<T> =>
  withModelFile(
    model,
    async (path) => {
      const optimizedModelPath = join(dirname(path), 'fused.onnx');
      // "extended" makes no memory layouts of this machine.
      const options = { graphOptimization: 'extended', optimizedModelPath, config: signedAsOnArm } as const;
      const session = await runner.load(path, options, task);
      await session.release();
      const { model: fused, diagnostics } = await readModel(optimizedModelPath, task);
      if (!fused)
        throw new SlipwayError(
          'runnerFailed',
          `ONNX Runtime wrote no fused model: ${diagnostics[0]?.message ?? 'it is empty.'}`,
        );
      fused.producerName = model.producerName;
      fused.metadataProps = model.metadataProps;
      return use(fused);
    },
    task,
  );
