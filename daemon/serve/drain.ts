// How the server ends: it says that it is no longer ready, goes on for a while, takes no more connections,
// answers what it has accepted, and only then lets the models go.

import { setTimeout as delay } from 'node:timers/promises';
import type { FrontEnd, Serving } from './frontEnd';

export interface DrainOptions {
  readonly prestopSeconds: number;
  /** Longest wait for accepted requests. */
  readonly drainSeconds: number;
}

/** Ends the server; resolves to whether every accepted request got its answer within the wait. */
export async function drain(
  serving: Serving,
  frontEnds: readonly FrontEnd[],
  options: DrainOptions,
): Promise<boolean> {
  const { lifecycle, log, repository } = serving;
  lifecycle.draining = true;
  log.info('Ending: not ready any more, answering what was accepted.');
  if (options.prestopSeconds > 0) await delay(options.prestopSeconds * 1000);
  const finished = Promise.all(frontEnds.map((frontEnd) => frontEnd.finish())).then(async () => {
    await repository.idle();
    return true;
  });
  const limit = new AbortController();
  const late = delay(options.drainSeconds * 1000, false, { signal: limit.signal }).catch(() => false);
  const complete = await Promise.race([finished, late]);
  limit.abort();
  // What still waits gets a 503, and a moment to carry it out.
  await repository.dispose();
  await Promise.race([finished, delay(500)]);
  const cut = frontEnds.reduce((sum, frontEnd) => sum + frontEnd.close(), 0);
  if (complete) log.info('Ended; every accepted request was answered.');
  else
    log.error(
      `Ended without waiting longer than ${options.drainSeconds} s; ${cut} requests got no answer, others a 503.`,
    );
  return complete;
}
