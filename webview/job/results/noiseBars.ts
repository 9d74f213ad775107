// Bars of noise for a list whose rows have a signal-to-noise ratio: the longest is the one that moves the outputs most.

import { svg, type TemplateResult } from 'lit';
import { barOf } from './facts';

const barWidth = 200;

/** Noise as a share of the signal, from dB: 40 dB is 0.01; where the signal is lost the bar says no more than that. */
const noise = (db: number) => Math.min(1.5, 10 ** (-db / 20));

/** Draws the bar of a row of dB, on the scale of all of them. */
export function noiseBars(all: readonly number[]): (db: number) => TemplateResult {
  const worst = all.reduce((most, db) => Math.max(most, noise(db)), 1e-9);
  return (db) =>
    barOf(
      barWidth,
      svg`<rect class="amount series-b" x="0" y="2" width=${Math.max(1, (noise(db) / worst) * barWidth)} height="8"></rect>`,
    );
}
