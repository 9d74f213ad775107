// Whether a quantized model is faster here than what it was made of. Where the report and the sizes of its layers leave
// no doubt nothing is run; small models in doubt race for a moment; of large ones the report alone says what to expect.
// A result that is no faster is said to be so, with the reason and what to do.

import type { Diagnostic } from '../../base/diagnostic';
import type { Task } from '../../base/task';
import { modelCost } from '../../analysis/cost/cost';
import type { Dataset } from '../../evaluate/dataset';
import type { Model } from '../../ir/model';
import { nameOf } from '../../passes/quantize/outcome';
import type { Scheme } from '../../passes/quantize/scheme';
import type { FusionReport } from '../../runtime/fusion/fusionReport';
import { generateInputs } from '../../runtime/generateInputs';
import type { Feeds, Runner, SessionValue } from '../../runtime/runner/session';
import { race } from '../race';

/** A short comparison with the float model on one sample, in one thread. */
export interface QuantizedSpeed {
  /** Time of the float model over that of the result: above 1 it is faster. */
  readonly ratio: number;
  readonly floatMs: number;
  readonly quantizedMs: number;
}

export interface SpeedInput {
  readonly path: string;
  readonly output: string;
  readonly original: Model;
  readonly bytes: { readonly before: number; readonly after: number };
  readonly fusion: FusionReport;
  /** Absent for dynamic quantization. */
  readonly scheme?: Scheme | undefined;
  readonly inputs: readonly SessionValue[];
  readonly dataset?: Dataset | undefined;
  /** Measure in any case. */
  readonly always: boolean;
}

const limits = { turnMs: 2, rounds: 16, fewest: 8 };
/** Above this nothing is loaded once more only to be timed. */
const mostBytes = 32 * 2 ** 20;
/** Multiplications for each compute node from which calling it costs little. */
const enoughWork = 150_000;
/** Share of the multiplications that must run in integers for a gain without doubt. */
const mostOfIt = 0.8;
/** A gain below this is none. */
const worthwhile = 1.03;

/** What was measured, if anything was, and what to tell of it. */
export async function quantizedSpeed(
  input: SpeedInput,
  runner: Runner,
  task: Task,
): Promise<{ readonly speed: QuantizedSpeed | null; readonly notes: Diagnostic[] }> {
  const share = shareInIntegers(input.original, input.fusion);
  const gates = input.original.graph.nodes.some(({ opType }) => /^Hard(?:Swish|Sigmoid)$/u.test(opType));
  const common = !input.scheme || (input.scheme.activations === 'uint8' && input.scheme.weights === 'int8');
  const sure = share !== undefined && share.integers >= mostOfIt && share.perNode >= enoughWork;
  if (!input.always && sure && common && !gates && input.scheme) return { speed: null, notes: [] };
  if (!input.always && input.bytes.before > mostBytes) {
    if (!share || share.integers >= 0.5) return { speed: null, notes: [] };
    const message = `Only ${percent(share.integers)} of the multiplications run in integers, so that this model may not be faster than the float one. Measure both (benchmark) before you use it.`;
    return { speed: null, notes: [{ id: 'quantize/not-faster', severity: 'warning', message }] };
  }
  const feeds = await oneSample(input);
  if (!feeds) return { speed: null, notes: [] };
  task.report({ stage: 'Comparing the speed' });
  let speed = await raced(input, feeds, runner, task);
  // One loading in a few was wrong on a busy machine (0.83 times where the others gave 1.4): a bad verdict must repeat.
  if (speed.ratio < worthwhile) {
    const again = await raced(input, feeds, runner, task);
    if (again.ratio > speed.ratio) speed = again;
  }
  if (speed.ratio >= worthwhile) return { speed, notes: [] };
  const small = share !== undefined && share.perNode < enoughWork / 2;
  const message = `This model is not faster than the float one here: a run takes ${time(speed.quantizedMs)} against ${time(speed.floatMs)} (${speed.ratio.toFixed(2)} times as fast, one sample, one thread). ${reason(input, common, small)}`;
  return { speed, notes: [{ id: 'quantize/not-faster', severity: 'warning', message }] };
}

/** Both models, loaded afresh, in turn. */
async function raced(input: SpeedInput, feeds: Feeds, runner: Runner, task: Task): Promise<QuantizedSpeed> {
  const sessions = [await runner.load(input.path, {}, task), await runner.load(input.output, {}, task)];
  const [float, quantized] = await race(sessions, feeds, limits, task);
  for (const session of sessions) await session.release();
  return { ratio: quantized!.ratio, floatMs: float!.ms, quantizedMs: quantized!.ms };
}

function reason({ fusion, bytes }: SpeedInput, common: boolean, small: boolean): string {
  const smaller = bytes.after / bytes.before;
  const size =
    smaller < 0.9 ? `, or use this one only for its size (${smaller.toFixed(2)} of the bytes)` : '';
  if (!common)
    return `ONNX Runtime has fast kernels here for uint8 activations with int8 weights only: choose these${size}.`;
  if (small)
    return `Its layers are so small that calling them takes longer than computing them: keep the float model${size}.`;
  if (fusion.float > fusion.integer)
    return `${fusion.float} of ${fusion.float + fusion.integer} compute nodes stay in float, and conversions lie around them: see why, keep the float model${size}.`;
  return `Let tuning give back to float what is slower in integers (tune), keep the float model${size}.`;
}

/** Share of the multiplications that run in integers, and how many a compute node has on average; undefined when unknown. */
function shareInIntegers(
  model: Model,
  { ran = [], integer, float }: FusionReport,
): { readonly integers: number; readonly perNode: number } | undefined {
  const { nodeMacs } = modelCost(model);
  const inIntegers = new Set(ran.map(({ node }) => node));
  let all = 0;
  let part = 0;
  for (const [i, node] of model.graph.nodes.entries()) {
    const macs = nodeMacs[i] ?? 0;
    all += macs;
    if (inIntegers.has(nameOf(node))) part += macs;
  }
  return all === 0 ? undefined : { integers: part / all, perNode: all / Math.max(1, integer + float) };
}

/** The first sample, else a made-up one where no dimension but the batch has to be guessed. */
async function oneSample({ dataset, inputs }: SpeedInput): Promise<Feeds | undefined> {
  if (dataset) for await (const { feeds } of dataset.batches(dataset.fixedBatch ?? 1)) return feeds;
  const { feeds, guessed } = generateInputs(inputs);
  return guessed.length === 0 ? feeds : undefined;
}

const percent = (share: number) => `${(share * 100).toFixed(0)} %`;

function time(ms: number): string {
  return ms < 1 ? `${(ms * 1000).toPrecision(3)} µs` : `${ms.toPrecision(3)} ms`;
}
