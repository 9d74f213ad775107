// Memory that the process no longer needs, given back to the system: V8 does so only at a full collection, which an
// idle process never comes to.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let collect: (() => void) | undefined;

/** Collects garbage. It takes as long as there is much alive, so call it when something large was let go. */
export function giveBackMemory(): void {
  if (!collect) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
}
