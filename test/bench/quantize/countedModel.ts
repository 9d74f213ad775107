// The float model as calibration by counting runs it: simplified, with every value whose spread is counted as an output.

import { silentTask } from '../../../daemon/base/task';
import { valueInfo } from '../../../daemon/ir/builder';
import { DataType } from '../../../daemon/ir/dataType';
import { inferShapes } from '../../../daemon/analysis/shapes';
import { readTensorBytes } from '../../../daemon/onnx/tensorData';
import { writeModel } from '../../../daemon/onnx/writeModel';
import { runPasses } from '../../../daemon/passes/pass';
import { preparePasses } from '../../../daemon/passes/quantize/prepare';
import { channelMultiple } from '../../../daemon/passes/quantize/scheme';
import { staticOpset, valuesToCalibrate } from '../../../daemon/passes/quantize/static';
import { simplifyPasses } from '../../../daemon/passes/simplify/simplify';
import type { TensorReader } from '../../../daemon/passes/tensorReader';
import { readSound } from '../../../daemon/recipes/modelFiles';
import { resolveScheme } from '../../../daemon/recipes/quantize/resolveScheme';
import { instructionSetsHere } from '../../../daemon/runtime/machine';

/** What calibration lets one run give out, for at most so many samples at once. */
const budgets = [
  [8, 16 * 2 ** 20],
  [16, 4 * 2 ** 20],
] as const;

/** Writes it to `out` and returns how many samples calibration runs at once. */
export async function writeCountedModel(path: string, out: string): Promise<number> {
  const { model } = await readSound(path, 'quantized', silentTask);
  const read: TensorReader = (tensor) => readTensorBytes(tensor, undefined, silentTask);
  const { scheme, target } = resolveScheme({}, await instructionSetsHere());
  const passes = [
    ...simplifyPasses(read, { minimum: staticOpset, purpose: 'A benchmark' }),
    ...preparePasses(read, channelMultiple(target, scheme)),
  ];
  const simplified = (await runPasses(model, passes, silentTask)).model;
  const values = await valuesToCalibrate(simplified, read, scheme);
  const { types } = inferShapes(simplified, { bind: { batch: 1 } });
  const bytes = values.reduce(
    (all, name) =>
      all + 4 * (types.get(name)?.dims ?? []).reduce<number>((product, dim) => product * Number(dim), 1),
    0,
  );
  const outputs = values.map((name) => valueInfo(name, DataType.FLOAT));
  await writeModel(
    { ...simplified, graph: { ...simplified.graph, outputs } },
    out,
    { overwrite: true },
    silentTask,
  );
  return Math.max(
    ...budgets.map(([most, budget]) =>
      Math.min(most, 2 ** Math.floor(Math.log2(Math.max(1, budget / bytes)))),
    ),
  );
}
