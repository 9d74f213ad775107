// Waiting for what happens elsewhere, with a bound, and asking whether a process is there.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';

/** Polls until `holds` gives true; fails with `what` after `limitMs`. */
export async function waitUntil(what: string, holds: () => boolean, limitMs = 60_000): Promise<void> {
  const end = Date.now() + limitMs;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`Waited ${limitMs} ms in vain until ${what}.`);
    await sleep(20);
  }
}

/** Whether a process runs; one that has ended and only waits to be collected does not. */
export function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
  } catch {
    return false;
  }
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${processId}/stat`, 'utf8'));
  } catch {
    return process.platform !== 'linux';
  }
}

/** Polls until `actual` gives something deeply equal to `expected`; fails with the difference after `limitMs`. */
export async function becomes<T>(actual: () => T | Promise<T>, expected: T, limitMs = 60_000): Promise<void> {
  const end = Date.now() + limitMs;
  for (;;) {
    const now = await actual();
    if (isDeepStrictEqual(now, expected)) return;
    if (Date.now() > end) assert.deepEqual(now, expected);
    await sleep(20);
  }
}
