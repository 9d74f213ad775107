// Keeps a box where it is on the screen when the picture around it changes.

import type { Camera } from './camera';
import type { Picture } from './picture';
import { shownRow, type GraphTable } from './table';

/**
 * The camera under which what is drawn of a row is in the second picture where it was in the first; there it may be
 * another row.
 */
export function anchored(
  before: Picture,
  after: Picture,
  row: number | undefined,
  camera: Camera,
  rowAfter = row,
): Camera {
  if (row === undefined || rowAfter === undefined) return camera;
  const was = before.table.drawnOf[shownRow(before.table, row)] ?? -1;
  const is = after.table.drawnOf[shownRow(after.table, rowAfter)] ?? -1;
  if (was < 0 || is < 0) return camera;
  return {
    ...camera,
    x: camera.x + after.layout.x[is]! - before.layout.x[was]!,
    y: camera.y + after.layout.y[is]! - before.layout.y[was]!,
  };
}

/** The same for a picture of a table that was read again: of these rows, the first that is still there stays in its place. */
export function anchoredAgain(
  before: Picture,
  after: Picture,
  rows: readonly (number | undefined)[],
  camera: Camera,
): Camera {
  for (const row of rows) {
    const there = row === undefined ? -1 : sameRow(before.table, row, after.table);
    if (there >= 0 && (after.table.drawnOf[shownRow(after.table, there)] ?? -1) >= 0)
      return anchored(before, after, row, camera, there);
  }
  return camera;
}

/** The row of a later table that is a row of an earlier one: that of its name, -1 where there is none. */
function sameRow(before: GraphTable, row: number, after: GraphTable): number {
  const name = before.name[row]!;
  if (after.name[row] === name) return row;
  return name === '' ? -1 : after.name.indexOf(name);
}
