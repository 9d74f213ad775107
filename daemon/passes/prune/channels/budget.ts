// Chooses what goes: so many channels, or so many multiply-accumulates, from every unit alike or where it costs
// least. Widths stay multiples of what the host's vector registers hold.

import { countMacs, assumeDimensions } from '../../../analysis/cost';
import { inferShapes } from '../../../analysis/shapes';
import { breathe, type Task } from '../../../base/task';
import type { Node } from '../../../ir/model';
import type { Component, Structure, Unit } from './analyse';
import type { AxisRef } from './elements';
import type { Scores } from './importance';

export interface Budget {
  /** Share of the channels that may go (0 to 1), or … */
  readonly ratio?: number | undefined;
  /** … share of the multiply-accumulates that stays. */
  readonly targetMacs?: number | undefined;
  /** `layer`: the same share of every unit. `global`: where the score per gain is least. */
  readonly scope: 'global' | 'layer';
  /** Widths stay multiples of this where they can: 16 with AVX-512, 8 with AVX2, 4 with NEON. */
  readonly align: number;
  /** At most this share of one unit; 0.8 when absent. */
  readonly most?: number | undefined;
}

/** Number of components that go together, so that the width stays aligned. */
export function stepOf(unit: Unit, align: number): number {
  const width = unit.components.length;
  for (let step = align; step > 1; step /= 2) {
    const count = Math.max(1, step / gcd(step, unit.size));
    if (count === 1 || (width % count === 0 && width >= 2 * count) || width >= 4 * count) return count;
  }
  return 1;
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

/** Multiply-accumulates of the nodes, and the axes that they are proportional to. */
class MacModel {
  private readonly factors = new Map<AxisRef, { node: number; axis: AxisRef }[]>();
  private readonly macs: number[] = [];
  private readonly share = new Map<AxisRef, number>();
  private readonly axesOf: AxisRef[][] = [];
  readonly total: number;

  constructor({ model, elements }: Structure) {
    const counted = countMacs(inferShapes(model, { bind: assumeDimensions(model) }));
    model.graph.nodes.forEach((node, index) => {
      const own = counted.nodes[index] ?? 0;
      this.macs.push(own);
      const axes = own > 0 ? factorAxes(node, elements.of.bind(elements)) : [];
      this.axesOf.push(axes);
      for (const axis of axes) {
        const list = this.factors.get(axis);
        const entry = { node: index, axis };
        if (list) list.push(entry);
        else this.factors.set(axis, [entry]);
      }
    });
    this.total = this.macs.reduce((sum, own) => sum + own, 0);
  }

  private nodeMacs(node: number, change: ReadonlyMap<AxisRef, number>): number {
    return this.axesOf[node]!.reduce(
      (macs, axis) => macs * ((this.share.get(axis) ?? 1) - (change.get(axis) ?? 0)),
      this.macs[node]!,
    );
  }

  /** What removing `count` elements of each axis of a unit saves. */
  gain(change: ReadonlyMap<AxisRef, number>): number {
    const nodes = new Set<number>();
    for (const axis of change.keys()) for (const { node } of this.factors.get(axis) ?? []) nodes.add(node);
    let gain = 0;
    for (const node of nodes) gain += this.nodeMacs(node, new Map()) - this.nodeMacs(node, change);
    return gain;
  }

  apply(change: ReadonlyMap<AxisRef, number>): void {
    for (const [axis, less] of change) this.share.set(axis, (this.share.get(axis) ?? 1) - less);
  }
}

function factorAxes(node: Node, of: (value: string) => readonly (AxisRef | undefined)[]): AxisRef[] {
  const [a = '', b = ''] = node.inputs;
  const y = node.outputs[0] ?? '';
  const present = (axes: readonly (AxisRef | undefined)[]) => axes.filter((axis) => axis !== undefined);
  if (node.opType === 'MatMul') return present([...of(y), of(a).at(-1)]);
  return present(of(b));
}

interface Candidate {
  readonly unit: Unit;
  /** Least important first. */
  readonly order: readonly number[];
  readonly step: number;
  readonly most: number;
  taken: number;
}

/** Components to remove, the share of multiply-accumulates that stays, and whether the target was reached. */
export interface Choice {
  readonly removed: readonly Component[];
  readonly macsShare: number;
  readonly reached: boolean;
}

export async function chooseComponents(
  structure: Structure,
  scores: Scores,
  budget: Budget,
  task: Task,
): Promise<Choice> {
  const macs = new MacModel(structure);
  const candidates = structure.units.map((unit): Candidate => {
    const own = scores.get(unit)!;
    const order = unit.components.map((_, i) => i).sort((a, b) => own[a]! - own[b]! || a - b);
    const step = stepOf(unit, budget.align);
    const width = unit.components.length;
    const largest = Math.floor((budget.most ?? 0.8) * width);
    return { unit, order, step, most: Math.min(width - 1, largest), taken: 0 };
  });
  const changeOf = ({ unit, order, taken }: Candidate, count: number) => {
    const change = new Map<AxisRef, number>();
    for (const i of order.slice(taken, taken + count)) {
      for (const element of unit.components[i]!.members) {
        const axis = structure.elements.axisOf(element);
        change.set(axis, (change.get(axis) ?? 0) + 1 / axis.length);
      }
    }
    return change;
  };
  const width = candidates.reduce((sum, { unit }) => sum + unit.components.length, 0);
  let gone = 0;
  let left = macs.total;
  const take = (candidate: Candidate, count: number) => {
    const change = changeOf(candidate, count);
    left -= macs.gain(change);
    macs.apply(change);
    candidate.taken += count;
    gone += count;
  };
  const enough = () =>
    budget.targetMacs === undefined
      ? gone >= (budget.ratio ?? 0) * width
      : left <= budget.targetMacs * macs.total * (1 + 1e-9);
  if (budget.scope === 'layer') {
    const share = budget.targetMacs === undefined ? [budget.ratio ?? 0] : shares;
    for (const ratio of share) {
      for (const candidate of candidates) {
        await breathe(task);
        const wanted = nextWidth(candidate, ratio);
        if (wanted > candidate.taken && !(budget.targetMacs !== undefined && enough()))
          take(candidate, wanted - candidate.taken);
      }
      if (budget.targetMacs !== undefined && enough()) break;
    }
  } else {
    while (!enough()) {
      await breathe(task);
      let best: { candidate: Candidate; count: number; price: number } | undefined;
      for (const candidate of candidates) {
        const count = nextCount(candidate);
        if (count === 0) continue;
        const own = scores.get(candidate.unit)!;
        let loss = 0;
        for (const i of candidate.order.slice(candidate.taken, candidate.taken + count)) loss += own[i]!;
        const gain = budget.targetMacs === undefined ? count : macs.gain(changeOf(candidate, count));
        const price = loss / Math.max(gain, 1e-9);
        if (!best || price < best.price) best = { candidate, count, price };
      }
      if (!best) break;
      take(best.candidate, best.count);
    }
  }
  const removed = candidates.flatMap(({ unit, order, taken }) =>
    order.slice(0, taken).map((i) => unit.components[i]!),
  );
  return {
    removed,
    macsShare: macs.total > 0 ? left / macs.total : 1,
    reached: budget.scope === 'layer' || enough(),
  };
}

const shares = Array.from({ length: 76 }, (_, i) => 0.05 + i / 100);

/** Components to take of a unit so that about `ratio` of it is gone and the width is aligned. */
function nextWidth({ unit, step, most }: Candidate, ratio: number): number {
  const width = unit.components.length;
  const kept = Math.max(width - most, Math.round(((1 - ratio) * width) / step) * step, 1);
  return width - Math.min(width, Math.max(kept, Math.min(width, step)));
}

/** How many go next: to the next aligned width below, 0 when that would be too narrow. */
function nextCount({ unit, step, most, taken }: Candidate): number {
  const now = unit.components.length - taken;
  const count = now % step === 0 ? step : now % step;
  return taken + count > most || now - count < 1 ? 0 : count;
}
