// What the page of a job (quantize, prune, benchmark, profile, …) and its host say to each other. Types only, as in
// page.ts. The form is data that the host makes from a request's JSON Schema; the page knows no request by name.

import type { BenchmarkResult, Measurement } from './benchmark';
import type { ClusterResult } from './cluster';
import type { ProgressValue } from './common';
import type { Estimate } from './estimate';
import type { EvaluateResult } from './evaluate';
import type { LowRankResult } from './lowRank';
import type { OptimizeResult } from './optimize';
import type { PageError } from './page';
import type { ProfileResult } from './profile';
import type { PruneResult } from './prune';
import type { GroupSensitivity, PruneSensitivityResult } from './pruneSensitivity';
import type { PruneWeightsResult } from './pruneWeights';
import type { ConvertPrecisionResult } from './precision';
import type { QuantizeResult } from './quantize';
import type { RunRecipeResult } from './runRecipe';
import type { LayerSensitivity, SensitivityResult } from './sensitivity';
import type { WeightOnlyResult } from './weightOnly';

/** What a field of the form holds; a field without an entry is left to the daemon. */
export type FieldValue = string | number | boolean | string[] | number[] | Record<string, number>;
export type FormValues = Record<string, FieldValue>;

/**
 * What a path is for: it decides the dialog and what is offered. `data` are arrays for inputs, `samples` all that a model
 * can be evaluated on: files of several kinds, and folders.
 */
export type PathUse =
  'recipe' | 'calibration' | 'validation' | 'data' | 'samples' | 'model' | 'file' | 'newModel' | 'newFile';

export interface Option {
  value: string | number | boolean;
  label: string;
  /** Said behind the label in a word or two: `not ready`. */
  note?: string;
  /** Why, in a sentence; shown where the option is chosen all the same. */
  why?: string;
}

export type Control =
  /** One of several; `required` fields have no "automatic". */
  | { kind: 'choice'; options: Option[] }
  /** Any of several. */
  | { kind: 'many'; options: Option[] }
  /** Absent means off. */
  | { kind: 'flag' }
  | { kind: 'number'; whole: boolean; min?: number; max?: number; above?: number; below?: number }
  | { kind: 'text' }
  /** Names or patterns, separated by commas. */
  | { kind: 'names' }
  /** Whole numbers, separated by commas. */
  | { kind: 'numbers'; min: number }
  /** Shares from 0 to 1 by name, as text: `conv1=0.3, conv2=0`. */
  | { kind: 'shares' }
  /** Sizes of free dimensions by name; null while the model is being read. */
  | { kind: 'sizes'; names: string[] | null }
  /** A path, with what lies at hand; `placeholder` is what an empty field means. */
  | { kind: 'path'; use: PathUse; offers: string[]; placeholder?: string }
  /** Several paths, with what lies at hand. */
  | { kind: 'paths'; use: PathUse; offers: string[] };

export interface Field {
  /** Name in the request's params; parts of nested objects are joined by a dot. */
  name: string;
  label: string;
  /** The sentence of the protocol: what it does and what it costs. */
  help: string;
  control: Control;
  required: boolean;
  /** Folded under *More options*. */
  more: boolean;
  /** What an empty field means, in a word or two. */
  absent: string;
}

/** What must be true of one field. Without `is`, `not` and `empty`: that it holds something. */
export interface FormCondition {
  field: string;
  /** It holds one of these. */
  is?: (string | number | boolean)[];
  /** It holds none of these, or nothing. */
  not?: (string | number | boolean)[];
  /** It holds nothing. */
  empty?: boolean;
}

/** Options that do not go together, said before anything runs. */
export interface FormRule {
  /** The field that the sentence stands under. */
  field: string;
  /** It is said while all of these hold. */
  when: FormCondition[];
  says: string;
  /** Whether the form cannot run so; else the option is only of no use. */
  stops: boolean;
}

