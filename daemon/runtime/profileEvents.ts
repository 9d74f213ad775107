// Reads the profile that ONNX Runtime writes: which node ran when, on which provider, in which run. Pure text
// in, numbers out; how runs are profiled is profile.ts's business.

import { SlipwayError } from '../base/errors';
import { breathe, type Task } from '../base/task';
import { workOf, type ProfiledShape, type Work } from './profileWork';
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
  /** Bytes that one call reads and writes: activations, weights and outputs, each once. */
  bytes: number;
  /** Work of one call; null when the shapes do not tell. */
  work: Work | null;
  /** Inputs that it was given. */
  inputs: number;
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
  args?: EventArgs;
}

interface EventArgs {
  op_name?: string;
  provider?: string;
  node_index?: string;
  activation_size?: string;
  parameter_size?: string;
  output_size?: string;
  /** One object for each input, `{"float": [1, 3, 224, 224]}`. */
  input_type_shape?: Record<string, number[]>[];
  output_type_shape?: Record<string, number[]>[];
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
  const inputs = shapesOf(args.input_type_shape);
  const sizes = [args.activation_size, args.parameter_size, args.output_size];
  const node = {
    name: plain,
    op,
    provider: args.provider ?? '',
    meanUs: 0,
    totalUs: 0,
    calls: 0,
    bytes: sizes.reduce((sum, size) => sum + (Number(size) || 0), 0),
    work: workOf(op, inputs, shapesOf(args.output_type_shape)),
    inputs: inputs.length,
  };
  const row = { node, order: rows.size };
  rows.set(key, row);
  return row;
}

const shapesOf = (given: EventArgs['input_type_shape']): ProfiledShape[] =>
  (given ?? []).map((one) => {
    const [[type, dims] = ['', []]] = Object.entries(one);
    return { type, dims };
  });

/** How many nodes each provider ran. */
export function nodesByProvider(nodes: readonly ProfiledNode[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { provider } of nodes) counts[provider] = (counts[provider] ?? 0) + 1;
  return counts;
}

/**
 * Takes the cost of profiling out of the nodes' times: ONNX Runtime stops a node's clock only after it has put the
 * node's record together, `recordUs` for each call, which a plain run does not have (profileRecord.ts). A call
 * that took less is left with nothing.
 */
export function withoutRecording(nodes: readonly ProfiledNode[], recordUs: number): ProfiledNode[] {
  return nodes.map((node) => ({
    ...node,
    meanUs: Math.max(0, node.meanUs - recordUs * node.calls),
    totalUs: Math.max(0, node.totalUs - recordUs * node.calls),
  }));
}
