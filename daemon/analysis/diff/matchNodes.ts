// Pairs the nodes of two graphs. By structure: equal weights first, then equal surroundings, then along the edges
// from the pairs that are there, then what is left in an order made from structure; names are a hint at the end.
// The order of nodes in the file is never used.

import { eachInSteps, type Steps } from '../../base/task';
import { commonSubsequence, longestGrowing, mostCells } from './align';
import type { DiffGraph } from './diffGraph';
import { matchHidden } from './matchHidden';
import { Matching, nodeSources } from './matching';
import { Hash, nodeLabels, weightKeys } from './nodeLabels';
import { Propagation, type Sides } from './propagate';
import { ancestorHashes, descendantHashes, neighbourhoodHashes } from './structureHashes';

/** A number for the values of a constant of the graph; undefined when it has none to read. */
export type Fingerprint = (constant: number) => number | undefined;

/** Pairs the nodes of two graphs, in steps; about linear in nodes and edges. */
export function* matchNodes(
  a: DiffGraph,
  b: DiffGraph,
  prints: { readonly a: Fingerprint; readonly b: Fingerprint },
): Steps<Matching> {
  const matching = new Matching(a, b);
  const labels: Sides = { a: yield* nodeLabels(a), b: yield* nodeLabels(b) };
  const weights = {
    a: yield* weightKeys(a, labels.a, prints.a),
    b: yield* weightKeys(b, labels.b, prints.b),
  };
  yield* matchUnique(matching, weights.a, weights.b, false);
  yield* new Propagation(matching, labels, false).run();

  const upA = yield* ancestorHashes(a, labels.a.full);
  const upB = yield* ancestorHashes(b, labels.b.full);
  const downA = yield* descendantHashes(a, labels.a.full);
  const downB = yield* descendantHashes(b, labels.b.full);
  const both = (up: Float64Array, down: Float64Array) =>
    up.map((value, at) => (value === 0 ? 0 : new Hash().hash(value).hash(down[at]!).value()));
  const bothA = both(upA, downA);
  yield;
  const bothB = both(upB, downB);
  yield* matchUnique(matching, bothA, bothB, true);
  yield* new Propagation(matching, labels, false).ends().run();
  yield* matchUnique(matching, upA, upB, false);
  yield* matchUnique(matching, downA, downB, false);
  if (matching.complete()) {
    yield* matchHidden(matching, labels);
    return matching;
  }
  const around: { a: Float64Array; b: Float64Array }[] = [];
  for (const rounds of [8, 4, 2, 1])
    around.push({
      a: yield* neighbourhoodHashes(a, labels.a.full, rounds),
      b: yield* neighbourhoodHashes(b, labels.b.full, rounds),
    });
  const orders = { a: yield* structureOrder(a), b: yield* structureOrder(b) };
  const place = { a: placesIn(orders.a, a), b: placesIn(orders.b, b) };
  const look = () => new Propagation(matching, labels, true, { around, place }).ends().run();
  yield* look();
  for (const hashes of around.slice(0, 3))
    if (yield* matchUnique(matching, hashes.a, hashes.b, false)) yield* look();
  for (const table of ['full', 'kind', 'op'] as const)
    if (yield* alignRest(matching, orders, labels.a[table], labels.b[table], table !== 'full')) yield* look();
  matchNames(matching, labels);
  yield* matchHidden(matching, labels);
  return matching;
}

/**
 * Pairs free nodes whose key occurs once on each side and that do not contradict the pairs around them. `twins`: as
 * often on each side, then in running order; for keys that say everything about a place, so that any order is right.
 */
function* matchUnique(
  matching: Matching,
  keysA: Float64Array,
  keysB: Float64Array,
  twins: boolean,
): Steps<boolean> {
  const { a, b } = matching;
  function* collect(graph: DiffGraph, keys: Float64Array, partner: Int32Array) {
    const byKey = new Map<number, number[]>();
    yield* eachInSteps(graph.order, (index) => {
      if (keys[index] === 0 || graph.hidden[index]! > 0 || partner[index] !== -1) return;
      const list = byKey.get(keys[index]!);
      if (list) list.push(index);
      else byKey.set(keys[index]!, [index]);
    });
    return byKey;
  }
  const left = yield* collect(a, keysA, matching.ofA);
  const right = yield* collect(b, keysB, matching.ofB);
  let any = false;
  let done = 0;
  for (const [key, list] of left) {
    if ((done += 1) % 64 === 0) yield;
    const others = right.get(key);
    if (others?.length !== list.length || (list.length > 1 && !twins)) continue;
    list.forEach((x, at) => {
      const y = others[at]!;
      const { agree, disagree } = matching.agreement(x, y);
      if (disagree > agree) return;
      matching.pair(x, y);
      any = true;
    });
  }
  return any;
}

