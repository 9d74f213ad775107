// What all charts share: the figure with its name and legend, the axes, and the place that waits for numbers.
// Two things that are compared have the first two colours everywhere; shape and words say it too.

import { html, svg, type TemplateResult } from 'lit';
import { visible } from '../ui/text';

export const height = 240;
export const edge = { left: 48, right: 16, top: 32, bottom: 40 } as const;

export const colours = ['series-a', 'series-b', 'series-c', 'series-d'] as const;
export type Colour = (typeof colours)[number];
/** Colour of the nth thing; beyond the fourth they are told apart by their names only. */
export const colourOf = (i: number): Colour => colours[Math.min(i, colours.length - 1)]!;

export interface Legend {
  name: string;
  colour: Colour;
}

/** Legend, then the figure with its name and, for readers without eyes on it, its content in words. */
export function figure(
  title: string,
  words: string,
  legend: readonly Legend[],
  content: TemplateResult,
  width: number,
  tall: number = height,
): TemplateResult {
  return html`<figure class="chart">
    <figcaption>
      <h2>${title}</h2>
      <span class="legend" aria-hidden="true">
        ${legend.map(
          ({ name, colour }) =>
            html`<span class="legend-item"><span class="mark ${colour}"></span>${visible(name)}</span>`,
        )}
      </span>
    </figcaption>
    <svg width=${width} height=${tall} viewBox="0 0 ${width} ${tall}" role="img" aria-label=${words}>
      ${content}
    </svg>
  </figure>`;
}

export interface AxisTick {
  at: number;
  text: string;
}

/** The bottom axis with its ticks, and the names of both axes. */
export function frame(
  width: number,
  xName: string,
  yName: string,
  xTicks: readonly AxisTick[],
  left: number = edge.left,
): TemplateResult {
  const bottom = height - edge.bottom;
  return svg`
    <line class="axis" x1=${left} x2=${width - edge.right} y1=${bottom + 0.5} y2=${bottom + 0.5}></line>
    ${xTicks.map(
      ({ at, text }) => svg`
        <line class="axis" x1=${at} x2=${at} y1=${bottom} y2=${bottom + 4}></line>
        <text class="tick" x=${at} y=${bottom + 18} text-anchor="middle">${text}</text>`,
    )}
    <text class="axis-name" x=${width - edge.right} y=${height - 4} text-anchor="end">${xName}</text>
    <text class="axis-name" x="0" y="14">${yName}</text>`;
}

/** Lines across at round values, with their numbers on the left. */
export const grid = (width: number, values: readonly AxisTick[]): TemplateResult =>
  svg`${values.map(
    ({ at, text }) => svg`
    <line class="grid" x1=${edge.left} x2=${width - edge.right} y1=${at} y2=${at}></line>
    <text class="tick" x=${edge.left - 8} y=${at + 4} text-anchor="end">${text}</text>`,
  )}`;

/** Nothing yet: the space is there, so that nothing jumps. */
export function emptyChart(title: string, why: string, width: number): TemplateResult {
  return html`<figure class="chart">
    <figcaption><h2>${title}</h2></figcaption>
    <div class="chart-empty muted">${why}</div>
    <svg width=${width} height=${height} aria-hidden="true"></svg>
  </figure>`;
}

/** A circle, a diamond, a square, a triangle: the shape says what the colour says. */
export function pointMark(colour: Colour | 'series-none', x: number, y: number): TemplateResult {
  switch (colour) {
    case 'series-b':
      return svg`<path class="point ${colour}" d="M${x} ${y - 7}L${x + 7} ${y}L${x} ${y + 7}L${x - 7} ${y}Z"></path>`;
    case 'series-c':
      return svg`<rect class="point ${colour}" x=${x - 5} y=${y - 5} width="10" height="10"></rect>`;
    case 'series-d':
      return svg`<path class="point ${colour}" d="M${x} ${y - 6}L${x + 6} ${y + 5}L${x - 6} ${y + 5}Z"></path>`;
    default:
      return svg`<circle class="point ${colour}" cx=${x} cy=${y} r="5.5"></circle>`;
  }
}
