// Makes a model file whose weights are blocks of 2, 4 or 8 bits: read, measure the inputs of layers where there is
// data, quantize a layer at a time, write, and then measure what was made. Weights of a model that does not fit into
// memory go through a scratch file; such a model is not run.

import { unlink } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Diagnostic } from '../../base/diagnostic';
import { badRequest, SlipwayError } from '../../base/errors';
import type { Task } from '../../base/task';
import { loadDataset, type Dataset } from '../../evaluate/dataset';
import { workThreads } from '../../evaluate/evaluate';
import type { OutputError } from '../../evaluate/outputError';
import { suitableBatch } from '../../evaluate/predict';
import { refuseNaN } from '../../evaluate/refuseNaN';
import { ScratchFile } from '../../host/scratchFile';
import type { Model } from '../../ir/model';
import { readTensorBytes } from '../../onnx/tensorData';
import { writeModel } from '../../onnx/writeModel';
import { runPass, runPasses, type Pass } from '../../passes/pass';
import { nameOf, refusal } from '../../passes/quantize/outcome';
import { selectNodes } from '../../passes/quantize/selection';
import { constantTensors, isOp } from '../../passes/rewrite';
import { constantsToInitializers } from '../../passes/simplify/constantsToInitializers';
import { inlineFunctions } from '../../passes/simplify/inlineFunctions';
import { raiseOpset } from '../../passes/simplify/raiseOpset';
import { upgradeOpset } from '../../passes/simplify/upgradeOpset';
import type { TensorReader } from '../../passes/tensorReader';
import { blockedOpset } from '../../passes/weightOnly/emitProducts';
import type { RangeReader } from '../../passes/weightOnly/matrix';
import type { WeightAlgorithm } from '../../passes/weightOnly/quantizeMatrix';
import {
  quantizeWeightOnly,
  type QuantizedLayer,
  type WeightOnlyOptions,
  type WeightOnlyOutcome,
} from '../../passes/weightOnly/weightOnly';
import type { FusionReport } from '../../runtime/fusion/fusionReport';
import { collectGrams } from '../../runtime/calibrate/gram';
import { generateInputs } from '../../runtime/generateInputs';
import type { Feeds, SessionValue } from '../../runtime/runner/session';
import { compareLevels, withLevel, type TriedLevel } from './accuracyLevel';
import { inputsToRun } from '../inputsToRun';
import { checkOutput, readSound } from '../modelFiles';
import {
  candidateNote,
  candidatesOf,
  nearestCandidate,
  type Candidate,
  type TriedCandidate,
} from './weightCandidates';

export interface WeightOnlyRequest {
  /** Path to write. */
  readonly output: string;
  /** 4 when absent. */
  readonly bits?: 2 | 4 | 8 | undefined;
  /** Weights that share a scale: a power of two, 16 to 256; 32 when absent. */
  readonly blockSize?: number | undefined;
  /** Zero points fixed in the middle; true when absent, except for `hqq` and `k-quant`, which need free ones. */
  readonly symmetric?: boolean | undefined;
  /** `gptq` when there is calibration data, else `rtn`. */
  readonly algorithm?: WeightAlgorithm | undefined;
  readonly actOrder?: boolean | undefined;
  /** How often `gptq` goes through the model; 1 when absent. The nearest version is written. */
  readonly passes?: number | undefined;
  /** `nbits` when absent. */
  readonly form?: 'nbits' | 'blocked' | undefined;
  /** A weight that loses more than this share takes 8 bits instead; never when absent. */
  readonly largestError?: number | undefined;
  /** Chosen by measurement when absent. */
  readonly accuracyLevel?: 0 | 1 | 4 | undefined;
  /** Quantize lookup tables too; true when absent. */
  readonly embeddings?: boolean | undefined;
  /** Bits of tables that are only looked up; 8 when absent. In the `blocked` form all tables take 8. */
  readonly embeddingBits?: 2 | 4 | 8 | undefined;
  /** Nodes that stay in float: names, or patterns with * and ?. */
  readonly exclude?: readonly string[] | undefined;
  /** Data for GPTQ and AWQ, and for measuring. */
  readonly calibration?: string | undefined;
  readonly calibrationSamples?: number | undefined;
  readonly overwrite?: boolean | undefined;
  /** Models of more bytes are quantized without ever being loaded into ONNX Runtime; 1.5 GB when absent. */
  readonly largestRun?: number | undefined;
}

