// The words of running a model: tensors in and out, and what a loaded session offers. Interfaces only; the
// process behind them is in runnerProcess.ts. Nothing here imports onnxruntime-node.

import type { Disposable } from '../../base/disposable';
import type { Task } from '../../base/task';

/** Element types of onnxruntime-node's tensors, with the array that holds them. */
export interface ArrayOf {
  float32: Float32Array;
  float64: Float64Array;
  /** Half floats as their 16-bit patterns. */
  float16: Uint16Array;
  int8: Int8Array;
  uint8: Uint8Array;
  int16: Int16Array;
  uint16: Uint16Array;
  int32: Int32Array;
  uint32: Uint32Array;
  int64: BigInt64Array;
  uint64: BigUint64Array;
  /** One byte each, 0 or 1. */
  bool: Uint8Array;
  string: string[];
}
export type ElementType = keyof ArrayOf;

/** A tensor value: row-major, `data.length` equals the product of `dims`. */
export type TensorValue = {
  [T in ElementType]: { readonly type: T; readonly dims: readonly number[]; readonly data: ArrayOf[T] };
}[ElementType];

/** Tensors by value name. */
export type Feeds = Readonly<Record<string, TensorValue>>;

/** An input or output of a loaded session; a dimension is a number, a symbolic name, or null. */
export interface SessionValue {
  readonly name: string;
  readonly type: ElementType;
  readonly dims: readonly (number | string | null)[];
}

/** Devices by the names that onnxruntime-node has for its execution providers. */
export const deviceNames = ['cpu', 'cuda', 'tensorrt', 'webgpu', 'dml', 'coreml', 'qnn', 'openvino'] as const;
export type DeviceName = (typeof deviceNames)[number];

export interface SessionOptions {
  /** Where to run; `cpu` when absent. Nodes that another device does not take run on the CPU. */
  readonly device?: DeviceName;
  /** Threads inside an operator; 1 when absent. */
  readonly threads?: number;
  readonly graphOptimization?: 'disabled' | 'basic' | 'extended' | 'all';
  /** Where ONNX Runtime writes the graph as it will run it. */
  readonly optimizedModelPath?: string;
  /** Prefix of the profile that `endProfile` reads. */
  readonly profilePrefix?: string;
  /** Session configuration entries of ONNX Runtime, `session.disable_quant_qdq`. */
  readonly config?: Readonly<Record<string, string>>;
}

/** Where the values of an output fell over all counted runs. */
export interface ValueCounts {
  /** Values in bins of equal width between `from` and `to`; exact zeros are counted apart. */
  readonly counts: Float64Array;
  readonly from: number;
  readonly to: number;
  readonly zeros: number;
  /** Smallest and largest value; infinite the other way round when there was none. */
  readonly min: number;
  readonly max: number;
  /** False when a value was infinite or not a number. */
  readonly finite: boolean;
}

/** For sessions that are not timed: threads that wait for work sleep, and leave the processor to others. */
export const sleepingThreads = { 'session.intra_op.allow_spinning': '0' } as const;

export interface RunnerSession {
  readonly inputs: readonly SessionValue[];
  readonly outputs: readonly SessionValue[];
  /** Time to create the session, milliseconds. */
  readonly loadMs: number;
  /** Runs once. `fetches` names the outputs wanted; all when absent. */
  run(feeds: Feeds, task: Task, fetches?: readonly string[]): Promise<Feeds>;
  /**
   * Runs the same feeds again and again inside the runner process and returns the time of each run in
   * milliseconds. Stops after `runs`, or when `maxMs` have passed (at least one run).
   */
  timeRuns(feeds: Feeds, limits: { runs: number; maxMs: number }, task: Task): Promise<Float64Array>;
  /**
   * Runs once and counts where the values of some float32 outputs fall, on top of what was counted before. Gives the
   * outputs that are to be kept, none when absent.
   */
  countValues(feeds: Feeds, names: readonly string[], task: Task, keep?: readonly string[]): Promise<Feeds>;
  /** What was counted, by output name. Only counts leave the runner process. */
  countedValues(task: Task): Promise<ReadonlyMap<string, ValueCounts>>;
  /** Ends profiling and returns the profile's JSON text. */
  endProfile(): Promise<string>;
  release(): Promise<void>;
}

/** A child process with ONNX Runtime. Cancelling a task kills it; every call after that rejects with `runnerDied`. */
export interface Runner extends Disposable {
  readonly processId: number;
  load(modelPath: string, options: SessionOptions, task: Task): Promise<RunnerSession>;
  /** Peak resident memory of the process so far, bytes. */
  peakRssBytes(): Promise<number>;
  /** Resident memory of the process now, bytes. */
  rssBytes(): Promise<number>;
}
