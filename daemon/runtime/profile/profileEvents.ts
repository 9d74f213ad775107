// Reads the profile that ONNX Runtime writes: which node ran when, on which provider, in which run. Pure text
// in, numbers out; how runs are profiled is profile.ts's business.

import { SlipwayError } from '../../base/errors';
import { breathe, type Task } from '../../base/task';
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
  /** Runs that the means are of; of a stretch of nodes, on average. */
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

/** Stretches of nodes in which disturbance is looked for last about so long. */
const stretchUs = 1000;

/**
 * Means over the runs that `cold` does not name by their position (warm-up, say) and that nothing disturbed
 * (profileRuns.ts). A long run is seldom left alone from its beginning to its end, so each stretch of a
 * millisecond is taken from the runs in which it was. The last run counts also when it is cold: on a very busy machine
 * there may be no other. Throws `runnerFailed` when there is no run in it.
 */
export async function readProfile(
  text: string,
  cold: ReadonlySet<number>,
  task: Task,
): Promise<ProfiledRuns> {
  const events = await eventsOf(text, task);
  const byTime = (a: Event, b: Event) => (a.ts ?? 0) - (b.ts ?? 0) || (b.dur ?? 0) - (a.dur ?? 0);
  const runs = events.filter(({ cat, name }) => cat === 'Session' && name === 'model_run').sort(byTime);
  const counting = runs.filter((_, index) => !cold.has(index));
  const warm = counting.length > 0 ? counting : runs.slice(-1);
  if (warm.length === 0) throw new SlipwayError('runnerFailed', 'ONNX Runtime profiled no run.');
  const kernels = events
    .filter(({ cat, name }) => cat === 'Node' && name?.endsWith('_kernel_time'))
    .sort(byTime);
  const ofRuns = eventsOfRuns(warm, kernels);
  const counts = undisturbed(warm.map(({ dur = 0 }) => dur));
  const kept = warm.filter((_, index) => counts[index]);
  const nested = kernels.some(({ args }) => hasBody.has(args?.op_name ?? ''));
  const same = ofRuns.every((one) => one.length === ofRuns[0]!.length) && ofRuns[0]!.length > 0;
  const { rows, gapUs, used } =
    nested || !same
      ? await ofWholeRuns(
          ofRuns.filter((_, index) => counts[index]),
          task,
        )
      : await ofStretches(ofRuns, task);
  return {
    nodes: [...rows.values()].sort((a, b) => a.order - b.order).map(({ node }) => node),
    runs: used,
    runUs: kept.reduce((sum, run) => sum + (run.dur ?? 0), 0) / kept.length,
    gapUs,
  };
}

/** The nodes' events within each run, in their order. */
function eventsOfRuns(runs: readonly Event[], kernels: readonly Event[]): Event[][] {
  let at = 0;
  return runs.map(({ ts: from = 0, dur = 0 }) => {
    while (at < kernels.length && (kernels[at]!.ts ?? 0) < from) at += 1;
    const first = at;
    while (at < kernels.length && (kernels[at]!.ts ?? 0) <= from + dur) at += 1;
    return kernels.slice(first, at);
  });
}

interface Means {
  readonly rows: ReadonlyMap<string, Row>;
  readonly gapUs: number;
  /** Runs that the means are of. */
  readonly used: number;
}

/** Runs whose nodes follow each other in the same order: stretch by stretch. */
async function ofStretches(runs: readonly (readonly Event[])[], task: Task): Promise<Means> {
  const rows = new Map<string, Row>();
  const gaps = { us: 0, count: 0 };
  const used: number[] = [];
  const nodes = runs[0]!.length;
  const start = (run: readonly Event[], index: number) => run[index]!.ts ?? 0;
  const end = (run: readonly Event[], index: number) => start(run, index) + (run[index]!.dur ?? 0);
  /** From the beginning of one node to that of another, or to the end of the last. */
  const span = (run: readonly Event[], from: number, to: number) =>
    (to < nodes ? start(run, to) : end(run, nodes - 1)) - start(run, from);
  const typical = runs.reduce((a, b) => (span(b, 0, nodes) < span(a, 0, nodes) ? b : a));
  for (let from = 0; from < nodes;) {
    let to = from + 1;
    while (to < nodes && span(typical, from, to) < stretchUs) to += 1;
    await breathe(task);
    const counts = undisturbed(runs.map((run) => span(run, from, to)));
    const calm = runs.filter((_, index) => counts[index]);
    used.push(calm.length);
    for (let index = from; index < to; index++) {
      const { node } = rowOf(rows, calm[0]![index]!);
      const us = calm.reduce((sum, run) => sum + (run[index]!.dur ?? 0), 0) / calm.length;
      node.meanUs += us;
      node.totalUs += us;
      node.calls += 1;
      if (index + 1 === nodes) continue;
      for (const run of calm) gaps.us += Math.max(0, start(run, index + 1) - end(run, index)) / calm.length;
      gaps.count += 1;
    }
    from = to;
  }
  const runsUsed = used.reduce((sum, count) => sum + count, 0) / used.length;
  return { rows, gapUs: gaps.us / gaps.count, used: Math.round(runsUsed) };
}

/** Runs with loops or branches in them: whole. */
async function ofWholeRuns(runs: readonly (readonly Event[])[], task: Task): Promise<Means> {
  const rows = new Map<string, Row>();
  const gaps = { us: 0, count: 0 };
  for (const run of runs) {
    /** Nodes with bodies that are running, innermost last. */
    const open: { end: number; row: Row }[] = [];
    let lastEnd: number | undefined;
    for (const [at, event] of run.entries()) {
      if (at % 1024 === 0) await breathe(task);
      const row = rowOf(rows, event);
      const duration = event.dur ?? 0;
      const start = event.ts ?? 0;
      while (open.length > 0 && open.at(-1)!.end < start + duration) open.pop();
      const around = open.at(-1);
      if (around) around.row.node.meanUs -= duration;
      else {
        if (lastEnd !== undefined) {
          gaps.us += Math.max(0, start - lastEnd);
          gaps.count += 1;
        }
        lastEnd = start + duration;
      }
      row.node.meanUs += duration;
      row.node.totalUs += duration;
      row.node.calls += 1;
      if (hasBody.has(row.node.op)) open.push({ end: start + duration, row });
    }
  }
  for (const { node } of rows.values()) {
    node.meanUs = Math.max(0, node.meanUs) / runs.length;
    node.totalUs /= runs.length;
    node.calls /= runs.length;
  }
  return { rows, gapUs: gaps.us / gaps.count, used: runs.length };
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
