// What quantizing a file can be told, and what it answers. Doing it is quantize.ts.

import type { Diagnostic } from '../../base/diagnostic';
import type { OutputError } from '../../evaluate/outputError';
import type { Selection } from '../../passes/quantize/selection';
import type { ActivationType, Target, WeightType } from '../../passes/quantize/scheme';
import type { Calibrator } from '../../runtime/calibrate/calibrateBy';
import type { FusionReport } from '../../runtime/fusion/fusionReport';
import type { QuantizedSpeed } from './quantizedSpeed';
import type { RecoverMethod } from './recoverMethods';

/** What only static quantization takes. */
export interface StaticSettings {
  /** Processor to choose the integers for; this machine's when absent. */
  readonly target?: Target | undefined;
  readonly activations?: ActivationType | undefined;
  readonly weights?: WeightType | undefined;
  /** One scale for each weight instead of one for each output channel. */
  readonly perTensor?: boolean | undefined;
  /** Weights on 7 bits; the target's habit when absent. */
  readonly reducedRange?: boolean | undefined;
  readonly symmetric?: boolean | undefined;
  /** `qdq` writes quantize steps around float operators, `qoperator` the integer operators themselves. */
  readonly format?: 'qdq' | 'qoperator' | undefined;
  readonly calibrator?: Calibrator | undefined;
  readonly percentile?: number | undefined;
  readonly momentum?: number | undefined;
  /** JSON file that keeps the ranges for the same model, data and settings. */
  readonly calibrationCache?: string | undefined;
  /** JSON or YAML file with ranges of single values, or `float` for values that must not be rounded. */
  readonly overrides?: string | undefined;
  /** What is done to the float model first, so that it loses less. */
  readonly recover?: readonly RecoverMethod[] | undefined;
  /** The α of SmoothQuant, `0.5` for all layers, `PATTERN=0.7` for some; chosen by error when absent. */
  readonly smoothAlpha?: readonly string[] | undefined;
  /** Take back to float what measures slower in integers on this machine; models with HardSwish do so unless it is false. */
  readonly tune?: boolean | undefined;
  /** Emulate another processor's arithmetic on the samples. */
  readonly emulate?: 'avx2' | undefined;
}

/** The loop that gives accuracy back; it needs `maxDrop` and `validation`. */
export interface AccuracySettings {
  /** Largest loss of top-1 (0.003 is 0.3 points). */
  readonly maxDrop?: number | undefined;
  /** Path of labelled data. */
  readonly validation?: string | undefined;
  readonly validationSamples?: number | undefined;
  readonly maxSeconds?: number | undefined;
  readonly maxEvaluations?: number | undefined;
  /** JSON file in which the search is kept, to go on from after it was stopped. */
  readonly state?: string | undefined;
}

export interface QuantizeOptions extends StaticSettings, AccuracySettings, Selection {
  readonly method: 'dynamic' | 'static';
  /** Path to write. */
  readonly output: string;
  /** Path of the calibration data with arrays named like the inputs; `static` needs it. */
  readonly calibration?: string | undefined;
  /** At most this many samples of it; all when absent. */
  readonly calibrationSamples?: number | undefined;
  /** Leave the comparison of speed to the caller, who measures more. */
  readonly withoutSpeed?: boolean | undefined;
  /** Replace an existing output (never the model or the data). */
  readonly overwrite?: boolean | undefined;
}

/** What the accuracy loop found. */
export interface AccuracyResult {
  /** Top-1 of the float model. */
  readonly float: number;
  /** Top-1 of what was written. */
  readonly quantized: number;
  readonly drop: number;
  readonly maxDrop: number;
  readonly holds: boolean;
  readonly evaluations: number;
  readonly calibrator: Calibrator;
  /** Whether accuracy recovery that was not asked for is in it. */
  readonly recovered: boolean;
  /** Nodes that were given back to float, worst first. */
  readonly reverted: string[];
  readonly stopped: 'done' | 'seconds' | 'evaluations' | 'exhausted';
}

/** The same model under another processor's arithmetic. */
export interface Emulation {
  readonly target: 'avx2';
  /** Pairs of weights whose products can exceed 16 bits together, of all pairs. */
  readonly dangerousPairs: number;
  readonly pairs: number;
  /** Difference of its outputs from the original's. */
  readonly error: OutputError;
}

export interface Quantized {
  output: string;
  before: { fileBytes: number };
  after: { fileBytes: number };
  /** Nodes that were given integer weights or inputs. */
  quantizedNodes: number;
  fusion: FusionReport;
  /** Difference of the outputs; null when it could not be measured. */
  error: OutputError | null;
  /** The integers chosen, `U8S8, per channel`; null for `dynamic`. */
  scheme?: string | null;
  accuracy?: AccuracyResult | null;
  emulation?: Emulation | null;
  /** A short comparison with the float model; null where the gain is plain, or cannot be measured in a moment. */
  speed?: QuantizedSpeed | null;
  diagnostics: Diagnostic[];
}
