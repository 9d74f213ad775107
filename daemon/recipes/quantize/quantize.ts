// Makes an int8 version of a model file: read, simplify, calibrate, quantize, write, and then check what was
// made: which nodes run in integers, and how far the outputs moved. How each of these is done is decided
// elsewhere (passes/, runtime/, evaluate/, and the files beside this one); the model itself is never written over.

import { resolve } from 'node:path';
import type { Diagnostic } from '../../base/diagnostic';
import { badRequest, SlipwayError } from '../../base/errors';
import { throwIfCancelled, type Task } from '../../base/task';
import { loadDataset, type Dataset } from '../../evaluate/dataset';
import type { Model } from '../../ir/model';
import { readTensorBytes } from '../../onnx/tensorData';
import { writeModel } from '../../onnx/writeModel';
import { runPass, runPasses, type Pass } from '../../passes/pass';
import { dynamicOpset, quantizeDynamic } from '../../passes/quantize/dynamic';
import { earlyRefusal, refusal, type QuantizeOutcome } from '../../passes/quantize/outcome';
import { preparePasses } from '../../passes/quantize/prepare';
import {
  channelMultiple,
  hasDirectKernels,
  isSignedTarget,
  schemeText,
  targetOf,
  weightRange,
} from '../../passes/quantize/scheme';
import { selectNodes } from '../../passes/quantize/selection';
import { staticOpset } from '../../passes/quantize/static';
import { simplifyPasses } from '../../passes/simplify/simplify';
import type { TensorReader } from '../../passes/tensorReader';
import { dimsText } from '../../runtime/runner/feedCheck';
import { freeSoon } from '../../runtime/runner/freeSoon';
import { instructionSetsHere } from '../../runtime/machine';
import { modelInputs } from '../../runtime/modelInputs';
import { withRunner } from '../../runtime/runner/runnerProcess';
import type { Runner, SessionValue } from '../../runtime/runner/session';
import { accuracyLoop } from './accuracyLoop';
import { digestOf } from './calibrationCache';
import { checkOutput, readSound } from '../modelFiles';
import { correctBiasesInTurn } from './iterativeBias';
import { noOverrides, readOverrides } from './overrides';
import { withIntegerOperators } from './integerOperators';
import { checkQuantized, comparedSamples, emulate } from './quantizeCheck';
import type { AccuracyResult, Quantized, QuantizeOptions } from './quantizeOptions';
import { quantizedSpeed, type SpeedInput } from './quantizedSpeed';
import { recover } from './recover';
import type { RecoverMethod } from './recoverMethods';
import { hasGates, revertSlow } from './revertSlow';
import { resolveScheme } from './resolveScheme';
import { StaticWork } from './staticWork';

export type { Quantized, QuantizeOptions } from './quantizeOptions';

const words = { static: 'Static int8', dynamic: 'Dynamic int8' } as const;
const layers = { static: ['Conv', 'Gemm', 'MatMul'], dynamic: ['Gemm', 'MatMul'] } as const;
const minimumOpset = { static: staticOpset, dynamic: dynamicOpset } as const;

/** Calibration data beyond this is read as it is needed: memory must not grow with the samples. */
const heldBytes = 32 * 2 ** 20;

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

/**
 * What is run is never the user's file but something made of it. When ONNX Runtime refuses that, it is asked of the
 * file itself, so that the sentence names what the user knows.
 */
async function explained<T>(runner: Runner, path: string, task: Task, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throwIfCancelled(task);
    if (error instanceof SlipwayError && error.kind === 'runnerFailed')
      await (await runner.load(path, {}, task)).release();
    throw error;
  }
}

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
  const outcome = await work.outcome(calibrator, [], task);
  if (!(options.tune ?? hasGates(source.simplified))) return { outcome, work };
  const tuned = await revertSlow(work, calibrator, outcome, options.tune === true, task);
  for (const message of tuned.said) work.notes.push({ id: 'quantize/slow', severity: 'info', message });
  return { outcome: tuned.outcome, work };
}

