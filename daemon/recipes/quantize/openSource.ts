// From the path of a model to what quantizing starts with: read, found sound, simplified and prepared, with its
// calibration data opened. What is refused is told here.

import type { Diagnostic } from '../../base/diagnostic';
import { badRequest, SlipwayError } from '../../base/errors';
import type { Task } from '../../base/task';
import { loadDataset, type Dataset } from '../../evaluate/dataset';
import { refuseNaN } from '../../evaluate/refuseNaN';
import type { Model } from '../../ir/model';
import { readTensorBytes } from '../../onnx/tensorData';
import { runPasses, type Pass } from '../../passes/pass';
import { dynamicOpset } from '../../passes/quantize/dynamic';
import { earlyRefusal, refusal } from '../../passes/quantize/outcome';
import { preparePasses } from '../../passes/quantize/prepare';
import { channelMultiple } from '../../passes/quantize/scheme';
import { staticOpset } from '../../passes/quantize/static';
import { simplifyPasses } from '../../passes/simplify/simplify';
import type { TensorReader } from '../../passes/tensorReader';
import { dimsText } from '../../runtime/runner/feedCheck';
import { freeSoon } from '../../runtime/runner/freeSoon';
import { instructionSetsHere } from '../../runtime/machine';
import { modelInputs } from '../../runtime/modelInputs';
import type { Runner, SessionValue } from '../../runtime/runner/session';
import { readSound } from '../modelFiles';
import type { QuantizeOptions } from './quantizeOptions';
import { resolveScheme } from './resolveScheme';

const words = { static: 'Static int8', dynamic: 'Dynamic int8' } as const;
const layers = { static: ['Conv', 'Gemm', 'MatMul'], dynamic: ['Gemm', 'MatMul'] } as const;
const minimumOpset = { static: staticOpset, dynamic: dynamicOpset } as const;

/** Calibration data beyond this is read as it is needed: memory must not grow with the samples. */
const heldBytes = 32 * 2 ** 20;

/** A float model that was found sound and simplified, with its data. */
export interface Source {
  readonly path: string;
  readonly runner: Runner;
  /** As it was read. */
  readonly model: Model;
  readonly simplified: Model;
  readonly read: TensorReader;
  readonly bytes: number;
  readonly inputs: readonly SessionValue[];
  readonly dataset?: Dataset | undefined;
  readonly notes: Diagnostic[];
}

/** Reads and checks the model and its calibration data; throws as `quantize` does. */
export async function openSource(
  runner: Runner,
  path: string,
  options: QuantizeOptions,
  task: Task,
): Promise<Source> {
  task.report({ stage: 'Reading' });
  const { model, diagnostics, fileBytes, externalBytes } = await readSound(path, 'quantized', task);
  const { method } = options;
  const hopeless = earlyRefusal(model, `${method} int8`, layers[method]);
  if (hopeless !== undefined) throw new SlipwayError('unsupported', hopeless);
  const inputs = modelInputs(model.graph) ?? (await inputsOfSession(runner, path, task));
  const dataset = await openData(options, inputs, task);
  task.report({ stage: 'Simplifying' });
  const read: TensorReader = async (tensor) => {
    const weight = await readTensorBytes(tensor, undefined, task);
    freeSoon(weight.byteLength);
    return weight;
  };
  const upgrade = { minimum: minimumOpset[method], purpose: words[method] };
  const passes = [...simplifyPasses(read, upgrade), ...(await preparation(read, options))];
  const simplified = await runPasses(model, passes, task);
  // Only now are functions and conditions inlined that may hold the layers.
  const refused = refusal(simplified.model, `${method} int8`, layers[method]);
  if (refused !== undefined) throw new SlipwayError('unsupported', refused);
  const notes = [...diagnostics, ...simplified.notes];
  const bytes = fileBytes + externalBytes;
  return { path, runner, model, simplified: simplified.model, read, bytes, inputs, dataset, notes };
}

async function preparation(read: TensorReader, options: QuantizeOptions): Promise<Pass[]> {
  if (options.method !== 'static') return [];
  const { scheme, target } = resolveScheme(options, await instructionSetsHere());
  return preparePasses(read, channelMultiple(target, scheme));
}

/** Asks ONNX Runtime, which has a sentence for inputs that cannot be fed. */
async function inputsOfSession(runner: Runner, path: string, task: Task): Promise<readonly SessionValue[]> {
  const session = await runner.load(path, {}, task);
  await session.release();
  return session.inputs;
}

async function openData(
  { method, calibration, calibrationSamples }: QuantizeOptions,
  inputs: readonly SessionValue[],
  task: Task,
): Promise<Dataset | undefined> {
  if (calibration !== undefined) {
    const dataset = await loadDataset(
      calibration,
      inputs,
      { maxSamples: calibrationSamples, heldBytes },
      task,
    );
    // Calibrating sees it by itself, and need not read everything twice.
    if (method === 'dynamic') await refuseNaN(dataset, task);
    return dataset;
  }
  if (method === 'dynamic') return undefined;
  const arrays = inputs.map(({ name, type, dims }) => {
    const perSample = dims.length > 0 ? ['samples', ...dims.slice(1)] : dims;
    return `"${name}" (${type}, ${dimsText(perSample)})`;
  });
  throw badRequest(
    `Static int8 needs calibration data: an .npz file with the ${arrays.length === 1 ? 'array' : 'arrays'} ${arrays.join(', ')}. ` +
      'A hundred real samples are enough. Or choose the method dynamic, which needs none.',
  );
}
