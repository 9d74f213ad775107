// Copies of models: the structure is new, bytes of weights and of unknown fields are shared. A pass clones
// its input and changes the clone, so that the caller's model stays as it was.

import type { Graph, Model } from './model';

function copy<T>(value: T): T;
function copy(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  if (Array.isArray(value)) return value.map((item: unknown) => copy(item));
  const fresh: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    // Storage is immutable, and its bytes may be gigabytes or lie in a file.
    fresh[key] = key === 'storage' ? item : copy(item);
  }
  return fresh;
}

/** A model that can be changed without touching the original; weights are shared, not copied. */
export const cloneModel = (model: Model): Model => copy(model);

/** The same for one graph. */
export const cloneGraph = (graph: Graph): Graph => copy(graph);