export interface WeightOnlyResult {
  output: string;
  before: { fileBytes: number };
  after: { fileBytes: number };
  /** Nodes whose weights are blocks of integers. */
  quantizedNodes: number;
  /** `integer`: nodes with integer weights; `left`: layers whose weights stay in float, with the reason. */
  fusion: FusionReport;
  error: OutputError | null;
  diagnostics: Diagnostic[];
  weightOnly: {
    /** What each weight lost. */
    layers: (Omit<QuantizedLayer, 'nodes'> & { nodes: string[] })[];
    /** Algorithms whose whole models were measured; the nearest was taken. Empty where nothing was to choose. */
    candidates: TriedCandidate[];
    accuracyLevel: number | null;
    tried: TriedLevel[];
  };
}

const defaultLargestRun = 1.5 * 2 ** 30;
const comparedSamples = 64;
const generatedSamples = 8;

/**
 * Quantizes the weights of the model at `path` and writes `request.output`. Throws what `quantize` throws, and
 * `badRequest` for options that do not go together.
 */
export async function quantizeWeights(
  path: string,
  request: WeightOnlyRequest,
  task: Task,
): Promise<WeightOnlyResult> {
  const output = resolve(request.output);
  const settings = settingsOf(request);
  checkOutput(path, output, request);
  task.report({ stage: 'Reading' });
  const { model: read, diagnostics, fileBytes, externalBytes } = await readSound(path, 'quantized', task);
  const inlined = await runPass(read, inlineFunctions, task);
  const refused = refusal(inlined.model, 'weight-only', ['MatMul', 'Gemm', 'Gather']);
  if (refused !== undefined) throw new SlipwayError('unsupported', refused);
  const model = (await runPasses(inlined.model, prepare(settings, task), task)).model;
  const size = fileBytes + externalBytes;
  const largestRun = request.largestRun ?? defaultLargestRun;
  const small = size <= largestRun;
  const notes: Diagnostic[] = [...(inlined.notes ?? [])];
  const { exclude, unmatched } = selectNodes(model.graph, { exclude: request.exclude });
  if (unmatched.length > 0)
    throw badRequest(
      `No node of the model fits "${unmatched[0]!}". Check the names of what shall stay in float.`,
    );
  if (!small && request.calibration !== undefined)
    throw badRequest(
      `The model takes ${(size / 2 ** 30).toFixed(1)} GB, and its layers are not run over data above ${(largestRun / 2 ** 30).toFixed(1)} GB. Leave the calibration data out and choose rtn, hqq or k-quant.`,
    );
  const { inputs, unknown } = small
    ? await inputsToRun(path, read, task)
    : { inputs: [], unknown: undefined };
  if (unknown !== undefined && request.calibration !== undefined)
    throw badRequest(
      `${unknown}; so it cannot be measured what its layers read. Leave the calibration data out and choose rtn, hqq or k-quant.`,
    );
  const canRun = small && unknown === undefined;
  const dataset =
    request.calibration === undefined
      ? undefined
      : await loadDataset(request.calibration, inputs, { maxSamples: request.calibrationSamples }, task);
  if (dataset) await refuseNaN(dataset, task);
  const grams = dataset ? await gramsOf(model, dataset, task) : undefined;
  if (dataset && grams) notes.push(...fewRows(grams));

  const scratch = small ? undefined : new ScratchFile(output);
  try {
    const options: WeightOnlyOptions = {
      ...settings,
      exclude,
      ...(grams ? { grams } : {}),
      ...(scratch
        ? { keep: async (data: Uint8Array) => ({ in: 'file' as const, ...(await scratch.append(data)) }) }
        : {}),
    };
    let last: WeightOnlyOutcome | undefined;
    const make = async ({ algorithm, weighed, pass = 1 }: Candidate) => {
      // What layers read behind those that were quantized before them.
      const behind =
        last && pass > 1 && dataset ? await gramsOf(model, dataset, task, last.model) : undefined;
      const own = { ...options, algorithm, weighed, ...(behind ? { grams: behind } : {}) };
      const pieces: RangeReader = (tensor, range) => readTensorBytes(tensor, range, task);
      return (last = await runPass(model, quantizeWeightOnly(pieces, own), task));
    };
    const asked = settings.algorithm;
    const candidates = grams ? candidatesOf(asked, request.passes) : [{ algorithm: asked, weighed: true }];
    const { outcome, tried } =
      candidates.length === 1
        ? { outcome: await make(candidates[0]!), tried: [] }
        : await nearestCandidate(path, candidates, make, () => batchesOf(dataset, inputs), task);
    notes.push(...candidateNote(asked, tried));
    await scratch?.finish();
    task.report({ stage: 'Writing' });
    const written = await writeModel(
      outcome.model,
      output,
      { overwrite: request.overwrite === true, ...(small ? {} : { external: 'separate' as const }) },
      task,
    );
    const measured = canRun
      ? await measure(path, output, outcome, request, batchesOf(dataset, inputs), task).catch(
          async (error: unknown) => {
            // A file that ONNX Runtime cannot load helps nobody.
            if (error instanceof SlipwayError && error.kind === 'runnerFailed')
              for (const file of written.files) await unlink(file).catch(() => undefined);
            throw error;
          },
        )
      : undefined;
    if (!measured)
      notes.push(notRun(unknown ?? `The model takes ${(size / 2 ** 30).toFixed(1)} GB and was not run`));
    const level = outcome.model.graph.nodes.some(({ opType }) => opType === 'MatMulNBits');
    return {
      output,
      before: { fileBytes: size },
      after: { fileBytes: written.fileBytes },
      quantizedNodes: outcome.quantizedNodes.length,
      fusion: {
        integer: outcome.quantizedNodes.length,
        float: outcome.left.length,
        left: [...outcome.left],
      },
      error: measured?.error ?? null,
      diagnostics: [
        ...diagnostics,
        ...(dataset?.notes ?? []).map((message): Diagnostic => ({
          id: 'data/note',
          severity: 'info',
          message,
        })),
        ...notes,
        ...(outcome.notes ?? []),
      ],
      weightOnly: {
        layers: outcome.layers.map((layer) => ({ ...layer, nodes: [...layer.nodes] })),
        candidates: tried,
        accuracyLevel: level ? (measured?.level ?? settings.accuracyLevel) : null,
        tried: measured?.tried ?? [],
      },
    };
  } finally {
    await scratch?.dispose();
  }
}

