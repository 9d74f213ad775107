// The small picture of the whole graph in the corner, with the part in view. Deep graphs are very narrow
// when drawn to scale, so the map may be stretched in width.

import type { Camera, Size } from './camera';
import { NodeKind } from './table';
import type { Picture } from './picture';
import type { OverlayPaint } from './overlayPaint';
import type { Theme } from './theme';

const most = { width: 160, height: 200 } as const;
const narrowest = 56;

export class Minimap {
  private readonly blocks = document.createElement('canvas');
  private scaleX = 1;
  private scaleY = 1;
  private picture: Picture | undefined;
  private dragging = false;

  /** `moved` is told the graph point that the middle of the view should show. */
  constructor(
    readonly canvas: HTMLCanvasElement,
    moved: (x: number, y: number) => void,
  ) {
    const tell = (event: PointerEvent) => {
      const bounds = canvas.getBoundingClientRect();
      moved((event.clientX - bounds.left) / this.scaleX, (event.clientY - bounds.top) / this.scaleY);
    };
    canvas.addEventListener('pointerdown', (event) => {
      event.preventDefault();
      event.stopPropagation();
      this.dragging = true;
      canvas.setPointerCapture(event.pointerId);
      tell(event);
    });
    canvas.addEventListener('pointermove', (event) => {
      if (this.dragging) tell(event);
    });
    canvas.addEventListener('pointerup', () => (this.dragging = false));
    canvas.addEventListener('pointercancel', () => (this.dragging = false));
  }

  /** Paints all boxes once. */
  setPicture(picture: Picture, theme: Theme, ratio: number, overlay?: OverlayPaint): void {
    this.picture = picture;
    const { layout, table, family } = picture;
    const scale = Math.min(
      most.width / Math.max(1, layout.width),
      most.height / Math.max(1, layout.height),
      0.25,
    );
    const width = Math.ceil(
      Math.max(narrowest, Math.min(most.width, Math.max(layout.width * scale, layout.width * 0.04))),
    );
    const height = Math.ceil(Math.max(narrowest, layout.height * scale));
    this.scaleX = width / Math.max(1, layout.width);
    this.scaleY = height / Math.max(1, layout.height);
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${height}px`;
    for (const canvas of [this.blocks, this.canvas]) {
      canvas.width = width * ratio;
      canvas.height = height * ratio;
    }
    const ctx = this.blocks.getContext('2d');
    if (ctx === null) return;
    ctx.globalAlpha = theme.highContrast ? 1 : 0.8;
    for (let n = 0; n < layout.widths.length; n++) {
      // Pills and the frames of open scopes are no content.
      if (table.opened[n] === 1 || table.pillOf[n] !== -1) continue;
      const plain =
        table.kind[table.drawn[n]!] === NodeKind.operator ? theme.family[family[n]!] : theme.muted;
      ctx.fillStyle = overlay === undefined ? plain : (overlay.strong[n] ?? theme.boxBorder);
      ctx.fillRect(
        layout.x[n]! * this.scaleX * ratio,
        layout.y[n]! * this.scaleY * ratio,
        Math.max(1, layout.widths[n]! * this.scaleX * ratio),
        Math.max(1, layout.heights[n]! * this.scaleY * ratio),
      );
    }
  }

  /** Paints the map with the part in view; hides it when everything is in view. */
  draw(camera: Camera, view: Size, theme: Theme, ratio: number): void {
    const ctx = this.canvas.getContext('2d');
    if (this.picture === undefined || ctx === null) return;
    const { layout } = this.picture;
    const w = view.width / camera.scale;
    const h = view.height / camera.scale;
    const everything =
      camera.x <= 0 && camera.y <= 0 && camera.x + w >= layout.width && camera.y + h >= layout.height;
    this.canvas.hidden = everything || view.width < 320 || view.height < 280;
    if (this.canvas.hidden) return;
    ctx.clearRect(0, 0, this.canvas.width, this.canvas.height);
    ctx.drawImage(this.blocks, 0, 0);
    const left = Math.max(0, camera.x * this.scaleX * ratio);
    const top = Math.max(0, camera.y * this.scaleY * ratio);
    const right = Math.min(this.canvas.width, (camera.x + w) * this.scaleX * ratio);
    const bottom = Math.min(this.canvas.height, (camera.y + h) * this.scaleY * ratio);
    // Only a breath of the accent: the boxes under it stay legible.
    ctx.globalAlpha = theme.highContrast ? 0 : 0.1;
    ctx.fillStyle = theme.selection;
    ctx.fillRect(left, top, right - left, Math.max(2, bottom - top));
    ctx.globalAlpha = 1;
    ctx.strokeStyle = theme.selection;
    ctx.lineWidth = 1;
    ctx.strokeRect(left + 0.5, top + 0.5, right - left - 1, Math.max(2, bottom - top - 1));
  }
}
