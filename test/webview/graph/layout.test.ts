// The layout's promises: no overlaps, edges run down, the same picture every time, hubs detached, quick.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { layoutGraph } from '../../../webview/graph/layout';
import { EdgeKind, type Layout, type LayoutInput } from '../../../webview/graph/layoutTypes';
import { decoderGraph, randomGraph } from '../../support/graphs';

function check(input: LayoutInput): Layout {
  const layout = layoutGraph(input);
  assertNoOverlap(input, layout);
  assertDownwards(input, layout);
  assertEdgesAvoidBoxes(input, layout);
  return layout;
}

function assertNoOverlap({ widths, heights }: LayoutInput, { x, y, rank }: Layout): void {
  const order = Array.from(rank.keys()).sort((a, b) => rank[a]! - rank[b]! || x[a]! - x[b]!);
  let bottomAbove = -Infinity;
  let bottom = -Infinity;
  order.forEach((n, i) => {
    const before = order[i - 1];
    if (before !== undefined && rank[before] === rank[n]) {
      assert.ok(x[before]! + widths[before]! < x[n]!, `boxes ${before} and ${n} overlap`);
    } else {
      bottomAbove = bottom;
    }
    assert.ok(y[n]! > bottomAbove, `box ${n} reaches into the rank above`);
    bottom = Math.max(bottom, y[n]! + heights[n]!);
  });
}

function assertDownwards({ source, target }: LayoutInput, { rank, y, edgeKind }: Layout): void {
  source.forEach((s, e) => {
    const t = target[e]!;
    if (edgeKind[e] !== EdgeKind.line) return;
    assert.ok(rank[s]! < rank[t]! && y[s]! < y[t]!, `edge ${e} runs from ${s} up to ${t}`);
  });
}

/** A vertical run in a rank that an edge passes must not cut through a box of that rank. */
function assertEdgesAvoidBoxes({ widths, heights }: LayoutInput, layout: Layout): void {
  const { x, y, runs, runStart } = layout;
  const byTop = new Map<number, number[]>();
  for (let n = 0; n < widths.length; n++) {
    const list = byTop.get(layout.rank[n]!) ?? [];
    list.push(n);
    byTop.set(layout.rank[n]!, list);
  }
  const bands = [...byTop.values()].map((list) => ({
    list,
    top: Math.min(...list.map((n) => y[n]!)),
    bottom: Math.max(...list.map((n) => y[n]! + heights[n]!)),
  }));
  for (let e = 0; e + 1 < runStart.length; e++) {
    for (let run = runStart[e]! + 1; run < runStart[e + 1]! - 1; run++) {
      const at = runs[3 * run]!;
      const band = bands.find(({ top, bottom }) => runs[3 * run + 1]! <= top && runs[3 * run + 2]! >= bottom);
      for (const n of band?.list ?? []) {
        assert.ok(at < x[n]! || at > x[n]! + widths[n]!, `edge ${e} runs through box ${n}`);
      }
    }
  }
}

describe('layout', () => {
  it('places nothing, one box, and a chain', () => {
    assert.equal(check(graph(0, [])).height, 0);
    assert.equal(check(graph(1, [])).rank[0], 0);
    const chain = check(graph(4, [[0, 1], [1, 2], [2, 3]])); // prettier-ignore
    assert.deepEqual([...chain.rank], [0, 1, 2, 3]);
    assert.equal(new Set(chain.x).size, 1, 'a chain is straight');
  });

  it('puts a source directly above its consumer', () => {
    const layout = check(graph(5, [[0, 1], [1, 2], [2, 3], [4, 3]])); // prettier-ignore
    assert.equal(layout.rank[4], 2);
  });

  it('puts a tree that nothing else reads directly above its consumer', () => {
    // 0 → … → 4 is a chain; 5 and 6 feed 7, which 4 reads.
    const layout = check(graph(8, [[0, 1], [1, 2], [2, 3], [3, 4], [5, 7], [6, 7], [7, 4]])); // prettier-ignore
    assert.deepEqual([5, 6, 7].map((n) => layout.rank[n]), [2, 2, 3]); // prettier-ignore
  });

  it('keeps a long way straight, whatever small trees hang on it', () => {
    // 30 steps, each of which reads the one before it and two constants of its own.
    const steps = 30;
    const edges = Array.from({ length: steps }, (_, i) => [
      ...(i === 0 ? [] : [[i - 1, i]]),
      [steps + 2 * i, i],
      [steps + 2 * i + 1, i],
    ]).flat();
    const { x } = check({
      widths: new Float32Array(3 * steps).fill(100),
      heights: new Float32Array(3 * steps).fill(28),
      source: Int32Array.from(edges, ([from]) => from!),
      target: Int32Array.from(edges, ([, to]) => to!),
    });
    // The first has nothing but its constants to stand under.
    assert.deepEqual(x.slice(1, steps), new Float32Array(steps - 1).fill(x[1]!));
  });

  it('keeps random graphs free of overlaps and running down', () => {
    for (let seed = 1; seed <= 40; seed++) check(randomGraph(20 + seed * 7, seed));
  });

  it('draws a cycle instead of hanging on it', () => {
    const layout = layoutGraph(graph(3, [[0, 1], [1, 2], [2, 0], [1, 1]])); // prettier-ignore
    assert.deepEqual([...layout.edgeKind], [EdgeKind.line, EdgeKind.line, EdgeKind.back, EdgeKind.loop]);
    assert.deepEqual([...layout.rank], [0, 1, 2]);
  });

  it('is deterministic', () => {
    const input = randomGraph(300, 5);
    assert.deepEqual(layoutGraph(input), layoutGraph(randomGraph(300, 5)));
  });

  it('turns the edges of a hub into references, but leaves no consumer without an edge', () => {
    // Node 0 feeds everything; 1 … 20 is a chain, 21 … 30 hang on the hub alone.
    const edges: [number, number][] = [];
    for (let n = 1; n <= 30; n++) edges.push([0, n]);
    for (let n = 1; n < 20; n++) edges.push([n, n + 1]);
    const layout = check(graph(31, edges));
    const references = edges.filter((_, e) => layout.edgeKind[e] === EdgeKind.reference);
    assert.deepEqual(
      references.map(([, target]) => target),
      Array.from({ length: 19 }, (_, i) => i + 2),
    );
  });

  it('lays out a decoder of 10,000 nodes with shared tensors', (context) => {
    const input = decoderGraph(10_000);
    const start = performance.now();
    const layout = check(input);
    context.diagnostic(
      `${input.widths.length} nodes, ${input.source.length} edges: ${(performance.now() - start).toFixed(0)} ms with checks, ` +
        `${layout.edgeKind.filter((kind) => kind === EdgeKind.reference).length} references`,
    );
  });
});

function graph(nodes: number, edges: readonly (readonly [number, number])[]): LayoutInput {
  return {
    widths: new Float32Array(nodes).fill(100),
    heights: new Float32Array(nodes).fill(30),
    source: Int32Array.from(edges, ([source]) => source),
    target: Int32Array.from(edges, ([, target]) => target),
  };
}
