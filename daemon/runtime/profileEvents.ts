// Reads the profile that ONNX Runtime writes: which node ran when, on which provider, in which run. Pure text
// in, numbers out; how runs are profiled is profile.ts's business.

import { SlipwayError } from '../base/errors';
import { breathe, type Task } from '../base/task';
import { undisturbed } from './profileRuns';
import { workOf, type ProfiledShape, type Work } from './profileWork';

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
  /** Mean time from the end of a node to the beginning of the next, microseconds; NaN with one node. */
  gapUs: number;
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
 * Means over the runs that `cold` does not name by their position (warm-up, say) and that nothing disturbed
 * (profileRuns.ts). Throws `runnerFailed` when there is no run in it.
 */
export async function readProfile(
  text: string,
  cold: ReadonlySet<number>,
  task: Task,
): Promise<ProfiledRuns> {
  const events = await eventsOf(text, task);
  const byTime = (a: Event, b: Event) => (a.ts ?? 0) - (b.ts ?? 0) || (b.dur ?? 0) - (a.dur ?? 0);
  const runs = events.filter(({ cat, name }) => cat === 'Session' && name === 'model_run').sort(byTime);
  const warm = runs.filter((_, index) => !cold.has(index));
  const counts = undisturbed(warm.map(({ dur = 0 }) => dur));
  const kept = warm.filter((_, index) => counts[index]);
  if (kept.length === 0) throw new SlipwayError('runnerFailed', 'ONNX Runtime profiled no run.');
  const kernels = events
    .filter(({ cat, name }) => cat === 'Node' && name?.endsWith('_kernel_time'))
    .sort(byTime);
  const rows = new Map<string, Row>();
  let at = 0;
  const gaps = { us: 0, count: 0 };
  for (const run of kept) {
    const from = run.ts ?? 0;
    const to = from + (run.dur ?? 0);
    while (at < kernels.length && (kernels[at]!.ts ?? 0) < from) at += 1;
    /** Nodes with bodies that are running, innermost last. */
    const open: { end: number; row: Row }[] = [];
    let lastEnd: number | undefined;
    for (; at < kernels.length && (kernels[at]!.ts ?? 0) <= to; at++) {
      const event = kernels[at]!;
      if (at % 1024 === 0) await breathe(task);
      const row = rowOf(rows, event);
      const duration = event.dur ?? 0;
      const start = event.ts ?? 0;
      while (open.length > 0 && open.at(-1)!.end < start + duration) open.pop();
      const around = open.at(-1);
      if (!around) {
        if (lastEnd !== undefined) {
          gaps.us += Math.max(0, start - lastEnd);
          gaps.count += 1;
        }
        lastEnd = start + duration;
      }
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
    gapUs: gaps.us / gaps.count,
  };
}

const hasBody = new Set(['If', 'Loop', 'Scan', 'SequenceMap']);

/**
 * The events that are wanted. ONNX Runtime writes one a line, and a long profile in one piece would hold the event
 * loop; a process that ended early leaves the list open.
 */
async function eventsOf(text: string, task: Task): Promise<Event[]> {
  if (!text.trimEnd().includes('\n')) return JSON.parse(closed(text)) as Event[];
  const events: Event[] = [];
  let from = 0;
  for (let line = 0; from < text.length; line++) {
    if (line % 256 === 0) await breathe(task);
    const end = text.indexOf('\n', from);
    const one = text.slice(from, end < 0 ? text.length : end);
    from = end < 0 ? text.length : end + 1;
    if (!one.includes('_kernel_time"') && !one.includes('"model_run"')) continue;
    try {
      events.push(JSON.parse(one.trim().replace(/,$/, '')) as Event);
    } catch {
      // The last line of a process that ended early.
    }
  }
  return events;
}

const closed = (text: string): string => {
  const trimmed = text.trimEnd();
  return trimmed.endsWith(']') ? trimmed : `${trimmed.replace(/,$/, '')}]`;
};

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
