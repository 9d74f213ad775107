// The first question of every editor is known before its page runs: it is asked at once, so that the daemon starts
// and reads the model while the page loads. Its answer waits here until the page asks.

import type { EditorRequests } from '../../daemon/protocol/page';
import type { Interest } from '../../daemon/protocol/pageChannel';

type Graph = EditorRequests['graph'];
export type AskGraph = (params: Graph['params'], interest: Interest) => Promise<Graph['result']>;

/** Asks for the main graph now; `graph` answers the page, its first question from what was asked before. */
export function askEarly(ask: AskGraph): { readonly graph: AskGraph; dispose(): void } {
  const listeners: (() => void)[] = [];
  const interest = { lost: false, onLost: (listener: () => void) => void listeners.push(listener) };
  const drop = () => {
    interest.lost = true;
    for (const listener of listeners.splice(0)) listener();
  };
  let early: ReturnType<AskGraph> | undefined = ask({ quick: true }, interest);
  // A failure is told when the page asks.
  early.catch(() => undefined);
  return {
    graph(params, asker) {
      const first = early;
      early = undefined;
      if (first === undefined) return ask(params, asker);
      if (params.scope === undefined && params.quick === true && params.bind === undefined) {
        asker.onLost(drop);
        return first;
      }
      // A restored tab shows another graph, or other values of free dimensions.
      drop();
      return ask(params, asker);
    },
    dispose: drop,
  };
}
