// The draggable edges between the graph, the inspector and the table; by keyboard too.

import { html, type TemplateResult } from 'lit';

export const narrowest = 240;
export const widest = 640;

const limits = {
  column: { least: narrowest, most: widest, label: 'Width of the inspector' },
  row: { least: 100, most: 600, label: 'Height of the table' },
} as const;

/** A separator at the left edge of something `size` wide, or at the upper edge of something `size` high. */
export function sash(
  size: number,
  resized: (size: number) => void,
  kind: 'column' | 'row' = 'column',
): TemplateResult {
  const { least, most, label } = limits[kind];
  const clamp = (value: number) => Math.min(most, Math.max(least, Math.round(value)));
  const along = (event: PointerEvent) => (kind === 'column' ? event.clientX : event.clientY);
  const onDown = (event: PointerEvent) => {
    const element = event.currentTarget as HTMLElement;
    const from = along(event);
    event.preventDefault();
    element.setPointerCapture(event.pointerId);
    const onMove = (move: PointerEvent) => resized(clamp(size + from - along(move)));
    const onEnd = () => {
      element.removeEventListener('pointermove', onMove);
      element.removeEventListener('lostpointercapture', onEnd);
    };
    element.addEventListener('pointermove', onMove);
    element.addEventListener('lostpointercapture', onEnd);
  };
  const onKey = (event: KeyboardEvent) => {
    const [more, less] = kind === 'column' ? ['ArrowLeft', 'ArrowRight'] : ['ArrowUp', 'ArrowDown'];
    const step = event.key === more ? 16 : event.key === less ? -16 : 0;
    if (step === 0) return;
    event.preventDefault();
    resized(clamp(size + step));
  };
  return html`<div
    class="sash ${kind === 'row' ? 'horizontal' : ''}"
    role="separator"
    tabindex="0"
    aria-orientation=${kind === 'column' ? 'vertical' : 'horizontal'}
    aria-label=${label}
    aria-valuenow=${size}
    aria-valuemin=${least}
    aria-valuemax=${most}
    @pointerdown=${onDown}
    @keydown=${onKey}
  ></div>`;
}
