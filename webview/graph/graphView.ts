// The graph on the page: canvas, minimap, pointer and keyboard. Owns the camera; what is selected belongs
// to the page's state and comes in from outside.

import { corner, firstView, fitAll, keepInView, pan, reveal, zoomAt, type Camera, type Size } from './camera';
import { drawScene, type Marks } from './draw';
import { Minimap } from './minimap';
import { boxOf, hitTest, type Picture } from './picture';
import { readTheme, watchTheme, type Theme } from './theme';
import { opens } from './table';
import { tooltip } from './tooltip';
import { step, type Direction } from './walk';

export interface GraphViewEvents {
  /** A box was chosen, or nothing (a click beside all boxes). */
  select(drawn: number | undefined): void;
  /** Enter on the selected box. */
  open(): void;
  /** The graph nested in the selected box is to be shown; false when there is none. */
  enter(): Promise<boolean>;
  /** A scope is to be opened or closed. */
  toggle(drawn: number): void;
  /** The next or previous member of a repeat is wanted. */
  step(drawn: number, by: 1 | -1): void;
  /** A trace from the selection is wanted: what feeds it, what it feeds, both, or none any more. */
  trace(which: 'up' | 'down' | 'both' | 'none'): void;
  /** A path from the selection to a box is wanted. */
  traceTo(drawn: number): void;
  /** The names of nodes and values are to be shown, or no longer. */
  names(): void;
  /** Scopes are to be opened so many levels deep. */
  levels(levels: number): void;
  moved(camera: Camera): void;
  /** The theme's fonts or colours changed; the page makes a new picture if sizes depend on it. */
  themeChanged(theme: Theme): void;
}

const arrows: Readonly<Record<string, Direction>> = {
  ArrowUp: 'up',
  ArrowDown: 'down',
  ArrowLeft: 'left',
  ArrowRight: 'right',
};
const panStep = 64;
const zoomStep = 1.25;

export class GraphView {
  theme: Theme = readTheme();
  private picture: Picture | undefined;
  private camera: Camera = { x: 0, y: 0, scale: 1 };
  private view: Size = { width: 0, height: 0 };
  private ratio = 1;
  private marks: Marks = {
    selected: undefined,
    hovered: undefined,
    hits: new Set(),
    currentHit: undefined,
    focused: false,
    trace: undefined,
    overlay: undefined,
  };
  private frame = 0;
  private animation: { from: Camera; to: Camera; start: number } | undefined;
  private press: { x: number; y: number; dragged: boolean } | undefined;
  private readonly minimap: Minimap;

  /** `stage` takes focus and pointer; the canvases lie inside it. */
  constructor(
    private readonly stage: HTMLElement,
    private readonly canvas: HTMLCanvasElement,
    map: HTMLCanvasElement,
    private readonly events: GraphViewEvents,
  ) {
    this.minimap = new Minimap(map, (x, y) =>
      this.moveTo({
        ...this.camera,
        x: x - this.view.width / this.camera.scale / 2,
        y: y - this.view.height / this.camera.scale / 2,
      }),
    );
    new ResizeObserver(() => this.resize()).observe(stage);
    watchTheme(() => {
      this.theme = readTheme();
      this.drawMap();
      this.events.themeChanged(this.theme);
      this.draw();
    });
    stage.addEventListener('keydown', (event) => this.onKey(event));
    stage.addEventListener('focus', () => this.mark({ focused: true }));
    stage.addEventListener('blur', () => this.mark({ focused: false }));
    stage.addEventListener('wheel', (event) => this.onWheel(event), { passive: false });
    stage.addEventListener('pointerdown', (event) => this.onDown(event));
    stage.addEventListener('pointermove', (event) => this.onMove(event));
    stage.addEventListener('pointerup', (event) => this.onUp(event));
    stage.addEventListener('pointercancel', () => (this.press = undefined));
    stage.addEventListener('pointerleave', () => {
      this.mark({ hovered: undefined });
      stage.title = '';
    });
    stage.addEventListener('dblclick', (event) => {
      const hit = this.hit(event);
      if (hit === undefined) this.fit();
      else if (this.isScope(hit.node)) this.events.toggle(hit.node);
      else
        void this.events.enter().then((entered) => {
          if (!entered) this.reveal(hit.node);
        });
    });
    this.resize();
  }

