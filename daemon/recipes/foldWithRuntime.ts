// The evaluator behind constant folding: writes a piece of a model into a folder of its own, runs it in a runner
// process, and gives the results as tensors. Nothing is optimised on the way, so that what is stored is what the
// operators themselves compute.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '../host/temporaryFolder';
import { SlipwayError } from '../base/errors';
import { throwIfCancelled, type Task } from '../base/task';
import { rawTensor } from '../ir/builder';
import { DataType } from '../ir/dataType';
import type { Tensor } from '../ir/tensor';
import { writeModel } from '../onnx/writeModel';
import type { Evaluator } from '../passes/simplify/foldConstants';
import { startJobRunner, type RunnerProcess } from '../runtime/runner/runnerProcess';
import type { ElementType, TensorValue } from '../runtime/runner/session';

const dataTypes: Readonly<Partial<Record<ElementType, number>>> = {
  float32: DataType.FLOAT,
  float64: DataType.DOUBLE,
  float16: DataType.FLOAT16,
  int8: DataType.INT8,
  uint8: DataType.UINT8,
  int16: DataType.INT16,
  uint16: DataType.UINT16,
  int32: DataType.INT32,
  uint32: DataType.UINT32,
  int64: DataType.INT64,
  uint64: DataType.UINT64,
  bool: DataType.BOOL,
};

/** What one evaluation may take; a piece of arithmetic on constants that takes longer is not worth folding. */
const evaluationMs = 120_000;

function tensorOf(name: string, value: TensorValue): Tensor | undefined {
  const type = dataTypes[value.type];
  if (type === undefined || value.type === 'string') return undefined;
  const { buffer, byteOffset, byteLength } = value.data;
  return rawTensor(name, type, value.dims, new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength));
}

/** Runs `work` with an evaluator; its runner process and its files are gone afterwards, whatever happens. */
export async function withEvaluator<T>(work: (evaluate: Evaluator) => Promise<T>): Promise<T> {
  let folder: string | undefined;
  let runner: RunnerProcess | undefined;
  let files = 0;
  const evaluate: Evaluator = async (subgraph, task: Task) => {
    throwIfCancelled(task);
    folder ??= await temporaryFolder('fold');
    const path = join(folder, `${(files += 1)}.onnx`);
    try {
      const written = await writeModel(
        subgraph,
        path,
        { fleeting: true },
        { ...task, report: () => undefined },
      );
      if (runner?.ended !== false) runner = startJobRunner({ timeoutMs: evaluationMs });
      const session = await runner.load(path, { graphOptimization: 'disabled' }, task);
      const outputs = await session.run({}, task);
      await session.release();
      for (const file of written.files) await rm(file, { force: true });
      const tensors = new Map<string, Tensor>();
      for (const [name, value] of Object.entries(outputs)) {
        const tensor = tensorOf(name, value);
        if (tensor) tensors.set(name, tensor);
      }
      return tensors;
    } catch (error) {
      throwIfCancelled(task);
      const refused =
        error instanceof SlipwayError &&
        ['runnerFailed', 'runnerDied', 'timeout', 'unsupported'].includes(error.kind);
      if (refused) return undefined;
      throw error;
    }
  };
  try {
    return await work(evaluate);
  } finally {
    await runner?.dispose();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }
}
