// What the measured versions of one model say, as rows with the goals of static int8.

import type { BenchRow } from '../row';

/** One version of the model with what was measured of it. */
export interface Figure {
  readonly name: string;
  readonly path: string;
  readonly ours: boolean;
  /** Speed against float, and its 95 % interval in words. */
  readonly ratio: number;
  readonly span: string;
  /** Top-1 lost against float, a share; NaN where there are no labels. */
  readonly drop: number;
}

/** Ours minus theirs in top-1 on the same samples, shares, with the 95 % interval. */
export interface Lead {
  readonly rival: string;
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

export interface Measured {
  readonly model: string;
  /** Top-1 of the float model; NaN where there are no labels. */
  readonly float: number;
  readonly figures: readonly Figure[];
  /** Against those of theirs that are as fast as ours. */
  readonly leads: readonly Lead[];
  readonly missing: string | undefined;
}

const hardSwish: ReadonlySet<string> = new Set(['hardswish']);
const convolutional: ReadonlySet<string> = new Set(['digits', 'resnet', 'mobilenet', 'hardswish']);

export const unmeasured = (name: string, why: string): BenchRow => ({
  name,
  value: null,
  unit: '',
  goal: '',
  holds: false,
  detail: `not measured: ${why}`,
});

export const fastest = (list: readonly Figure[]): Figure | undefined =>
  [...list].sort((a, b) => b.ratio - a.ratio)[0];

/** Name of the version after the search for accuracy. */
export const searched = 'ours after --max-drop 0.003';

export function rowsOf(measured: Measured): BenchRow[] {
  const { model, figures } = measured;
  const row = (
    name: string,
    value: number,
    unit: string,
    goal: string,
    holds: boolean,
    detail: string,
  ): BenchRow => ({ name: `${model}: ${name}`, value, unit, goal, holds, detail });
  const ours = fastest(figures.filter((each) => each.ours && each.name !== searched));
  if (!ours) return [unmeasured(model, 'our own quantization failed')];
  return [...speedRows(measured, ours, row), ...accuracyRows(measured, ours, row)];
}

type Row = (
  name: string,
  value: number,
  unit: string,
  goal: string,
  holds: boolean,
  detail: string,
) => BenchRow;

function speedRows({ model, figures, missing }: Measured, ours: Figure, row: Row): BenchRow[] {
  const theirs = figures.filter((each) => !each.ours);
  // A version that lost its accuracy is no rival in speed.
  const rival = fastest(theirs.filter(({ drop }) => !(drop > 0.01)));
  const standard = theirs.find(({ name }) => name === 'theirs default');
  const told = ({ name, ratio, span, drop }: Figure) =>
    `${name} ${ratio.toFixed(2)}× (${span})${Number.isNaN(drop) ? '' : `, top-1 lost ${(drop * 100).toFixed(2)}`}`;
  const said = `${figures.map(told).join('; ')}${missing === undefined ? '' : `; the peer is missing: ${missing}`}`;
  const goal = hardSwish.has(model) ? '≥ 1.2' : '';
  const rows = [row('speed against float', ours.ratio, '×', goal, ours.ratio >= 1.2, said)];
  if (rival) {
    const value = ours.ratio / rival.ratio;
    const detail = `${rival.name}; 2 % are within the noise`;
    rows.push(row('speed against their best', value, '×', '≥ 1', value >= 0.98, detail));
  }
  if (standard) {
    const value = ours.ratio / standard.ratio;
    const bound = convolutional.has(model) ? '≥ 2' : '';
    rows.push(row('speed against their defaults', value, '×', bound, value >= 2, ''));
  }
  return rows;
}

function accuracyRows({ float, figures, leads }: Measured, ours: Figure, row: Row): BenchRow[] {
  if (Number.isNaN(float)) return [];
  const points = (share: number) => (share * 100).toFixed(2);
  const detail = `float ${points(float)} %`;
  const rows = [row('top-1 lost', ours.drop * 100, 'points', '', true, `${ours.name}; ${detail}`)];
  const after = figures.find(({ name }) => name === searched);
  if (after)
    rows.push(
      row(
        'top-1 lost after --max-drop 0.003',
        after.drop * 100,
        'points',
        '≤ 0.3',
        after.drop <= 0.003 + 1e-9,
        `${detail}, speed ${after.ratio.toFixed(2)}×`,
      ),
    );
  const worst = [...leads].sort((a, b) => a.value - b.value)[0];
  if (worst)
    rows.push(
      row(
        'top-1 more than theirs at the same speed',
        worst.value * 100,
        'points',
        'not below 0 by its interval',
        worst.high >= 0,
        `${worst.rival}, ${points(worst.low)} to ${points(worst.high)} on the same samples`,
      ),
    );
  return rows;
}