  /** Shows a picture; with a camera there, else at its beginning. */
  setPicture(picture: Picture | undefined, camera?: Camera): void {
    this.picture = picture;
    this.animation = undefined;
    this.marks = {
      ...this.marks,
      hovered: undefined,
      selected: undefined,
      hits: new Set(),
      overlay: undefined,
    };
    if (picture !== undefined) {
      const { layout } = picture;
      const first = picture.reading[0];
      const around =
        first === undefined || layout.width < this.view.width
          ? layout.width / 2
          : layout.x[first]! + layout.widths[first]! / 2;
      this.camera =
        camera ?? firstView(layout, this.view, around, (first) => this.isUnderCorner(picture, first));
      this.drawMap();
    }
    this.draw();
  }

  /** Whether a box would lie under the picker of values. */
  private isUnderCorner({ boxes, layout }: Picture, camera: Camera): boolean {
    let covered = false;
    const right = camera.x + corner.width / camera.scale;
    boxes.each(camera.y, camera.y + corner.height / camera.scale, (n) => {
      covered ||= layout.x[n]! < right && layout.x[n]! + layout.widths[n]! > camera.x;
    });
    return covered;
  }

  /** Whether all of a box is in view. */
  shows(drawn: number): boolean {
    if (this.picture === undefined) return false;
    const { x, y, width, height } = boxOf(this.picture, drawn);
    const camera = this.target();
    return (
      x >= camera.x &&
      y >= camera.y &&
      x + width <= camera.x + this.view.width / camera.scale &&
      y + height <= camera.y + this.view.height / camera.scale
    );
  }

  private drawMap(): void {
    if (this.picture !== undefined)
      this.minimap.setPicture(this.picture, this.theme, this.ratio, this.marks.overlay);
  }

  /** Changes what is marked. */
  mark(changes: Partial<Marks>): void {
    const { overlay } = this.marks;
    this.marks = { ...this.marks, ...changes };
    if (this.marks.overlay !== overlay) this.drawMap();
    this.draw();
  }

  /** Brings a box into view. */
  reveal(drawn: number): void {
    if (this.picture === undefined) return;
    this.animateTo(reveal(this.target(), boxOf(this.picture, drawn), this.view));
  }

  fit(): void {
    if (this.picture !== undefined) this.animateTo(fitAll(this.picture.layout, this.view));
  }

  /** Zooms in (1) or out (-1) around the middle. */
  zoom(direction: 1 | -1): void {
    if (this.picture === undefined) return;
    const factor = direction > 0 ? zoomStep : 1 / zoomStep;
    const { width, height } = this.view;
    this.animateTo(zoomAt(this.target(), factor, width / 2, height / 2, this.picture.layout, this.view));
  }

  /** Where the camera is, or is going to. */
  private target(): Camera {
    return this.animation?.to ?? this.camera;
  }

  private moveTo(camera: Camera): void {
    if (this.picture === undefined) return;
    this.animation = undefined;
    this.camera = keepInView(camera, this.picture.layout, this.view);
    this.events.moved(this.camera);
    this.draw();
  }

  private animateTo(camera: Camera): void {
    if (this.picture === undefined) return;
    const to = keepInView(camera, this.picture.layout, this.view);
    if (this.theme.reducedMotion) {
      this.moveTo(to);
      return;
    }
    this.animation = { from: this.camera, to, start: performance.now() };
    this.events.moved(to);
    this.draw();
  }

