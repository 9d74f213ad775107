// The worker that lays graphs out, so that the page stays responsive. One message in, one out; to cancel,
// the page ends the worker (layoutClient.ts).

import { layoutGraph } from './layout';
import type { Layout, LayoutInput } from './layoutTypes';

/** What the worker answers. */
export type LayoutAnswer = { layout: Layout } | { error: string };

const scope = self as unknown as {
  onmessage: ((event: MessageEvent<LayoutInput>) => void) | null;
  postMessage(answer: LayoutAnswer, transfer: ArrayBufferLike[]): void;
};

scope.onmessage = ({ data }) => {
  try {
    const layout = layoutGraph(data);
    const arrays = [layout.x, layout.y, layout.rank, layout.edgeKind, layout.runStart, layout.runs];
    scope.postMessage(
      { layout },
      arrays.map((array) => array.buffer),
    );
  } catch (error) {
    scope.postMessage({ error: error instanceof Error ? error.message : String(error) }, []);
  }
};
