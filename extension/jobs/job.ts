// What a job is, as data: the ways of doing it, which request each is, and what its form shows first. The fields come
// from the request's own schema (form.ts); nothing here repeats what the protocol says.

import type { AnyRequest } from '../../daemon/protocol/core';
import type { EstimateSize } from '../../daemon/protocol/estimate';
import type { ParamsOf } from '../../daemon/protocol/core';
import type { FieldValue, FormRule, FormValues, PathUse, ResultKind } from '../../daemon/protocol/jobPage';

/** What the form is made for. */
export interface Situation {
  /** Path of the model. */
  readonly model: string;
  /** Names in the model's folder; folders end in a slash. */
  readonly beside: readonly string[];
  /** Processors that may be used. */
  readonly cores: number;
  /** Devices that this build of ONNX Runtime knows here; undefined when nobody could be asked. */
  readonly devices?: readonly string[] | undefined;
  /** Devices that cannot be used here as they are, with the sentence that says why and what to install. */
  readonly notReady?: ReadonlyMap<string, string> | undefined;
  /** Free dimensions of the model's inputs; undefined while the model is being read. */
  readonly dimensions?: readonly string[] | undefined;
}

export interface Method {
  readonly id: string;
  readonly title: string;
  /** What it does, in one sentence. */
  readonly sentence: string;
  readonly verb: string;
  readonly request: AnyRequest;
  /** Params that this way of doing it decides. */
  readonly fixed?: Readonly<Record<string, FieldValue>>;
  /** Fields that are shown at once, in this order; the others fold under *More options*. */
  readonly front: readonly string[];
  /** Fields that do not belong to this way of doing it. */
  readonly hidden?: readonly string[];
  /** Fields that must be filled beyond what the schema requires. */
  readonly needs?: readonly string[];
  /** Help that is better here than what the protocol says (helps.ts). */
  readonly helps?: Readonly<Record<string, string>>;
  /** Labels that are better than the field's name. */
  readonly labels?: Readonly<Record<string, string>>;
  /** What an empty field means, where it is not "automatic". */
  readonly absent?: Readonly<Record<string, string>>;
  /** What paths are for, where the name does not say. */
  readonly paths?: Readonly<Record<string, PathUse>>;
  /** Flags that are on, or depend, when absent: offered as automatic, yes, no. */
  readonly automatic?: readonly string[];
  /** Values of an enumeration that this way of doing it takes, all when absent; or the usual values of a text. */
  readonly choices?: Readonly<Record<string, readonly (string | number)[]>>;
  /** Options that do not go together. */
  readonly rules?: readonly FormRule[];
  /** What the form holds at first. */
  start?(situation: Situation): FormValues;
  /** Ending of the file it writes: `int8` for NAME.int8.onnx; absent when it writes none. */
  ending?(values: FormValues): string;
  readonly result: ResultKind;
  /** Its values per node are painted on the graph at once; without, when the user asks. */
  readonly paints?: boolean;
  /** What `slipway/estimate` is asked; absent when a size makes no sense. */
  estimate?(values: FormValues): Omit<ParamsOf<typeof EstimateSize>, 'uri' | 'revision'>;
  /** The command of the command line, and how params become words where the name does not say. */
  readonly command: CommandWords;
}

export interface CommandWords {
  readonly name: string;
  /** The field that the command takes as its argument, with the model as `--model`. */
  readonly takes?: string;
  /** Words that say the method. */
  readonly words?: readonly string[];
  /** Option names, or how a value becomes words, by field; null leaves the field out. */
  readonly options?: Readonly<Record<string, string | ((value: FieldValue) => readonly string[]) | null>>;
}

export interface Job {
  readonly id: string;
  /** "Quantize": with the model's name it is the panel's title. */
  readonly title: string;
  /** "Quantizing runs the model": for the question of trust. */
  readonly doing: string;
  readonly methods: readonly Method[];
}
