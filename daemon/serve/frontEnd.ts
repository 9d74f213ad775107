// What every protocol's listener offers to the server around it, and what it is given. HTTP is http.ts.

import type { Log } from '../host/log';
import type { Metrics } from './metrics';
import type { Repository } from './repository';

/** Where the server is in its life; shared by all front ends. */
export interface Lifecycle {
  /** Set at the first sign of ending: no longer ready, and clients are asked to reconnect elsewhere. */
  draining: boolean;
}

/** The parts that a front end serves from. */
export interface Serving {
  readonly repository: Repository;
  readonly metrics: Metrics;
  readonly lifecycle: Lifecycle;
  readonly log: Log;
}

export interface FrontEnd {
  /** Base URL, `http://127.0.0.1:8080`. */
  readonly url: string;
  /** Refuses new connections and resolves when every request that came in was answered. */
  finish(): Promise<void>;
  /** Closes all connections, answered or not; returns how many requests were cut off. */
  close(): number;
}