  private resize(): void {
    this.ratio = window.devicePixelRatio;
    this.view = { width: this.stage.clientWidth, height: this.stage.clientHeight };
    this.canvas.width = Math.round(this.view.width * this.ratio);
    this.canvas.height = Math.round(this.view.height * this.ratio);
    // Drawn at once: a resized canvas is blank until then.
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.paint(performance.now());
  }

  private draw(): void {
    if (this.frame !== 0) return;
    this.frame = requestAnimationFrame((now) => {
      this.frame = 0;
      this.paint(now);
    });
  }

  private paint(now: number): void {
    const ctx = this.canvas.getContext('2d');
    if (ctx === null) return;
    if (this.picture === undefined) {
      ctx.setTransform(1, 0, 0, 1, 0, 0);
      ctx.clearRect(0, 0, this.canvas.width, this.canvas.height);
      return;
    }
    if (this.animation !== undefined) {
      const { from, to, start } = this.animation;
      const t = Math.min(1, Math.max(0, (now - start) / 150));
      const ease = 1 - (1 - t) ** 3;
      const mix = (a: number, b: number) => a + (b - a) * ease;
      this.camera = { x: mix(from.x, to.x), y: mix(from.y, to.y), scale: mix(from.scale, to.scale) };
      if (t === 1) this.animation = undefined;
      else this.draw();
    }
    drawScene(ctx, this.picture, this.camera, this.view, this.ratio, this.theme, this.marks);
    this.minimap.draw(this.camera, this.view, this.theme, this.ratio);
  }

  private hit(event: MouseEvent) {
    if (this.picture === undefined) return undefined;
    const bounds = this.stage.getBoundingClientRect();
    return hitTest(
      this.picture,
      this.camera.x + (event.clientX - bounds.left) / this.camera.scale,
      this.camera.y + (event.clientY - bounds.top) / this.camera.scale,
    );
  }

  private onWheel(event: WheelEvent): void {
    if (this.picture === undefined) return;
    event.preventDefault();
    const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 18 : 1;
    if (event.ctrlKey || event.metaKey) {
      const bounds = this.stage.getBoundingClientRect();
      const factor = Math.exp(-Math.max(-80, Math.min(80, event.deltaY * unit)) / 160);
      const px = event.clientX - bounds.left;
      const py = event.clientY - bounds.top;
      this.moveTo(zoomAt(this.camera, factor, px, py, this.picture.layout, this.view));
      return;
    }
    const sideways = event.shiftKey && event.deltaX === 0;
    this.moveTo(
      pan(this.camera, (sideways ? event.deltaY : event.deltaX) * unit, sideways ? 0 : event.deltaY * unit),
    );
  }

  private onDown(event: PointerEvent): void {
    if (event.button > 1) return;
    this.press = { x: event.clientX, y: event.clientY, dragged: false };
    this.stage.setPointerCapture(event.pointerId);
  }

  private onMove(event: PointerEvent): void {
    if (this.press === undefined) {
      const hovered = this.hit(event)?.node;
      if (hovered !== this.marks.hovered) {
        this.mark({ hovered });
        this.stage.title =
          hovered === undefined ? '' : tooltip(this.picture!.table, this.picture!.table.drawn[hovered]!);
      }
      this.stage.classList.toggle('over-box', hovered !== undefined);
      return;
    }
    const dx = event.clientX - this.press.x;
    const dy = event.clientY - this.press.y;
    // A hand that trembles by a few pixels still means a click.
    if (!this.press.dragged && Math.hypot(dx, dy) < 4) return;
    this.press = { x: event.clientX, y: event.clientY, dragged: true };
    this.stage.classList.add('dragging');
    this.moveTo(pan(this.camera, -dx, -dy));
  }

  private onUp(event: PointerEvent): void {
    const { press, picture } = this;
    this.press = undefined;
    this.stage.classList.remove('dragging');
    if (press === undefined || press.dragged || picture === undefined) return;
    const hit = this.hit(event);
    if (hit?.chip === true) {
      const edge = picture.references.get(hit.node)?.[0];
      if (edge === undefined) return;
      this.events.select(picture.table.source[edge]);
      this.reveal(picture.table.source[edge]!);
      return;
    }
    if (event.shiftKey && hit !== undefined && this.marks.selected !== undefined)
      this.events.traceTo(hit.node);
    else if (hit?.toggle === true) this.events.toggle(hit.node);
    else this.events.select(hit?.node);
  }

