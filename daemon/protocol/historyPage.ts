// What the history page of one model and its host say to each other. Types only, as in page.ts.

import type { RunSummary } from './runs';

/** Everything that the page shows. The host sends the whole of it whenever it changes. */
export interface HistoryPage {
  model: { name: string; file: string };
  /** Newest first; undefined until they were read. */
  runs: RunSummary[] | undefined;
  /** Short names of the jobs by method: `slipway/benchmark` → "Benchmark". */
  jobs: Record<string, string>;
  /** Ids of two runs to be compared at once. */
  compare: [string, string] | undefined;
  /** Why the history cannot be read, a sentence. */
  error: string | undefined;
}

export type HistoryToPage = { kind: 'page'; page: HistoryPage };

export type HistoryFromPage =
  /** The page listens; the host answers with `page`. */
  | { kind: 'ready' }
  /** Opens the panel of the job with this run's result. */
  | { kind: 'open'; run: string }
  | { kind: 'remove'; runs: string[] }
  | { kind: 'benchmark' };
