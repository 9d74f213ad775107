// Large arrays that are thrown away: V8 sees how small the objects are that own them and lets hundreds of megabytes
// wait. Collecting what is young, where they still are, takes a millisecond.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const mostWaiting = 24 * 2 ** 20;
let waiting = 0;
let collect: ((options: { type: 'minor' }) => void) | undefined;

/** Says that arrays of so many bytes were dropped, or will be by the time of the next. */
export function freeSoon(bytes: number): void {
  waiting += bytes;
  if (waiting < mostWaiting) return;
  waiting = 0;
  if (!collect) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as typeof collect;
  }
  collect?.({ type: 'minor' });
}
