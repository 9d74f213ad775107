// Makes an int8 version of a model file: read, simplify, calibrate, quantize, write, and then check what was
// made: which nodes run in integers, and how far the outputs moved. How each of these is done is decided
// elsewhere (passes/, runtime/, evaluate/, and the files beside this one); the model itself is never written over.

import { resolve } from 'node:path';
import type { Diagnostic } from '../../base/diagnostic';
import { badRequest } from '../../base/errors';
import type { Task } from '../../base/task';
import { loadDataset } from '../../evaluate/dataset';
import type { Model } from '../../ir/model';
import { writeModel } from '../../onnx/writeModel';
import { runPass } from '../../passes/pass';
import { quantizeDynamic } from '../../passes/quantize/dynamic';
import type { QuantizeOutcome } from '../../passes/quantize/outcome';
import { isSignedTarget, schemeText, targetOf } from '../../passes/quantize/scheme';
import { instructionSetsHere } from '../../runtime/machine';
import { withRunner } from '../../runtime/runner/runnerProcess';
import type { Runner } from '../../runtime/runner/session';
import { accuracyLoop } from './accuracyLoop';
import { digestOf } from './calibrationCache';
import { checkOutput } from '../modelFiles';
import { explained } from './explained';
import { withIntegerOperators } from './integerOperators';
import { checkQuantized, emulate } from './quantizeCheck';
import type { AccuracyResult, Quantized, QuantizeOptions } from './quantizeOptions';
import { quantizedSpeed, type SpeedInput } from './quantizedSpeed';
import { notSmaller } from './notSmaller';
import { hasGates, revertSlow } from './revertSlow';
import type { StaticWork } from './staticWork';
import { openSource, type Source } from './openSource';
import { recoveredWork, recoverWork, suitable } from './recoveredWork';
import { excluded } from './staticSource';

export type { Quantized, QuantizeOptions } from './quantizeOptions';

/** What was made of the model before it is written. */
interface Made {
  readonly outcome: QuantizeOutcome;
  readonly work?: StaticWork;
  readonly accuracy?: AccuracyResult;
}

/**
 * Quantizes the model at `path` and writes `options.output`. Throws `invalidModel` with the diagnostics of a
 * broken model, `unsupported` when it cannot be quantized this way, `badRequest` when calibration data is
 * missing or does not fit, `conflict` when the output exists, `runnerFailed` when ONNX Runtime refuses the model.
 */
export async function quantize(path: string, options: QuantizeOptions, task: Task): Promise<Quantized> {
  const output = resolve(options.output);
  checkOutput(path, output, options);
  checkAccuracy(options);
  // One process serves all steps; it starts while the model is read.
  const frugal = options.tune !== true;
  return withRunner(task, (runner) => quantizeWith(runner, path, output, options, task), { frugal });
}

async function quantizeWith(
  runner: Runner,
  path: string,
  output: string,
  options: QuantizeOptions,
  task: Task,
): Promise<Quantized> {
  const source = await openSource(runner, path, options, task);
  const { model, inputs, dataset, notes } = source;
  const fused = options.format === 'qoperator';
  const write = async (outcome: QuantizeOutcome, overwrite: boolean) => {
    task.report({ stage: 'Writing' });
    const put = (made: Model) => writeModel(made, output, { overwrite }, task);
    return fused ? withIntegerOperators(outcome.model, put, runner, task) : put(outcome.model);
  };
  const { outcome, work, accuracy, written, checked } = await explained(runner, path, task, async () => {
    const made = await make(source, options, write, task);
    const written = await write(made.outcome, options.overwrite === true || made.accuracy !== undefined);
    const { files } = written;
    const { method } = options;
    const { outcome } = made;
    const reference = { kept: made.work?.kept, untouched: source.simplified === model };
    const forArm = options.target !== undefined && isSignedTarget(options.target);
    const check = {
      path,
      original: model,
      outcome,
      files,
      method,
      inputs,
      dataset,
      fused,
      forArm,
      ...reference,
    };
    return { ...made, written, checked: await checkQuantized(check, notes, runner, task) };
  });
  const bytes = { before: source.bytes, after: written.fileBytes };
  const { fusion } = checked;
  const scheme = work?.options.scheme;
  const compared = { path, output, original: model, bytes, fusion, scheme, inputs, dataset };
  const speed = await speedOf({ ...compared, always: options.tune === true }, options, runner, task);
  const emulated = work && dataset && options.emulate !== undefined;
  const emulation = emulated ? await emulate(path, outcome.model, work.read, dataset, runner, task) : null;
  return {
    output,
    before: { fileBytes: bytes.before },
    after: { fileBytes: bytes.after },
    quantizedNodes: outcome.quantizedNodes.length,
    ...checked,
    scheme: scheme ? schemeText(scheme) : null,
    accuracy: accuracy ?? null,
    emulation,
    speed: speed.speed,
    diagnostics: [
      ...speed.notes,
      ...notes,
      ...(dataset?.notes ?? []).map((message): Diagnostic => ({
        id: 'data/note',
        severity: 'info',
        message,
      })),
      ...(work?.notes ?? []),
      ...(outcome.notes ?? []),
      ...notSmaller(outcome.model, bytes),
    ],
  };
}

