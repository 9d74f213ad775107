// What the runner process and its owner say to each other, declared once. Travels over Node's message
// channel with structured clone, so typed arrays and bigints pass as they are.

import type { ErrorKind } from '../../base/errors';
import type { Feeds, SessionOptions, SessionValue, ValueCounts } from './session';

/** What ONNX Runtime build a runner has. */
export interface RuntimeDescription {
  version: string;
  /** Devices whose provider is in the package. */
  providers: string[];
  /** All devices that the package knows on this platform; those not bundled need libraries of their own. */
  offered: string[];
}

/** Every call: its parameters and its result. */
export interface RunnerCalls {
  load: {
    params: { path: string; options: SessionOptions };
    result: {
      session: number;
      inputs: readonly SessionValue[];
      outputs: readonly SessionValue[];
      loadMs: number;
    };
  };
  run: { params: { session: number; feeds: Feeds; fetches?: readonly string[] }; result: Feeds };
  countValues: {
    params: { session: number; feeds: Feeds; names: readonly string[]; keep: readonly string[] };
    result: Feeds;
  };
  countedValues: { params: { session: number }; result: ReadonlyMap<string, ValueCounts> };
  /** Without feeds: those of the last timeRuns of this session again. */
  timeRuns: { params: { session: number; feeds?: Feeds; runs: number; maxMs: number }; result: Float64Array };
  endProfile: { params: { session: number }; result: string };
  release: { params: { session: number }; result: null };
  peakRss: { params: null; result: number };
  rss: { params: null; result: number };
  describe: { params: null; result: RuntimeDescription };
}
export type RunnerCall = keyof RunnerCalls;

export type RunnerRequest = {
  [C in RunnerCall]: { readonly id: number; readonly call: C; readonly params: RunnerCalls[C]['params'] };
}[RunnerCall];

export type RunnerReply =
  | { readonly id: number; readonly result: RunnerCalls[RunnerCall]['result'] }
  | { readonly id: number; readonly error: { readonly kind: ErrorKind; readonly message: string } };
