// The draggable edge between the graph and the inspector; by keyboard too.

import { html, type TemplateResult } from 'lit';

export const narrowest = 240;
export const widest = 640;

/** A separator at the left edge of something `width` wide. */
export function sash(width: number, resized: (width: number) => void): TemplateResult {
  const clamp = (value: number) => Math.min(widest, Math.max(narrowest, Math.round(value)));
  const onDown = (event: PointerEvent) => {
    const element = event.currentTarget as HTMLElement;
    const from = event.clientX;
    event.preventDefault();
    element.setPointerCapture(event.pointerId);
    const onMove = (move: PointerEvent) => resized(clamp(width + from - move.clientX));
    const onEnd = () => {
      element.removeEventListener('pointermove', onMove);
      element.removeEventListener('lostpointercapture', onEnd);
    };
    element.addEventListener('pointermove', onMove);
    element.addEventListener('lostpointercapture', onEnd);
  };
  const onKey = (event: KeyboardEvent) => {
    const step = event.key === 'ArrowLeft' ? 16 : event.key === 'ArrowRight' ? -16 : 0;
    if (step === 0) return;
    event.preventDefault();
    resized(clamp(width + step));
  };
  return html`<div
    class="sash"
    role="separator"
    tabindex="0"
    aria-orientation="vertical"
    aria-label="Width of the inspector"
    aria-valuenow=${width}
    aria-valuemin=${narrowest}
    aria-valuemax=${widest}
    @pointerdown=${onDown}
    @keydown=${onKey}
  ></div>`;
}
