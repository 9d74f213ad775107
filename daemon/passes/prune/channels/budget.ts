// Chooses what goes: so many channels, or until a price (multiply-accumulates, bytes, time) is low enough, from every
// unit alike or where it costs least. Widths stay multiples of what the host's vector registers hold.

import { breathe, type Task } from '../../../base/task';
import type { Component, Structure, Unit } from './analyse';
import type { AxisRef } from './elements';
import type { Scores } from './importance';
import type { Price } from './price';

export interface Budget {
  /** Share of the channels that may go (0 to 1), or … */
  readonly ratio?: number | undefined;
  /** … the price that has to be reached. */
  readonly target?: { readonly price: Price; readonly amount: number } | undefined;
  /** `layer`: the same share of every unit. `global`: where the score per gain is least. */
  readonly scope: 'global' | 'layer';
  /** Widths stay multiples of this where they can: 16 with AVX-512, 8 with AVX2, 4 with NEON. */
  readonly align: number;
  /** At most this share of one unit; 0.8 when absent. */
  readonly most?: number | undefined;
  /** At most these shares of single units instead. */
  readonly caps?: ReadonlyMap<Unit, number> | undefined;
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

interface Candidate {
  readonly unit: Unit;
  /** Least important first. */
  readonly order: readonly number[];
  readonly step: number;
  readonly most: number;
  taken: number;
}

/** What went at once, and the price (or the channels) that is left after it. */
export interface Step {
  readonly components: readonly Component[];
  readonly left: number;
}

export interface Choice {
  /** Components to remove. */
  readonly removed: readonly Component[];
  /** The price that is left, or the channels. */
  readonly left: number;
  /** Whether so much could go. */
  readonly reached: boolean;
  /** The same one after another. */
  readonly path: readonly Step[];
}

export async function chooseComponents(
  structure: Structure,
  scores: Scores,
  budget: Budget,
  task: Task,
): Promise<Choice> {
  const price = budget.target?.price.fresh();
  const candidates = candidatesOf(structure, scores, budget);
  const path: Step[] = [];
  const width = candidates.reduce((sum, { unit }) => sum + unit.components.length, 0);
  let left = price?.total ?? width;
  const goal = budget.target ? budget.target.amount * (1 + 1e-9) : (1 - (budget.ratio ?? 0)) * width;
  const take = (candidate: Candidate, count: number) => {
    if (price) {
      const change = changeOf(structure, candidate, count);
      left -= price.gain(change);
      price.apply(change);
    } else left -= count;
    path.push({ components: componentsOf(candidate, candidate.taken, count), left });
    candidate.taken += count;
  };
  const enough = () => left <= goal;
  if (budget.scope === 'layer') {
    for (const ratio of price ? shares : [budget.ratio ?? 0]) {
      for (const candidate of candidates) {
        await breathe(task);
        const wanted = nextWidth(candidate, ratio);
        if (wanted > candidate.taken && !(price && enough())) take(candidate, wanted - candidate.taken);
      }
      if (price && enough()) break;
    }
  } else {
    while (!enough()) {
      await breathe(task);
      let best: { candidate: Candidate; count: number; rate: number } | undefined;
      for (const candidate of candidates) {
        const count = nextCount(candidate);
        if (count === 0) continue;
        const own = scores.get(candidate.unit)!;
        let loss = 0;
        for (const i of candidate.order.slice(candidate.taken, candidate.taken + count)) loss += own[i]!;
        const gain = price ? price.gain(changeOf(structure, candidate, count)) / price.total : count;
        const rate = loss / Math.max(gain, 1e-12);
        if (!best || rate < best.rate) best = { candidate, count, rate };
      }
      if (!best) break;
      take(best.candidate, best.count);
    }
  }
  const removed = candidates.flatMap((candidate) => componentsOf(candidate, 0, candidate.taken));
  return { removed, left, reached: (!price && budget.scope === 'layer') || enough(), path };
}

/** The single steps that could come after those, each of another unit, with what would be left. */
export function stepsAfter(
  structure: Structure,
  scores: Scores,
  budget: Omit<Budget, 'ratio' | 'target'>,
  price: Price,
  taken: readonly Step[],
): Step[] {
  const gone = new Set(taken.flatMap(({ components }) => components));
  const now = price.fresh();
  let left = now.total;
  const candidates = candidatesOf(structure, scores, budget);
  for (const candidate of candidates) {
    const count = candidate.unit.components.filter((each) => gone.has(each)).length;
    const change = changeOf(structure, candidate, count);
    left -= now.gain(change);
    now.apply(change);
    candidate.taken = count;
  }
  return candidates.flatMap((candidate) => {
    const count = nextCount(candidate);
    if (count === 0) return [];
    const components = componentsOf(candidate, candidate.taken, count);
    return [{ components, left: left - now.gain(changeOf(structure, candidate, count)) }];
  });
}

function candidatesOf(
  { units }: Structure,
  scores: Scores,
  { align, caps, most }: Pick<Budget, 'align' | 'caps' | 'most'>,
): Candidate[] {
  return units.map((unit) => {
    const own = scores.get(unit)!;
    const order = unit.components.map((_, i) => i).sort((a, b) => own[a]! - own[b]! || a - b);
    const width = unit.components.length;
    const largest = Math.floor((caps?.get(unit) ?? most ?? mostOfUnit) * width + 1e-9);
    return { unit, order, step: stepOf(unit, align), most: Math.min(width - 1, largest), taken: 0 };
  });
}

const componentsOf = ({ unit, order }: Candidate, from: number, count: number): Component[] =>
  order.slice(from, from + count).map((i) => unit.components[i]!);

/** Share of each axis that goes with the next so many components. */
function changeOf({ elements }: Structure, { unit, order, taken }: Candidate, count: number) {
  const change = new Map<AxisRef, number>();
  for (const i of order.slice(taken, taken + count)) {
    for (const element of unit.components[i]!.members) {
      const axis = elements.axisOf(element);
      change.set(axis, (change.get(axis) ?? 0) + 1 / axis.length);
    }
  }
  return change;
}

/** Of one unit, where nobody says otherwise. */
const mostOfUnit = 0.8;

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