/** Visible nodes in depth-first order from the outputs, inputs by slot: the same for any naming and file order. */
function* structureOrder({ nodes, skeleton, outputs, hidden, order }: DiffGraph): Steps<number[]> {
  const seen = new Uint8Array(nodes.length);
  const found: number[] = [];
  let done = 0;
  function* visit(root: number): Steps<void> {
    const stack: number[] = [root];
    const next: number[] = [skeleton.start[root]!];
    seen[root] = 1;
    while (stack.length > 0) {
      if ((done += 1) % 2048 === 0) yield;
      const index = stack.at(-1)!;
      const at = next.at(-1)!;
      if (at >= skeleton.start[index + 1]!) {
        found.push(index);
        stack.pop();
        next.pop();
        continue;
      }
      next[next.length - 1] = at + 1;
      const from = skeleton.from[at]!;
      if (from < 0 || seen[from] === 1) continue;
      seen[from] = 1;
      stack.push(from);
      next.push(skeleton.start[from]!);
    }
  }
  for (const { from } of outputs) if (from >= 0 && seen[from] === 0) yield* visit(from);
  // What no output depends on comes last.
  for (let i = order.length - 1; i >= 0; i -= 1) if (seen[order[i]!] === 0) yield* visit(order[i]!);
  return found.filter((index) => hidden[index] === 0);
}

/** Each node's position in an order of visible nodes; hidden ones come last. */
function placesIn(order: readonly number[], { nodes }: DiffGraph): Int32Array {
  const place = new Int32Array(nodes.length).fill(nodes.length);
  order.forEach((index, at) => (place[index] = at));
  return place;
}

/** Pairs what is left between pairs that are in the same order on both sides. */
function* alignRest(
  matching: Matching,
  orders: { readonly a: readonly number[]; readonly b: readonly number[] },
  keysA: Float64Array,
  keysB: Float64Array,
  needsNeighbour: boolean,
): Steps<boolean> {
  const { ofA, ofB } = matching;
  const placeB = new Int32Array(ofB.length);
  orders.b.forEach((index, at) => (placeB[index] = at));
  const anchors = orders.a.flatMap((index, at) =>
    ofA[index]! >= 0 ? [{ at, other: placeB[ofA[index]!]! }] : [],
  );
  const kept = longestGrowing(anchors.map(({ other }) => other)).map((at) => anchors[at]!);
  let any = false;
  let fromA = 0;
  let fromB = 0;
  for (const { at, other } of [...kept, { at: orders.a.length, other: orders.b.length }]) {
    const left = orders.a.slice(fromA, at).filter((index) => ofA[index] === -1);
    const right = orders.b.slice(fromB, other).filter((index) => ofB[index] === -1);
    yield;
    fromA = at + 1;
    fromB = other + 1;
    if (left.length === 0 || right.length === 0 || left.length * right.length > mostCells) continue;
    const pairs = commonSubsequence(
      left.map((index) => keysA[index]!),
      right.map((index) => keysB[index]!),
    );
    for (const [i, j] of pairs) {
      const { agree, disagree } = matching.agreement(left[i]!, right[j]!);
      if (disagree > agree || (needsNeighbour && agree === 0)) continue;
      matching.pair(left[i]!, right[j]!);
      any = true;
    }
  }
  return any;
}

/** The last hint: the same operator under the same name or writing the same value. */
function matchNames(matching: Matching, labels: Sides): void {
  const { a, b, ofA, ofB } = matching;
  for (const nameOf of [
    (graph: DiffGraph, index: number) => graph.nodes[index]!.name,
    (graph: DiffGraph, index: number) => graph.nodes[index]!.outputs[0] ?? '',
  ]) {
    const named = new Map<string, number>();
    b.nodes.forEach((_, index) => {
      if (ofB[index] === -1 && b.hidden[index] === 0) named.set(nameOf(b, index), index);
    });
    named.delete('');
    a.nodes.forEach((_, index) => {
      if (ofA[index] !== -1 || a.hidden[index]! > 0) return;
      const other = named.get(nameOf(a, index));
      if (other === undefined || ofB[other] !== -1 || labels.a.op[index] !== labels.b.op[other]) return;
      const { agree, disagree } = matching.agreement(index, other);
      const alone = nodeSources(a.skeleton, index).length === 0;
      if (disagree <= agree && (agree > 0 || alone)) matching.pair(index, other);
    });
  }
}
