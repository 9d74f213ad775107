// Figures of runs as people read them.

import type { RunFigure } from '../../daemon/protocol/runs';
import { bytes, inUnit, percent, three } from '../ui/format';

/** Scores from 0 to 1, shown in percent. */
export const shares = new Set(['top1', 'topk', 'precision', 'recall', 'f1', 'agreement', 'map']);
const names: Readonly<Record<string, string>> = {
  p50: 'p50',
  run: 'Run',
  size: 'Size',
  smaller: 'Smaller',
  'speed-up': 'Speed',
  top1: 'Top-1',
  cosine: 'Cosine',
};

export const figureName = (name: string): string =>
  names[name] ?? `${name[0]?.toUpperCase() ?? ''}${name.slice(1)}`;

export function figureValue({ name, unit }: Pick<RunFigure, 'name' | 'unit'>, value: number): string {
  if (shares.has(name)) return percent(value);
  if (unit === 'MB') return bytes(Math.round(value * 1e6));
  if (name === 'cosine') return value.toFixed(5);
  return unit === '×' ? `${three(value)}×` : inUnit(value, unit);
}
