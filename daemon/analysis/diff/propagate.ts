// Spreads pairs along the edges: what feeds a pair, and what a pair feeds, is likely a pair too. Where one side has
// nodes more (a folded BatchNorm, an inserted Clip), up to four unpaired nodes are stepped over; the shortest step
// with the same attributes goes first.

import { eachInSteps, type Steps } from '../../base/task';
import { nodeSources, type Matching } from './matching';
import type { Labels } from './nodeLabels';
import { isCommutative } from './structureHashes';
import type { DiffGraph, Use } from './diffGraph';

const mostSteps = 4;
const mostVisited = 24;

export interface Sides {
  readonly a: Labels;
  readonly b: Labels;
}

/** What tells twins apart: hashes of ever smaller surroundings, and a place in an order made from structure. */
export interface Surroundings {
  readonly around: readonly { readonly a: Float64Array; readonly b: Float64Array }[];
  readonly place: { readonly a: Int32Array; readonly b: Int32Array };
}

interface Candidate {
  readonly x: number;
  readonly y: number;
}

/** A worklist of pairs to be, cheapest first. */
export class Propagation {
  private readonly buckets: Candidate[][] = Array.from({ length: 2 * mostSteps + 5 }, () => []);

  constructor(
    private readonly matching: Matching,
    private readonly labels: Sides,
    private readonly maySkip: boolean,
    private readonly surroundings?: Surroundings,
  ) {}

  /** Starts from the graph's ends: equal positions among inputs and outputs. */
  ends(): this {
    const { a, b } = this.matching;
    a.outputs.forEach((output, at) => {
      const other = b.outputs[at];
      if (other && output.from >= 0 && other.from >= 0) this.consider(output.from, other.from);
    });
    a.inputUses.forEach((uses, at) => {
      const others = b.inputUses[at];
      if (others) this.considerUses(uses, others);
    });
    return this;
  }

  /** Starts from every pair that is there already, too, and spreads; in steps. */
  *run(): Steps<void> {
    yield* eachInSteps(
      [...this.matching.ofA],
      (y, x) => {
        if (y >= 0 && this.matching.a.hidden[x] === 0) this.neighbours(x, y);
      },
      64,
    );
    for (let done = 1; ; done += 1) {
      if (done % 64 === 0) yield;
      const bucket = this.buckets.find((list) => list.length > 0);
      if (!bucket) return;
      const { x, y } = bucket.pop()!;
      if (!this.matching.free(x, y)) continue;
      const { agree, disagree } = this.matching.agreement(x, y);
      if (disagree > agree) continue;
      this.matching.pair(x, y);
      this.neighbours(x, y);
    }
  }

  private neighbours(x: number, y: number): void {
    const { a, b } = this.matching;
    const left = nodeSources(a.skeleton, x);
    const right = nodeSources(b.skeleton, y);
    const crossed =
      isCommutative(a.nodes[x]!.opType) &&
      left.length === 2 &&
      right.length === 2 &&
      this.fits(left[0]!.node, right[1]!.node) + this.fits(left[1]!.node, right[0]!.node) >
        this.fits(left[0]!.node, right[0]!.node) + this.fits(left[1]!.node, right[1]!.node);
    left.forEach((source, at) => {
      const other = crossed
        ? right[1 - at]
        : (right.find(({ slot }) => slot === source.slot) ?? (left.length === 1 ? right[0] : undefined));
      if (other) this.consider(source.node, other.node);
    });
    this.considerUses(a.uses[x]!, b.uses[y]!);
  }

  private fits(x: number, y: number): number {
    if (this.matching.ofA[x] === y) return 3;
    if (!this.matching.free(x, y)) return -1;
    if (this.labels.a.full[x] === this.labels.b.full[y]) return 2;
    return this.labels.a.kind[x] === this.labels.b.kind[y] ? 1 : 0;
  }

  /** The two are in the same place: a pair when they are the same operator, else one of them may be stepped over. */
  private consider(x: number, y: number): void {
    const { ofA, ofB } = this.matching;
    if (ofA[x] === -1 && ofB[y] === -1 && this.labels.a.kind[x] === this.labels.b.kind[y]) {
      this.push(x, y, 0);
      return;
    }
    if (!this.maySkip) return;
    const { a, b } = this.matching;
    if (ofA[x] === -1)
      this.walk(a, x, ofA, this.labels.a, y, ofB, this.labels.b, 'up', (at, other) => [at, other]);
    if (ofB[y] === -1)
      this.walk(b, y, ofB, this.labels.b, x, ofA, this.labels.a, 'up', (at, other) => [other, at]);
  }

