// The sum of what is live at a moment of a run. Numbers are summed as numbers; expressions are kept as counts of
// equal ones, so that holding and releasing thousands of values parses few of them.

import { addDims, multiplyDims, type Dim } from '../shapes/dims';

export interface Live {
  /** From now on the value is there. */
  readonly hold: (name: string) => void;
  readonly release: (name: string) => void;
  /** Bytes of all that is held; null while one of them is unknown. */
  readonly sum: () => Dim;
}

export function newLive(bytesOf: (name: string) => Dim): Live {
  const held = new Map<string, Dim>();
  const expressions = new Map<string, number>();
  let bytes = 0;
  let unknown = 0;
  let text: Dim | undefined;
  const change = (size: Dim, by: 1 | -1) => {
    if (size === null) unknown += by;
    else if (typeof size === 'number') bytes += by * size;
    else {
      const count = (expressions.get(size) ?? 0) + by;
      if (count === 0) expressions.delete(size);
      else expressions.set(size, count);
    }
    text = undefined;
  };
  return {
    hold(name) {
      if (name === '' || held.has(name)) return;
      const size = bytesOf(name);
      held.set(name, size);
      change(size, 1);
    },
    release(name) {
      const size = held.get(name);
      if (size === undefined) return;
      held.delete(name);
      change(size, -1);
    },
    sum() {
      if (unknown > 0) return null;
      if (expressions.size === 0) return bytes;
      return (text ??= [...expressions].reduce<Dim>(
        (sum, [size, count]) => addDims(sum, multiplyDims(size, count)),
        bytes,
      ));
    },
  };
}
