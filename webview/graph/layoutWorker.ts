// The worker that lays graphs out, so that the page stays responsive. It lives as long as the page does and keeps the
// layouts of scopes; to cancel, the page ends it and starts another (layoutClient.ts).

import { LayoutCache, layoutNested, type NestedInput, type NestedLayout } from './layoutNested';

export interface LayoutAsk {
  id: number;
  input: NestedInput;
}

/** What the worker answers. */
export type LayoutAnswer = { id: number } & ({ layout: NestedLayout } | { error: string });

const scope = self as unknown as {
  onmessage: ((event: MessageEvent<LayoutAsk>) => void) | null;
  postMessage(answer: LayoutAnswer, transfer: ArrayBufferLike[]): void;
};
const cache = new LayoutCache();

scope.onmessage = ({ data: { id, input } }) => {
  try {
    const layout = layoutNested(input, cache);
    const { x, y, rank, edgeKind, runStart, runs, widths, heights } = layout;
    scope.postMessage(
      { id, layout },
      [x, y, rank, edgeKind, runStart, runs, widths, heights].map((array) => array.buffer),
    );
  } catch (error) {
    scope.postMessage({ id, error: error instanceof Error ? error.message : String(error) }, []);
  }
};