/** Options with their defaults; refuses what does not go together. */
function settingsOf(request: WeightOnlyRequest): Omit<WeightOnlyOptions, 'grams' | 'keep' | 'exclude'> {
  const { bits = 4, blockSize: block = 32, form = 'nbits', calibration } = request;
  const algorithm = request.algorithm ?? (calibration === undefined ? 'rtn' : 'gptq');
  const free = algorithm === 'hqq' || algorithm === 'k-quant';
  const symmetric = request.symmetric ?? !free;
  if (![2, 4, 8].includes(bits)) throw badRequest(`Weights take 2, 4 or 8 bits, not ${String(bits)}.`);
  if (!Number.isInteger(Math.log2(block)) || block < 16 || block > 256)
    throw badRequest(`The block size must be a power of two from 16 to 256, not ${block}.`);
  if (request.embeddingBits !== undefined && request.embeddings === false)
    throw badRequest('Lookup tables that stay in float have no bits to choose. Leave one of the two out.');
  if (request.embeddingBits !== undefined && request.embeddingBits !== 8 && form === 'blocked')
    throw badRequest('In the blocked form lookup tables take 8 bits. Choose these, or the form nbits.');
  if (free && symmetric)
    throw badRequest(`The algorithm ${algorithm} needs free zero points; do not ask for symmetric blocks.`);
  if (request.passes !== undefined && algorithm !== 'gptq')
    throw badRequest(
      'Only gptq goes through the model more than once. Leave the passes out, or choose gptq.',
    );
  if ((algorithm === 'gptq' || algorithm === 'awq') && calibration === undefined)
    throw badRequest(
      `The algorithm ${algorithm} needs calibration data: an .npz file with arrays named like the inputs. Or choose rtn, hqq or k-quant, which need none.`,
    );
  return {
    bits,
    block,
    symmetric,
    algorithm,
    form,
    accuracyLevel: request.accuracyLevel ?? 4,
    embeddings: request.embeddings ?? true,
    ...(request.embeddingBits === undefined ? {} : { embeddingBits: request.embeddingBits }),
    actOrder: request.actOrder === true,
    ...(request.largestError === undefined ? {} : { largestError: request.largestError }),
  };
}

