// How the server ends: it says that it is no longer ready, goes on for a while, takes no more connections,
// answers what it has accepted, and only then lets the models go.

import { setTimeout as delay } from 'node:timers/promises';
import type { FrontEnd, Serving } from './frontEnd';

export interface DrainOptions {
  readonly prestopSeconds: number;
  /** Longest wait for accepted requests. */
  readonly drainSeconds: number;
}

/** Ends the server; resolves to the number of requests that were cut off after the wait. */
export async function drain(
  serving: Serving,
  frontEnds: readonly FrontEnd[],
  options: DrainOptions,
): Promise<number> {
  const { lifecycle, log, repository } = serving;
  lifecycle.draining = true;
  log.info('Ending: not ready any more, answering what was accepted.');
  if (options.prestopSeconds > 0) await delay(options.prestopSeconds * 1000);
  const finished = Promise.all(frontEnds.map((frontEnd) => frontEnd.finish())).then(() => repository.idle());
  const limit = new AbortController();
  const late = delay(options.drainSeconds * 1000, undefined, { signal: limit.signal }).catch(() => undefined);
  await Promise.race([finished, late]);
  limit.abort();
  // What still waits gets a 503, and a moment to carry it out.
  await repository.dispose();
  await Promise.race([finished, delay(500)]);
  const lost = frontEnds.reduce((sum, frontEnd) => sum + frontEnd.close(), 0);
  if (lost > 0) log.error(`Ended with ${lost} requests cut off after ${options.drainSeconds} s.`);
  else log.info('Ended; every accepted request was answered.');
  return lost;
}