/** What static quantization of this source starts from; throws `badRequest` for options that fit nothing. */
export async function staticWork(
  source: Source,
  options: QuantizeOptions,
  keepOutputs = comparedSamples,
): Promise<StaticWork> {
  const { path, runner } = source;
  const { scheme, target, notes } = resolveScheme(options, await instructionSetsHere());
  const { calibration, calibrationCache } = options;
  const work = new StaticWork(source.simplified, source.read, source.dataset!, {
    scheme,
    runner,
    settings: {
      calibrator: options.calibrator ?? 'minmax',
      percentile: options.percentile,
      momentum: options.momentum,
    },
    keepOutputs,
    blockColumns: hasDirectKernels(target, scheme),
    exclude: excluded(source.simplified, options),
    overrides: options.overrides === undefined ? noOverrides : await readOverrides(options.overrides),
    ...(calibrationCache === undefined || calibration === undefined
      ? {}
      : { cache: { path: calibrationCache, files: [path, calibration] } }),
  });
  work.notes.push(...notes);
  return work;
}

/** The same after the accuracy recovery that was asked for, which changes the model that ranges are measured on. */
async function recoveredWork(source: Source, options: QuantizeOptions, task: Task): Promise<StaticWork> {
  const work = await staticWork(source, options);
  return options.recover?.length ? recoverWork(source, work, options.recover, options, task) : work;
}

async function recoverWork(
  source: Source,
  work: StaticWork,
  methods: readonly RecoverMethod[],
  options: QuantizeOptions,
  task: Task,
): Promise<StaticWork> {
  const { scheme, exclude } = work.options;
  // A cache of ranges belongs to the model as it was.
  const fresh = { ...options, calibrationCache: undefined };
  const settings = {
    methods,
    integers: weightRange(scheme),
    perTensor: !scheme.perChannel,
    exclude,
    runner: source.runner,
  };
  const recovered = await recover(source.simplified, source.read, source.dataset!, settings, task);
  // Its outputs are no longer the original's.
  const result = await staticWork({ ...source, simplified: recovered.model }, fresh, 0);
  result.notes.push(...recovered.notes);
  if (!methods.includes('bias-iterative')) return result;
  const corrected = await correctBiasesInTurn(result, options.calibrator ?? 'minmax', task);
  const last = await staticWork({ ...source, simplified: corrected.model }, fresh, 0);
  const message = `The biases of ${corrected.layers.size} layers were corrected, one after another, for what the quantized layers lose on average.`;
  last.notes.push(...recovered.notes, { id: 'quantize/recover', severity: 'info', message });
  return last;
}

/** What the search for accuracy tries of itself: what suits convolutions, or the products of transformers. */
const suitable = (model: Model): RecoverMethod[] =>
  model.graph.nodes.some(({ opType }) => opType === 'Conv')
    ? ['cle', 'adaround', 'bias']
    : ['smooth', 'adaround', 'bias'];

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

function excluded(model: Model, options: QuantizeOptions): ReadonlySet<string> {
  const { exclude, unmatched } = selectNodes(model.graph, options);
  if (unmatched.length === 0) return exclude;
  const quoted = unmatched.map((word) => `"${word}"`).join(', ');
  throw badRequest(
    `No node of the model fits ${quoted}. Name nodes or outputs as they are listed by inspect, with * for any text; operators by their type (Conv, MatMul).`,
  );
}

function checkAccuracy(options: QuantizeOptions): void {
  const { maxDrop, validation, method } = options;
  if (maxDrop === undefined) return;
  if (validation === undefined)
    throw badRequest('A largest drop needs labelled data to measure it on. Name the validation data.');
  if (method !== 'static')
    throw badRequest('The search for accuracy works on static int8. Choose the method static.');
  if (!(maxDrop >= 0 && maxDrop < 1))
    throw badRequest(`The largest drop is a share of 1 (0.003 is 0.3 points); ${maxDrop} was given.`);
}

async function openData(
  { method, calibration, calibrationSamples }: QuantizeOptions,
  inputs: readonly SessionValue[],
  task: Task,
): Promise<Dataset | undefined> {
  if (calibration !== undefined)
    return loadDataset(calibration, inputs, { maxSamples: calibrationSamples, heldBytes }, task);
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