/** Constants become initializers, and the operator set is raised where the portable form needs it. */
function prepare({ form, bits }: Pick<WeightOnlyOptions, 'form' | 'bits'>, task: Task): Pass[] {
  if (form === 'nbits') return [constantsToInitializers];
  const read: TensorReader = (tensor) => readTensorBytes(tensor, undefined, task);
  const target = blockedOpset(bits);
  const purpose = `A DequantizeLinear of ${bits}-bit blocks`;
  const otherwise = 'Use the form nbits, which needs no newer operator set.';
  return [
    constantsToInitializers,
    upgradeOpset(read, { minimum: 13, purpose }),
    raiseOpset(read, { target, purpose, otherwise }),
  ];
}

/**
 * The Gram matrices of all matrix products with constant weights, of what they read in the model, or in `quantized`, which
 * was made of it.
 */
async function gramsOf(model: Model, dataset: Dataset, task: Task, quantized?: Model) {
  const constants = constantTensors(model.graph);
  const names = model.graph.nodes
    .filter((node) => isOp(node, 'MatMul', 'Gemm') && constants.get(node.inputs[1] ?? '')?.dims.length === 2)
    .map(nameOf);
  const size = dataset.fixedBatch ?? suitableBatch(dataset);
  const batches = async function* (): AsyncGenerator<Feeds> {
    for await (const { feeds } of dataset.batches(size)) yield feeds;
  };
  const total = Math.ceil(dataset.samples / size);
  const instead = quantized && withLevel(quantized, 1);
  return collectGrams(model, names, batches, { total, threads: workThreads(), instead }, task);
}

/** Fewer rows than unknowns leave directions that nothing was measured in. */
function fewRows(grams: ReadonlyMap<string, { rows: number; k: number }>): Diagnostic[] {
  const short = [...grams].filter(([, { rows, k }]) => rows < k);
  const [first] = short;
  if (!first) return [];
  const [node, { rows, k }] = first;
  return [
    {
      id: 'quantize/few-rows',
      severity: 'warning',
      message: `${short.length === 1 ? 'A layer reads' : `${short.length} layers read`} fewer rows than their weights have: ${rows} of at least ${k}. Give more calibration samples, so that the correction does not fit noise.`,
      where: { node },
    },
  ];
}

const notRun = (why: string): Diagnostic => ({
  id: 'quantize/not-run',
  severity: 'info',
  message: `${why}, so that the error of the outputs is not known and MatMulNBits computes with int8 activations (accuracy level 4). The error of each weight was measured.`,
});

/** Samples one at a time, as a service gives them. */
async function* batchesOf(dataset: Dataset | undefined, inputs: readonly SessionValue[]) {
  if (!dataset) {
    for (let seed = 1; seed <= generatedSamples; seed += 1) {
      const { feeds, batch } = generateInputs(inputs, { seed });
      yield { feeds, count: batch };
    }
    return;
  }
  let left = comparedSamples;
  for await (const { feeds, count } of dataset.batches(suitableBatch(dataset))) {
    yield { feeds, count: Math.min(count, left) };
    left -= count;
    if (left <= 0) return;
  }
}

/** Compares the written model with the original, and rewrites it when another accuracy level is better. */
async function measure(
  original: string,
  output: string,
  outcome: WeightOnlyOutcome,
  request: WeightOnlyRequest,
  batches: AsyncIterable<{ feeds: Feeds; count: number }>,
  task: Task,
) {
  const measured = await compareLevels(
    original,
    output,
    outcome.model,
    { fixed: request.accuracyLevel, batches },
    task,
  );
  if (measured.model !== outcome.model) await writeModel(measured.model, output, { overwrite: true }, task);
  return measured;
}
