// Amounts side by side: groups of horizontal bars with their numbers, on one scale. Devices, operators, providers.

import { html, svg, type TemplateResult } from 'lit';
import { elide, fullText } from '../ui/text';
import type { Colour } from './frame';

export interface BarGroup {
  label: string;
  bars: readonly { colour: Colour | 'series-none'; value: number; text: string; title?: string }[];
}

/** `width` is that of the whole, pixels. */
export function barGroups(groups: readonly BarGroup[], width: number, labelWidth = 24): TemplateResult {
  const most = Math.max(1e-12, ...groups.flatMap(({ bars }) => bars.map(({ value }) => value)));
  const room = Math.max(60, Math.min(480, width - 380));
  return html`<dl class="size-bars">
    ${groups.map(
      ({ label, bars }) =>
        html`<dt title=${fullText(label)}>${elide(label, labelWidth)}</dt>
          <dd class="bar-stack">
            ${bars.map(
              ({ colour, value, text, title }) =>
                html`<span class="bar-line" title=${title ?? ''}>
                  <svg width=${room} height="16" aria-hidden="true">
                    ${svg`<rect class="amount ${colour}" x="0" y="2" width=${Math.max(1, (value / most) * room)} height="12"></rect>`}
                  </svg>
                  <span class="tabular">${text}</span>
                </span>`,
            )}
          </dd>`,
    )}
  </dl>`;
}
