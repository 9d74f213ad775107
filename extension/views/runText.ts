// A run of the history in a few words, for the side bar. Pure.

import type { RunFigure, RunSummary } from '../../daemon/protocol/runs';
import { bytesText } from './bytesText';

/** "1.92 ms, 2.70×": the figures that tell most, two at the most; "→ resnet.int8.onnx" before those of what a job chose. */
export function figuresText({ figures }: Pick<RunSummary, 'figures'>): string {
  const best = figures.filter(({ chosen }) => chosen === true);
  const file = best[0]?.model;
  return file === undefined ? mainFigures(figures) : `→ ${fileName(file)}: ${mainFigures(best)}`;
}

const fileName = (path: string) => path.split(/[\\/]/).at(-1) ?? path;

function mainFigures(figures: readonly RunFigure[]): string {
  const told = ['speed-up', 'p50', 'run', 'size', 'smaller'];
  const scores = figures.filter(({ name, unit }) => unit === '' && name !== 'cosine');
  const named = told.flatMap((name) => figures.filter((figure) => figure.name === name).slice(-1));
  const chosen = [...named, ...scores.slice(-1)];
  return (chosen.length > 0 ? chosen : figures).slice(0, 2).map(figureText).join(', ');
}

const shares = new Set(['top1', 'topk', 'precision', 'recall', 'f1', 'agreement', 'map']);

function figureText({ name, value, unit }: RunFigure): string {
  const number = Number(value.toPrecision(3));
  if (name === 'speed-up') return `${number}× as fast`;
  if (name === 'smaller') return number === 1 ? 'same size' : `${number}× smaller`;
  if (name === 'size' && unit === 'MB') return bytesText(Math.round(value * 1e6));
  if (shares.has(name)) return `${name.replace('top1', 'top-1')} ${(100 * value).toFixed(1)} %`;
  if (name === 'p50' || name === 'run' || name === 'size') return `${number} ${unit}`;
  return `${name} ${number}${unit === '' ? '' : ` ${unit}`}`;
}

/** "14:05" today, "Nov 29, 14:05" this year, else with the year. */
export function whenText(startedAt: string, now: Date): string {
  const at = new Date(startedAt);
  if (Number.isNaN(at.getTime())) return '';
  const time = at.toLocaleTimeString('en', { hour: '2-digit', minute: '2-digit', hour12: false });
  if (at.toDateString() === now.toDateString()) return time;
  const day = at.toLocaleDateString('en', {
    month: 'short',
    day: 'numeric',
    ...(at.getFullYear() === now.getFullYear() ? {} : { year: 'numeric' }),
  });
  return `${day}, ${time}`;
}