  /** Walks over unpaired nodes from `start` for one like `wanted`; each found is a candidate. */
  private walk(
    graph: DiffGraph,
    start: number,
    partner: Int32Array,
    labels: Labels,
    wanted: number,
    wantedPartner: Int32Array,
    wantedLabels: Labels,
    direction: 'up' | 'down',
    order: (found: number, wanted: number) => [number, number],
  ): void {
    if (wantedPartner[wanted] !== -1) return;
    const seen = new Set([start]);
    let level = [start];
    for (let steps = 1; steps <= mostSteps && level.length > 0; steps += 1) {
      const next: number[] = [];
      for (const at of level) {
        const neighbours =
          direction === 'up'
            ? nodeSources(graph.skeleton, at).map(({ node }) => node)
            : graph.uses[at]!.map(({ node }) => node);
        for (const node of neighbours) {
          if (seen.size > mostVisited || seen.has(node) || partner[node] !== -1) continue;
          seen.add(node);
          next.push(node);
          if (labels.kind[node] === wantedLabels.kind[wanted]) {
            const [x, y] = order(node, wanted);
            this.push(x, y, steps);
          }
        }
      }
      level = next;
    }
  }

  private push(x: number, y: number, steps: number): void {
    const same = this.labels.a.full[x] === this.labels.b.full[y] ? 0 : 1;
    this.buckets[steps * 2 + same]!.push({ x, y });
  }

  /** Readers of the same value: pairs where operator and slot leave one choice on each side, or an equal number of twins. */
  private considerUses(left: readonly Use[], right: readonly Use[]): void {
    const { ofA, ofB, a, b } = this.matching;
    const freeLeft = left.filter(({ node }) => ofA[node] === -1);
    const freeRight = right.filter(({ node }) => ofB[node] === -1);
    if (freeLeft.length === 0 && freeRight.length === 0) return;
    if (freeLeft.length > 64 || freeRight.length > 64) return;
    const taken = new Set<Use>();
    const { full, kind } = this.labels.a;
    const tables = [
      ...(this.surroundings?.around ?? []),
      { a: full, b: this.labels.b.full },
      { a: kind, b: this.labels.b.kind },
    ];
    for (const table of tables) {
      for (const use of freeLeft) {
        if (taken.has(use)) continue;
        const [twins, choices] = this.alike(table, use, freeLeft, freeRight, taken);
        if (twins.length !== 1 || choices.length !== 1) continue;
        this.push(use.node, choices[0]!.node, 0);
        taken.add(use).add(choices[0]!);
      }
    }
    const place = this.surroundings?.place;
    for (const use of place ? freeLeft : []) {
      const [twins, choices] = this.alike(tables.at(-1)!, use, freeLeft, freeRight, taken);
      if (taken.has(use) || twins.length !== choices.length) continue;
      // Nothing tells them apart: their order decides, after everything that is surer.
      twins.sort((one, other) => place!.a[one.node]! - place!.a[other.node]!);
      choices.sort((one, other) => place!.b[one.node]! - place!.b[other.node]!);
      twins.forEach((each, at) => {
        this.buckets.at(-1)!.push({ x: each.node, y: choices[at]!.node });
        taken.add(each).add(choices[at]!);
      });
    }
    if (!this.maySkip) return;
    const restLeft = freeLeft.filter((use) => !taken.has(use));
    const restRight = freeRight.filter((use) => !taken.has(use));
    if (restLeft.length > 8 || restRight.length > 8) return;
    for (const use of restLeft)
      for (const other of right)
        this.walk(a, use.node, ofA, this.labels.a, other.node, ofB, this.labels.b, 'down', (at, y) => [
          at,
          y,
        ]);
    for (const other of restRight)
      for (const use of left)
        this.walk(b, other.node, ofB, this.labels.b, use.node, ofA, this.labels.a, 'down', (at, x) => [
          x,
          at,
        ]);
  }

  /** Free readers on both sides that look like `use` by one table of hashes. */
  private alike(
    table: { readonly a: Float64Array; readonly b: Float64Array },
    use: Use,
    left: readonly Use[],
    right: readonly Use[],
    taken: ReadonlySet<Use>,
  ): [twins: Use[], choices: Use[]] {
    const key = table.a[use.node]!;
    const fits = (hash: Float64Array, other: Use) =>
      !taken.has(other) && hash[other.node] === key && other.port === use.port && this.sameSlot(use, other);
    return [left.filter((each) => fits(table.a, each)), right.filter((each) => fits(table.b, each))];
  }

  private sameSlot(use: Use, other: Use): boolean {
    return use.slot === other.slot || isCommutative(this.matching.a.nodes[use.node]!.opType);
  }
}
