// Everything that opening a model shows at once: summary, cost, and what is wrong with it. Puts the parts of this
// room together; the reader's findings come in with the model.

import type { Diagnostic } from '../base/diagnostic';
import type { FileRef } from '../base/fileRef';
import { breathe, breathing, type Task } from '../base/task';
import type { Model } from '../ir/model';
import type { Tensor } from '../ir/tensor';
import { checking } from './checks';
import { withSeverities, type Severities } from './checks/severity';
import { costing, freeDimensions } from './cost/cost';
import { inferring, type InferOptions, type ShapeInfo } from './shapes';
import { summarizing, type Summary } from './summary';

/** What the reader gives for a file; `model` is absent when nothing could be read. */
export interface ReadModel {
  readonly model?: Model;
  readonly diagnostics: readonly Diagnostic[];
  readonly fileBytes: number;
  readonly externalBytes: number;
  readonly file: FileRef;
}

export interface InspectOptions {
  /** Numbers for free dimensions by name. */
  readonly bind?: Readonly<Record<string, number>> | undefined;
  /** Numbers of small tensors that are not in memory (see `tensorsToRead`). */
  readonly constants?: ReadonlyMap<Tensor, readonly number[]> | undefined;
  /** What was inferred before with these constants and free dimensions. */
  readonly shapes?: ShapeInfo | undefined;
  /** The same at the values that costs are counted with. */
  readonly counted?: ShapeInfo | undefined;
  /** What the user says of rules. */
  readonly rules?: Severities | undefined;
}

export interface InspectionResult extends Summary {
  file: string;
  fileBytes: number;
  externalBytes: number;
  macs: number | null;
  flops: number | null;
  peakActivationBytes: number | null;
  /** Values that unbound free dimensions were given for `macs` and `peakActivationBytes`. */
  assumed: Record<string, number>;
  diagnostics: Diagnostic[];
}

const nothing: Summary = {
  irVersion: 0,
  producer: '',
  opsets: {},
  inputs: [],
  outputs: [],
  nodes: 0,
  initializers: 0,
  parameters: 0,
  weightBytes: 0,
  ops: {},
  functions: 0,
  metadata: {},
};

/** What the reader says of files that are not whole: what is missing would be reported over and over. */
const damage: ReadonlySet<string> = new Set([
  'onnx/truncated',
  'onnx/not-onnx',
  'onnx/malformed',
  'onnx/length',
  'onnx/wire-type',
  'text/syntax',
]);

/** Said instead of checks that a damaged file would fail over and over. */
export const leftOut: Diagnostic = {
  id: 'inspect/checks-left-out',
  severity: 'info',
  message: 'Further checks were left out, because the file could not be read whole.',
};

/** True when what is missing of a file would be reported over and over. */
export const isDamaged = (read: Pick<ReadModel, 'diagnostics'>): boolean =>
  read.diagnostics.some(({ id }) => damage.has(id));

/** Inspects a model that was read. A broken model gives diagnostics, never a throw. */
export async function inspect(
  read: ReadModel,
  options: InspectOptions,
  task: Task,
): Promise<InspectionResult> {
  const { model } = read;
  const sizes = { file: read.file.path, fileBytes: read.fileBytes, externalBytes: read.externalBytes };
  if (!model) {
    return {
      ...sizes,
      ...nothing,
      macs: null,
      flops: null,
      peakActivationBytes: null,
      assumed: {},
      diagnostics: withSeverities(read.diagnostics, options.rules),
    };
  }
  const summary = await breathing(summarizing(model), task);
  const { constants } = options;
  const reading: InferOptions = constants ? { constants: (tensor) => constants.get(tensor) } : {};
  // Mismatches are looked for with the dimensions left free: a bound value may contradict what the file states.
  const shapes = options.shapes ?? (await breathing(inferring(model, reading), task));
  const damaged = isDamaged(read);
  const { fileBytes } = read;
  const findings = damaged ? [leftOut] : await breathing(checking(model, { shapes, fileBytes }), task);
  const { bind = {} } = options;
  const isFixed = freeDimensions(model).length + Object.keys(bind).length === 0;
  const counted = options.counted ?? (isFixed ? shapes : undefined);
  const cost = await breathing(costing(model, { ...reading, bind }, counted), task);
  await breathe(task);
  return {
    ...sizes,
    ...summary,
    macs: cost.macs,
    flops: cost.flops,
    peakActivationBytes: cost.peakActivationBytes,
    assumed: cost.assumed,
    diagnostics: withSeverities(
      withoutRepeats([...read.diagnostics, ...findings, ...(damaged ? [] : shapes.diagnostics)]),
      options.rules,
    ),
  };
}

/** Reader and checks may find the same thing, such as a file without a graph. */
export function withoutRepeats(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const noGraph = diagnostics.some(({ id }) => id === 'onnx/no-graph');
  return diagnostics.filter(({ id }) => !(noGraph && id === 'graph/empty'));
}
