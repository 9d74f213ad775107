// Sizes as bars: the original, and what was made of it, or what it is expected to become. The place is there from the
// start; an estimate is an outline, a size is filled.

import { html, nothing, svg, type TemplateResult } from 'lit';
import { bytes, exactBytes, three } from '../ui/format';
import { elide, fullText } from '../ui/text';

export interface SizeBar {
  label: string;
  bytes: number;
  /** Set for an estimate: where it is expected to lie, bytes. */
  between?: { low: number; high: number };
  colour: 'series-a' | 'series-b';
}

const height = 16;

/** A size as a share of another: smaller is better, larger worse; both also in words. */
export const shareOf = (share: number): TemplateResult =>
  html`<span class="tabular ${share < 0.995 ? 'verdict-better' : share > 1.005 ? 'verdict-worse' : 'muted'}"
    >${share > 1.005 ? `${three(share)}× as large` : share < 0.995 ? `${three(share)} of it` : 'the same size'}</span
  >`;

/** Bars of one scale below each other; `width` in pixels. */
export function sizeBars(bars: readonly SizeBar[], width: number): TemplateResult {
  const largest = Math.max(1, ...bars.map((bar) => Math.max(bar.bytes, bar.between?.high ?? 0)));
  const room = Math.max(60, Math.min(420, width - 400));
  const at = (value: number) => (value / largest) * room;
  const [first] = bars;
  return html`<dl class="size-bars">
    ${bars.map((bar) => {
      const share = bar === first || first === undefined ? undefined : bar.bytes / Math.max(1, first.bytes);
      return html`<dt title=${fullText(bar.label)}>${elide(bar.label, 28)}</dt>
        <dd>
          <svg width=${room + 2} height=${height} aria-hidden="true">
            ${
              bar.between === undefined
                ? svg`<rect class="amount ${bar.colour}" x="0" y="2" width=${Math.max(1, at(bar.bytes))} height="12"></rect>`
                : svg`<rect class="amount guess ${bar.colour}" x="0.5" y="2.5" width=${Math.max(1, at(bar.bytes))} height="11"></rect>
                    <line class="whisker" x1=${at(bar.between.low)} x2=${at(bar.between.high)} y1="8.5" y2="8.5"></line>`
            }
          </svg>
          <span class="tabular" title=${exactBytes(Math.round(bar.bytes))}
            >${bar.between === undefined ? '' : 'about '}${bytes(bar.bytes)}</span
          >
          ${share === undefined ? nothing : shareOf(share)}
        </dd>`;
    })}
  </dl>`;
}
