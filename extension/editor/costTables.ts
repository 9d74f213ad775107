// What the cost pane shows of the daemon's answer: all operators and scopes, and of the nodes the dearest.

import type { CostRow } from '../../daemon/protocol/cost';
import type { EditorRequests } from '../../daemon/protocol/page';

const mostNodes = 500;

export function shownCost({
  ops,
  scopes,
  nodes,
  assumed,
}: EditorRequests['cost']['result']): EditorRequests['cost']['result'] {
  const computing = nodes.filter((row): row is CostRow & { flops: number } => (row.flops ?? 0) > 0);
  return { ops, scopes, nodes: computing.sort((a, b) => b.flops - a.flops).slice(0, mostNodes), assumed };
}
