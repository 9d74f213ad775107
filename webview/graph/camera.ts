// Which part of the picture is seen: the graph point at the top left corner of the view, and the scale.

export interface Camera {
  readonly x: number;
  readonly y: number;
  /** Screen pixels for one graph pixel. */
  readonly scale: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

const largestScale = 3;
/** Pixels around the whole graph, however small it is drawn. */
const fitMargin = 16;
/** What lies in the upper left corner of the view, in pixels from it. */
export const corner = { width: 248, height: 52 } as const;
/** How much lower a picture begins, in pixels, whose first box would lie there. */
const belowCorner = 32;

/** Smallest useful scale: the whole graph at half the size of the view. */
function smallestScale(graph: Size, view: Size): number {
  return Math.min(0.5, fitScale(graph, view) / 2);
}

function fitScale(graph: Size, view: Size): number {
  return Math.min(view.width / Math.max(1, graph.width), view.height / Math.max(1, graph.height));
}

/** Everything in the middle of the view, never larger than life. */
export function fitAll(graph: Size, view: Size): Camera {
  const inner = { width: view.width - 2 * fitMargin, height: view.height - 2 * fitMargin };
  const scale = Math.min(1, Math.max(fitScale(graph, inner), fitScale(graph, view) / 2));
  return {
    scale,
    x: (graph.width - view.width / scale) / 2,
    y: (graph.height - view.height / scale) / 2,
  };
}

/**
 * Where a picture starts: all of it when its text stays legible, else its top, `around` in the middle. Where `isCovered`
 * says that a box lies under what is in the corner, below that.
 */
export function firstView(
  graph: Size,
  view: Size,
  around: number,
  isCovered: (camera: Camera) => boolean,
): Camera {
  const all = fitAll(graph, view);
  const scale =
    all.scale >= 0.8 ? all.scale : Math.min(1, Math.max(0.85, view.width / Math.max(1, graph.width)));
  const first = all.scale >= 0.8 ? all : { scale, x: around - view.width / scale / 2, y: 0 };
  return isCovered(first) ? { ...first, y: Math.min(first.y, -belowCorner / scale) } : first;
}

/** Zooms by a factor; the graph point under (px, py) stays where it is on the screen. */
export function zoomAt(
  camera: Camera,
  factor: number,
  px: number,
  py: number,
  graph: Size,
  view: Size,
): Camera {
  const scale = Math.min(largestScale, Math.max(smallestScale(graph, view), camera.scale * factor));
  return {
    scale,
    x: camera.x + px / camera.scale - px / scale,
    y: camera.y + py / camera.scale - py / scale,
  };
}

/** Moves by screen pixels. */
export function pan(camera: Camera, dx: number, dy: number): Camera {
  return { ...camera, x: camera.x + dx / camera.scale, y: camera.y + dy / camera.scale };
}

/** Keeps some of the graph in view. */
export function keepInView(camera: Camera, graph: Size, view: Size): Camera {
  const w = view.width / camera.scale;
  const h = view.height / camera.scale;
  const edge = 80 / camera.scale;
  return {
    scale: camera.scale,
    x: Math.min(graph.width - edge, Math.max(edge - w, camera.x)),
    y: Math.min(graph.height - edge, Math.max(edge - h, camera.y)),
  };
}

/**
 * The camera that shows a box: unchanged when it is in view already, else with the box in the middle, or with its top left
 * corner in view where it is larger than that.
 */
export function reveal(
  camera: Camera,
  target: { x: number; y: number; width: number; height: number },
  view: Size,
): Camera {
  const scale = Math.max(camera.scale, 0.7);
  const w = view.width / scale;
  const h = view.height / scale;
  const margin = 24 / scale;
  const inside =
    scale === camera.scale &&
    target.x >= camera.x + margin &&
    target.y >= camera.y + margin &&
    target.x + target.width <= camera.x + w - margin &&
    target.y + target.height <= camera.y + h - margin;
  if (inside) return camera;
  const at = (start: number, size: number, room: number) =>
    size > room - 2 * margin ? start - 2 * margin : start + size / 2 - room / 2;
  return { scale, x: at(target.x, target.width, w), y: at(target.y, target.height, h) };
}
