// Made-up graphs for layout tests: random ones, and a transformer decoder with tensors that every layer reads.

import type { LayoutInput } from '../../webview/graph/layoutTypes';

/** Numbers in [0, 1) that depend on the seed alone (a linear congruential generator). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function input(nodes: number, edges: readonly (readonly [number, number])[], seed: number): LayoutInput {
  const random = randomNumbers(seed);
  return {
    widths: Float32Array.from({ length: nodes }, () => 60 + Math.floor(random() * 120)),
    heights: Float32Array.from({ length: nodes }, () => (random() < 0.5 ? 28 : 44)),
    source: Int32Array.from(edges, ([source]) => source),
    target: Int32Array.from(edges, ([, target]) => target),
  };
}

/** A random acyclic graph, mostly local, with a few long edges. */
export function randomGraph(nodes: number, seed: number): LayoutInput {
  const random = randomNumbers(seed);
  const seen = new Set<number>();
  const edges: [number, number][] = [];
  for (let target = 1; target < nodes; target++) {
    const inputs = 1 + Math.floor(random() * 2.4);
    for (let i = 0; i < inputs; i++) {
      const reach = random() < 0.1 ? target : Math.min(target, 8);
      const source = target - 1 - Math.floor(random() * reach);
      if (seen.has(source * nodes + target)) continue;
      seen.add(source * nodes + target);
      edges.push([source, target]);
    }
  }
  return input(nodes, edges, seed);
}

/** About `nodes` nodes of decoder layers: q, k, v, attention, MLP, residuals; mask and rotary tables shared. */
export function decoderGraph(nodes: number): LayoutInput {
  const edges: [number, number][] = [];
  let count = 0;
  const add = (...sources: number[]) => {
    for (const source of new Set(sources)) edges.push([source, count]);
    return count++;
  };
  const mask = add();
  const cos = add();
  const sin = add();
  let stream = add();
  while (count < nodes) {
    const norm = add(add(add(stream)), stream);
    const rotated = [add(norm), add(norm)].map((projected) => {
      const heads = add(add(projected));
      const half = add(add(heads));
      return add(add(heads, cos), add(half, sin));
    });
    const v = add(add(add(norm)));
    const scores = add(add(rotated[0]!, add(rotated[1]!)), mask);
    const attended = add(add(add(add(add(scores), v))));
    const residual = add(stream, attended);
    const second = add(add(add(residual)), residual);
    const gate = add(second);
    const hidden = add(add(gate, add(gate)), add(second));
    stream = add(residual, add(hidden));
  }
  return input(count, edges, 1);
}
