// One figure of a benchmark.

export interface BenchRow {
  name: string;
  /** The measured value; null when it could not be measured (`detail` says why). */
  value: number | null;
  unit: string;
  /** The goal in words, "≤ 0.3 s"; empty when the figure is only reported. */
  goal: string;
  holds: boolean;
  /** Samples, spread, peers. */
  detail: string;
}