  private onKey(event: KeyboardEvent): void {
    if (this.picture === undefined || event.target !== this.stage) return;
    if (event.ctrlKey || event.metaKey) return;
    if (!this.handleKey(event, this.picture)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  private handleKey(event: KeyboardEvent, picture: Picture): boolean {
    const direction = arrows[event.key];
    if (direction !== undefined && event.altKey) {
      const next = step(picture, this.marks.selected, direction);
      if (next !== undefined) this.choose(next);
      return true;
    }
    if (direction !== undefined) {
      const dx = direction === 'left' ? -panStep : direction === 'right' ? panStep : 0;
      const dy = direction === 'up' ? -panStep : direction === 'down' ? panStep : 0;
      this.moveTo(pan(this.target(), dx, dy));
      return true;
    }
    switch (event.key) {
      case '+':
      case '=':
        this.zoom(1);
        return true;
      case '-':
        this.zoom(-1);
        return true;
      case '0':
        this.fit();
        return true;
      case 'PageUp':
      case 'PageDown':
        this.moveTo(pan(this.target(), 0, (event.key === 'PageUp' ? -0.8 : 0.8) * this.view.height));
        return true;
      case 'Home':
      case 'End': {
        const end = event.key === 'Home' ? picture.reading[0] : picture.reading.at(-1);
        if (end !== undefined) this.choose(end);
        return true;
      }
      case ' ':
        if (this.marks.selected !== undefined && this.isScope(this.marks.selected)) {
          this.events.toggle(this.marks.selected);
        } else if (this.marks.selected !== undefined) void this.events.enter();
        return true;
      case '[':
      case ']':
        if (this.marks.selected !== undefined) {
          this.events.step(this.marks.selected, event.key === '[' ? -1 : 1);
        }
        return true;
      case 'Enter':
        if (this.marks.selected !== undefined) this.events.open();
        return true;
      case 'u':
      case 'd':
      case 't':
        this.events.trace(event.key === 'u' ? 'up' : event.key === 'd' ? 'down' : 'both');
        return true;
      case 'n':
        this.events.names();
        return true;
      case 'Escape':
        // First the trace goes, then the selection.
        if (this.marks.trace !== undefined) this.events.trace('none');
        else this.events.select(undefined);
        return true;
      default:
        if (!/^[1-9]$/.test(event.key)) return false;
        this.events.levels(Number(event.key) - 1);
        return true;
    }
  }

  private isScope(drawn: number): boolean {
    const table = this.picture?.table;
    return table !== undefined && opens(table, table.drawn[drawn]!);
  }

  get currentCamera(): Camera {
    return this.target();
  }

  /** Row of the box nearest to the middle of the view. */
  middleRow(): number | undefined {
    const { picture, view } = this;
    if (picture === undefined) return undefined;
    const camera = this.target();
    const [x, y] = [camera.x + view.width / camera.scale / 2, camera.y + view.height / camera.scale / 2];
    const { layout, table } = picture;
    let best: number | undefined;
    let nearest = Infinity;
    for (let n = 0; n < layout.x.length; n++) {
      if (table.pillOf[n] !== -1 || table.opened[n] === 1) continue;
      const distance = Math.hypot(layout.x[n]! + layout.widths[n]! / 2 - x, layout.y[n]! - y);
      if (distance < nearest) [best, nearest] = [n, distance];
    }
    return best === undefined ? undefined : table.drawn[best];
  }

  private choose(drawn: number): void {
    this.events.select(drawn);
    // A pill leads elsewhere, and the page shows where.
    if (this.picture?.table.pillOf[drawn] === -1) this.reveal(drawn);
  }
}
