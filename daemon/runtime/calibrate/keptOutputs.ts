// What the float model gave for the first samples while it was calibrated: comparing with it later then needs neither
// another session nor another run.

import type { Model } from '../../ir/model';
import type { Feeds } from '../runner/session';

const mostKeptBytes = 16 * 2 ** 20;

/** The model's own outputs for the first batches. */
export interface KeptOutputs {
  /** Samples in a batch. */
  readonly batchSize: number;
  readonly batches: readonly Feeds[];
}

/** Holds the model's outputs of the first batches, as long as they are small. */
export class OutputKeeper {
  private readonly batches: Feeds[] = [];
  private readonly names: readonly string[];
  private bytes = 0;

  constructor(
    model: Model,
    private readonly samples: number,
  ) {
    const { outputs } = model.graph;
    // A sequence or a map cannot be handed out, and part of the outputs is no use.
    this.names = outputs.every(({ type }) => type?.kind === 'tensor') ? outputs.map(({ name }) => name) : [];
  }

  /** Outputs to fetch in the next run. */
  wanted(batchSize: number | undefined): readonly string[] {
    const enough = batchSize === undefined || this.batches.length * batchSize >= this.samples;
    return enough || this.bytes > mostKeptBytes ? [] : this.names;
  }

  take(results: Feeds): void {
    const [first] = this.names;
    if (first === undefined || !(first in results)) return;
    const own = Object.fromEntries(this.names.map((name) => [name, results[name]!]));
    for (const { data } of Object.values(own)) this.bytes += data.length * 4;
    if (this.bytes > mostKeptBytes) this.batches.length = 0;
    else this.batches.push(own);
  }

  kept(batchSize: number): KeptOutputs | undefined {
    return this.batches.length === 0 ? undefined : { batchSize, batches: this.batches };
  }
}
