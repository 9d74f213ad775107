// The cost of a model as overlays on its picture.

import { eachInSteps, inOneGo, type Steps } from '../../base/task';
import type { Overlay } from '../../base/overlay';
import type { CostReport, CostRow } from './costReport';

const kinds: readonly (Pick<Overlay, 'name' | 'title' | 'unit' | 'higherIs' | 'combine'> & {
  readonly of: (row: CostRow) => number | null;
})[] = [
  { name: 'cost.macs', title: 'MACs', unit: 'MAC', higherIs: 'worse', of: (row) => row.macs },
  { name: 'cost.flops', title: 'Operations', unit: 'op', higherIs: 'worse', of: (row) => row.flops },
  { name: 'cost.weights', title: 'Weights', unit: 'B', higherIs: 'worse', of: (row) => row.weightBytes },
  {
    name: 'cost.activations',
    title: 'Activations written',
    unit: 'B',
    higherIs: 'worse',
    of: (row) => row.outputBytes,
  },
  {
    name: 'cost.live',
    title: 'Memory live',
    unit: 'B',
    higherIs: 'worse',
    combine: 'max',
    of: (row) => row.liveBytes,
  },
  {
    name: 'cost.intensity',
    title: 'Arithmetic intensity',
    unit: 'op/B',
    higherIs: 'better',
    combine: 'mean',
    of: (row) => row.intensity,
  },
];

/** One overlay for each kind of cost; nodes of unknown cost are left plain. */
export const costOverlays = (report: CostReport): Overlay[] => inOneGo(overlayingCost(report));

/** The same in steps. */
export function* overlayingCost(report: CostReport): Steps<Overlay[]> {
  const overlays: Overlay[] = [];
  for (const { of, ...kind } of kinds) {
    const entries: { node: string; value: number }[] = [];
    yield* eachInSteps(report.nodes, (row) => {
      const value = of(row);
      if (value !== null && row.name !== '') entries.push({ node: row.name, value });
    });
    overlays.push({ ...kind, kind: 'sequential', entries });
  }
  return overlays;
}
