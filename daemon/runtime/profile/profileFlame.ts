// The flame chart of a run: its nodes in the order of running, end to end with their mean times, and above them
// the scopes that they belong to. Pure.

export interface FlameSpan {
  name: string;
  /** 0 for the run, then one more for each scope around; a node lies below its innermost scope. */
  depth: number;
  startUs: number;
  durationUs: number;
  /** Index of the node; null for the run and for scopes. */
  node: number | null;
}

interface Timed {
  readonly name: string;
  readonly scope: string;
  readonly meanUs: number;
}

/** Spans in the order of their beginning, the outer before the inner. A scope that runs twice is two spans. */
export function flameOf(nodes: readonly Timed[]): FlameSpan[] {
  const run: FlameSpan = { name: 'run', depth: 0, startUs: 0, durationUs: 0, node: null };
  const spans: FlameSpan[] = [run];
  /** Scopes that are open, outermost first. */
  const open: FlameSpan[] = [];
  let now = 0;
  for (const [index, { name, scope, meanUs }] of nodes.entries()) {
    const parts = scope.split('/').filter(Boolean);
    const common = parts.findIndex((part, i) => open[i]?.name !== part);
    open.length = common < 0 ? Math.min(parts.length, open.length) : Math.min(common, open.length);
    for (const part of parts.slice(open.length)) {
      const span = { name: part, depth: open.length + 1, startUs: now, durationUs: 0, node: null };
      open.push(span);
      spans.push(span);
    }
    spans.push({ name, depth: open.length + 1, startUs: now, durationUs: meanUs, node: index });
    now += meanUs;
    for (const span of [run, ...open]) span.durationUs += meanUs;
  }
  return spans;
}

/** The spans as a trace in the Trace Event Format, which Perfetto, speedscope and Chromium read. */
export function traceOf(
  spans: readonly FlameSpan[],
  nodes: readonly { readonly op: string; readonly provider: string; readonly calls: number }[],
): object {
  return {
    displayTimeUnit: 'ms',
    traceEvents: spans.map(({ name, startUs, durationUs, node }) => {
      const of = node === null ? undefined : nodes[node];
      return {
        ph: 'X',
        pid: 1,
        tid: 1,
        cat: of ? 'node' : 'scope',
        name,
        ts: startUs,
        dur: durationUs,
        args: of ? { op: of.op, provider: of.provider, calls: of.calls } : {},
      };
    }),
  };
}