/** How fast the result is; unknown where nothing shall be measured, somebody else does, or it is for another processor. */
async function speedOf(input: SpeedInput, options: QuantizeOptions, runner: Runner, task: Task) {
  const { target, withoutSpeed } = options;
  const elsewhere = target !== undefined && target !== targetOf(await instructionSetsHere());
  if (elsewhere || withoutSpeed === true || options.tune === false) return { speed: null, notes: [] };
  return quantizedSpeed(input, runner, task);
}

async function make(
  source: Source,
  options: QuantizeOptions,
  write: (outcome: QuantizeOutcome, overwrite: boolean) => Promise<unknown>,
  task: Task,
): Promise<Made> {
  if (options.method === 'dynamic' || !source.dataset) {
    const exclude = excluded(source.simplified, options);
    return { outcome: await runPass(source.simplified, quantizeDynamic(source.read, { exclude }), task) };
  }
  const work = await recoveredWork(source, options, task);
  const calibrator = options.calibrator ?? 'minmax';
  if (options.maxDrop !== undefined) return searched(source, work, options, write, task);
  const outcome = await work.outcome(calibrator, undefined, task);
  if (!(options.tune ?? hasGates(source.simplified))) return { outcome, work };
  const tuned = await revertSlow(work, calibrator, outcome, options.tune === true, task);
  for (const message of tuned.said) work.notes.push({ id: 'quantize/slow', severity: 'info', message });
  return { outcome: tuned.outcome, work };
}

async function searched(
  source: Source,
  work: StaticWork,
  options: QuantizeOptions,
  write: (outcome: QuantizeOutcome, overwrite: boolean) => Promise<unknown>,
  task: Task,
): Promise<Made> {
  const { path } = source;
  const { maxDrop = 0, validation = '', state, calibration = '' } = options;
  const limit = { maxSamples: options.validationSamples };
  const labelled = await loadDataset(validation, source.inputs, limit, task);
  const files = [path, calibration, validation];
  const { scheme, settings, exclude } = work.options;
  const asked = { scheme, settings, exclude: [...exclude], limit, recover: options.recover };
  let outcome: QuantizeOutcome | undefined;
  let repaired: StaticWork | undefined;
  const repair = async (own: Task) =>
    (repaired = await recoverWork(source, work, suitable(source.simplified), options, own));
  const accuracy = await accuracyLoop(
    work,
    {
      path,
      validation: labelled,
      maxDrop,
      calibrator: options.calibrator ?? 'minmax',
      maxSeconds: options.maxSeconds,
      maxEvaluations: options.maxEvaluations,
      ...(state === undefined ? {} : { state: { path: state, key: await digestOf(files, asked, task) } }),
      ...(options.recover === undefined ? { recovered: repair } : {}),
      save: async (best) => {
        await write(best, outcome !== undefined || options.overwrite === true);
        outcome = best;
      },
    },
    task,
  );
  return { outcome: outcome!, work: accuracy.recovered && repaired ? repaired : work, accuracy };
}

function checkAccuracy(options: QuantizeOptions): void {
  const { maxDrop, validation, method } = options;
  if (options.smoothAlpha?.length && options.recover?.includes('smooth') !== true)
    throw badRequest('An α is for SmoothQuant: recover accuracy by "smooth" too, or leave it out.');
  if (maxDrop === undefined) return;
  if (validation === undefined)
    throw badRequest('A largest drop needs labelled data to measure it on. Name the validation data.');
  if (method !== 'static')
    throw badRequest('The search for accuracy works on static int8. Choose the method static.');
  if (!(maxDrop >= 0 && maxDrop < 1))
    throw badRequest(`The largest drop is a share of 1 (0.003 is 0.3 points); ${maxDrop} was given.`);
}
