// Reads the profile that ONNX Runtime writes: which node ran when, on which provider, in which run. Pure text
// in, numbers out; how runs are profiled is profile.ts's business.

import { SlipwayError } from '../base/errors';
import { breathe, type Task } from '../base/task';
import { quantile } from './statistics';

/** A node of the graph as ONNX Runtime runs it. */
export interface ProfiledNode {
  /** Its name there; fused nodes carry the name of one of their parts or of what leaves them. */
  name: string;
  op: string;
  /** Execution provider, `CPUExecutionProvider`. */
  provider: string;
  /** Mean time of one run, bodies of loops and branches not counted, microseconds. */
  meanUs: number;
  /** The same with the bodies. */
  totalUs: number;
  /** Times it ran in one run. */
  calls: number;
}

export interface ProfiledRuns {
  nodes: ProfiledNode[];
  /** Runs that the means are of. */
  runs: number;
  /** Mean time of these runs as ONNX Runtime saw them, microseconds. */
  runUs: number;
}

interface Event {
  cat?: string;
  name?: string;
  ts?: number;
  dur?: number;
  tid?: number;
  args?: { op_name?: string; provider?: string; node_index?: string };
}

interface Row {
  readonly node: ProfiledNode;
  readonly order: number;
}

/**
 * Means over the runs that `cold` does not name by their position (warm-up, say); of them the fastest tenth and
 * the slower half are left out, since what disturbs a run only adds time and says nothing of the nodes. Throws `runnerFailed` when there is no run in it.
 */
export async function readProfile(
  text: string,
  cold: ReadonlySet<number>,
  task: Task,
): Promise<ProfiledRuns> {
  let events: Event[];
  try {
    events = JSON.parse(text) as Event[];
  } catch {
    // A process that ended early leaves the list open.
    events = JSON.parse(`${text.trimEnd().replace(/,$/, '')}]`) as Event[];
  }
  const byTime = (a: Event, b: Event) => (a.ts ?? 0) - (b.ts ?? 0) || (b.dur ?? 0) - (a.dur ?? 0);
  const runs = events.filter(({ cat, name }) => cat === 'Session' && name === 'model_run').sort(byTime);
  const kept = trimmed(runs.filter((_, index) => !cold.has(index)));
  if (kept.length === 0) throw new SlipwayError('runnerFailed', 'ONNX Runtime profiled no run.');
  const kernels = events
    .filter(({ cat, name }) => cat === 'Node' && name?.endsWith('_kernel_time'))
    .sort(byTime);
  const rows = new Map<string, Row>();
  let at = 0;
  for (const run of kept) {
    const from = run.ts ?? 0;
    const to = from + (run.dur ?? 0);
    while (at < kernels.length && (kernels[at]!.ts ?? 0) < from) at += 1;
    /** Nodes with bodies that are running, innermost last. */
    const open: { end: number; row: Row }[] = [];
    for (; at < kernels.length && (kernels[at]!.ts ?? 0) <= to; at++) {
      const event = kernels[at]!;
      if (at % 1024 === 0) await breathe(task);
      const row = rowOf(rows, event);
      const duration = event.dur ?? 0;
      const start = event.ts ?? 0;
      while (open.length > 0 && open.at(-1)!.end < start + duration) open.pop();
      const around = open.at(-1);
      if (around) around.row.node.meanUs -= duration;
      row.node.meanUs += duration;
      row.node.totalUs += duration;
      row.node.calls += 1;
      if (hasBody.has(row.node.op)) open.push({ end: start + duration, row });
    }
  }
  const nodes = [...rows.values()].sort((a, b) => a.order - b.order).map(({ node }) => node);
  for (const node of nodes) {
    node.meanUs = Math.max(0, node.meanUs) / kept.length;
    node.totalUs /= kept.length;
    node.calls /= kept.length;
  }
  return {
    nodes,
    runs: kept.length,
    runUs: kept.reduce((sum, run) => sum + (run.dur ?? 0), 0) / kept.length,
  };
}

const hasBody = new Set(['If', 'Loop', 'Scan', 'SequenceMap']);

/** Shares of the runs, in the order of their length, between which they count. */
const counted = [0.1, 0.5] as const;

/** Without the fastest tenth and the slower half, in the order of time. */
function trimmed(runs: readonly Event[]): Event[] {
  const times = Float64Array.from(runs, (run) => run.dur ?? 0).sort();
  const low = quantile(times, counted[0]);
  const high = quantile(times, counted[1]);
  return runs.filter(({ dur = 0 }) => dur >= low && dur <= high);
}

/** The mean without the fastest tenth and the slower half, as `readProfile` takes it. */
export function trimmedMean(sorted: Float64Array): number {
  const low = quantile(sorted, counted[0]);
  const high = quantile(sorted, counted[1]);
  const kept = sorted.filter((time) => time >= low && time <= high);
  return kept.reduce((sum, time) => sum + time, 0) / kept.length;
}

function rowOf(rows: Map<string, Row>, { name = '', args = {} }: Event): Row {
  const plain = name.replace(/_kernel_time$/, '');
  const op = args.op_name ?? '';
  // Indices count anew in each body, names may be empty: together they tell nodes apart.
  const key = `${args.node_index ?? ''} ${op} ${plain}`;
  const found = rows.get(key);
  if (found) return found;
  const node = { name: plain, op, provider: args.provider ?? '', meanUs: 0, totalUs: 0, calls: 0 };
  const row = { node, order: rows.size };
  rows.set(key, row);
  return row;
}

/** How many nodes each provider ran. */
export function nodesByProvider(nodes: readonly ProfiledNode[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { provider } of nodes) counts[provider] = (counts[provider] ?? 0) + 1;
  return counts;
}

/** No node's record takes longer to make than this, microseconds. */
const mostRecordUs = 10;

/**
 * Takes the cost of profiling out of the nodes' times. ONNX Runtime stops a node's clock only after it has put
 * the node's record together, a few microseconds that a plain run does not have; `insideUs` is a plain run as
 * ONNX Runtime would see it. Each call loses the same, never more than the cheapest node took (and one microsecond, the grain of its clock).
 * Returns what was taken off each call.
 */
export function withoutRecording(
  nodes: readonly ProfiledNode[],
  insideUs: number,
): { nodes: ProfiledNode[]; recordUs: number } {
  const sum = nodes.reduce((all, { meanUs }) => all + meanUs, 0);
  const calls = nodes.reduce((all, node) => all + node.calls, 0);
  const cheapest = Math.min(...nodes.map((node) => node.meanUs / Math.max(1, node.calls)));
  const recordUs =
    calls === 0 ? 0 : Math.max(0, Math.min((sum - insideUs) / calls, cheapest + 1, mostRecordUs));
  return {
    recordUs,
    nodes: nodes.map((node) => ({
      ...node,
      meanUs: node.meanUs - recordUs * Math.min(node.calls, node.meanUs / recordUs || 0),
      totalUs: Math.max(0, node.totalUs - recordUs * node.calls),
    })),
  };
}
