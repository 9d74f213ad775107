// Keeps a box where it is on the screen when the picture around it changes.

import type { Camera } from './camera';
import type { Picture } from './picture';
import { shownRow } from './table';

/** The camera under which what is drawn of a row is in the second picture where it was in the first. */
export function anchored(before: Picture, after: Picture, row: number | undefined, camera: Camera): Camera {
  if (row === undefined) return camera;
  const was = before.table.drawnOf[shownRow(before.table, row)] ?? -1;
  const is = after.table.drawnOf[shownRow(after.table, row)] ?? -1;
  if (was < 0 || is < 0) return camera;
  return {
    ...camera,
    x: camera.x + after.layout.x[is]! - before.layout.x[was]!,
    y: camera.y + after.layout.y[is]! - before.layout.y[was]!,
  };
}
