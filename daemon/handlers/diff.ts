// Compares two models.

import { encodeColumns } from '../protocol/columns';
import { Diff } from '../protocol/diff';
import { handler } from './handler';
import { modelOf } from './inspect';

export const diff = handler(Diff, async ({ a, b }, task, { workspace, frame }) => {
  const before = await workspace.models.get(a, undefined, task);
  const after = await workspace.models.get(b, undefined, task);
  const { diff } = await import('../recipes/diff');
  const { diffReport } = await import('../analysis/diff/report');
  const { diffOverlays } = await import('../analysis/diff/diffOverlay');
  const found = await diff(modelOf(before), modelOf(after), task);
  return {
    revisionA: before.revision,
    revisionB: after.revision,
    diff: diffReport(found),
    overlays: diffOverlays(found),
    graphs: found.graphs.map(({ scopeA, scopeB, pairs }) => ({
      scopeA,
      scopeB,
      pairs: frame(
        encodeColumns({
          a: pairs.filter((_, at) => at % 2 === 0),
          b: pairs.filter((_, at) => at % 2 === 1),
        }),
      ),
    })),
  };
});