/** One way of doing the job, with its form. */
export interface MethodForm {
  id: string;
  title: string;
  /** What it does, in one sentence. */
  sentence: string;
  fields: Field[];
  rules: FormRule[];
  /** What the form holds at first. */
  values: FormValues;
  /** Whether the size of what it writes can be estimated. */
  estimates: boolean;
  /** What the button says: "Quantize", "Measure". */
  verb: string;
}

/** A result by the kind of page that shows it. */
export type JobResult =
  | { kind: 'quantize'; value: QuantizeResult | WeightOnlyResult | ConvertPrecisionResult }
  | { kind: 'prune'; value: PruneResult }
  | { kind: 'zeros'; value: PruneWeightsResult }
  | { kind: 'lowRank'; value: LowRankResult }
  | { kind: 'cluster'; value: ClusterResult }
  | { kind: 'optimize'; value: OptimizeResult }
  | { kind: 'recipe'; value: RunRecipeResult }
  | { kind: 'sensitivity'; value: SensitivityResult }
  | { kind: 'pruneSensitivity'; value: PruneSensitivityResult }
  | { kind: 'benchmark'; value: BenchmarkResult }
  | { kind: 'profile'; value: ProfileResult }
  | { kind: 'evaluate'; value: EvaluateResult };
export type ResultKind = JobResult['kind'];

/** One run of the job, from its start to whatever end. */
export interface JobRun {
  id: number;
  method: string;
  /** Title of the method, for lists. */
  title: string;
  values: FormValues;
  /** The command line that does the same. */
  command: string;
  state: 'running' | 'done' | 'failed' | 'cancelled';
  progress: ProgressValue | null;
  /** Finished parts, as far as the request reports them. */
  rows: (LayerSensitivity | GroupSensitivity | Measurement)[];
  result: JobResult | null;
  error: PageError | null;
  /** The file that it wrote is gone: deleted by its button. */
  deleted: boolean;
  /** Path of the file that a run which did not come to its end has left: a search writes its best at every step. */
  left: string | null;
  /** Overlays for the graph that this result gives, by title. */
  overlays: string[];
}

/** Everything that the page shows. The host sends the whole of it whenever it changes. */
export interface JobPage {
  /** Id of the job: `quantize`. */
  job: string;
  /** "Quantize". */
  title: string;
  model: { name: string; file: string; bytes: number | null };
  methods: MethodForm[];
  /** The method that is shown first. */
  method: string;
  /** How often the host has filled the form anew: what the user had filled in of `method` gives way then. */
  filled: number;
  /** Newest first. */
  runs: JobRun[];
  /** Whether the workspace is trusted: models are run only then. */
  trusted: boolean;
  /** Id of a run that the host brings forward: one of the history. */
  front: number | undefined;
}

export type JobToPage = { kind: 'page'; page: JobPage };

export type JobFromPage =
  /** The page listens; the host answers with `page`. */
  | { kind: 'ready' }
  | { kind: 'run'; method: string; values: FormValues }
  | { kind: 'cancel' }
  | { kind: 'open'; file: string }
  /** Opens the original and the file side by side, with what changed. */
  | { kind: 'differences'; file: string }
  /** Benchmarks the file against the original. */
  | { kind: 'compare'; file: string }
  | { kind: 'evaluate'; file: string }
  | { kind: 'deploy'; file: string }
  /** Measures what each layer of the model loses, with the values of this run, and paints it. */
  | { kind: 'layers'; run: number }
  /** Moves the file that this run wrote to the trash. */
  | { kind: 'delete'; run: number }
  /** Paints an overlay of this run on the graph. */
  | { kind: 'paint'; run: number; overlay: string }
  | { kind: 'copy'; text: string }
  | { kind: 'manageTrust' };

/** Requests of the page; the host answers. */
export type JobRequests = {
  /** Asks the user for a path; null when they back out. */
  pick: { params: { method: string; field: string }; result: string | null };
  /** Size of what a run with these values would write. */
  estimate: { params: { method: string; values: FormValues }; result: Estimate };
  /** The command line that does the same as the form. */
  command: { params: { method: string; values: FormValues }; result: string };
};
