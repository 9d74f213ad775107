// Memory that the process no longer needs, given back to the system: V8 does so only at a full collection, which an
// idle process never comes to.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** After this a second collection finds pages that the first one emptied, and buffers whose owners it found gone. */
const againMs = 1000;

let collect: (() => void) | undefined;
let again: NodeJS.Timeout | undefined;

/** Collects garbage, twice. It takes as long as there is much alive, so call it when something large was let go. */
export function giveBackMemory(): void {
  if (!collect) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
  clearTimeout(again);
  again = setTimeout(collect, againMs).unref();
}
