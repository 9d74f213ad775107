// Functions opened where they are called: the nodes of a function's graph are put into the table of the graph that calls
// it, as a scope in the place of the call. Rows of the graph itself keep their numbers; those of functions follow.

import { GroupKind, NodeKind, type ModelTable } from './modelTable';

/** A call whose function is in the table. */
export interface OpenedCall {
  /** Row of the node that calls. */
  readonly row: number;
  /** The scope that stands for it. */
  readonly group: number;
  /** Path under which the daemon knows the function's graph in this call. */
  readonly path: string;
  /** Rows of the function's nodes. */
  readonly firstRow: number;
  readonly rows: number;
}

/** Where a row comes from: path of its graph as the daemon knows it, and the row there. */
export interface Place {
  readonly scope: string;
  readonly index: number;
}

/** The place of an operator's row; `scope` is the path of the graph that is shown. */
export function placeOf(model: ModelTable, scope: string, row: number): Place {
  const call = model.calls.find(({ firstRow, rows }) => row >= firstRow && row < firstRow + rows);
  return call === undefined ? { scope, index: row } : { scope: call.path, index: row - call.firstRow };
}

/** The row at a place; -1 when it is not in the table. */
export function rowAt(model: ModelTable, scope: string, place: Place): number {
  if (place.scope === scope) return place.index < model.baseRows ? place.index : -1;
  const call = model.calls.find(({ path }) => path === place.scope);
  return call !== undefined && place.index < call.rows ? call.firstRow + place.index : -1;
}

/** The call that a scope stands for. */
export const callOfGroup = (model: ModelTable, group: number): OpenedCall | undefined =>
  model.calls.find((call) => call.group === group);

/** Whether a row is a call of a function that is not in the table yet. */
export const isClosedCall = (model: ModelTable, row: number): boolean =>
  row < model.rows && (model.callee[row] ?? '') !== '' && model.foldedInto[row] === -1;

/** Rows of calls that are seen when the scopes in `open` are, and lie less than `levels` deep. */
export function callsWithin(
  model: ModelTable,
  { open }: { readonly open: ReadonlySet<number> },
  levels: number,
): number[] {
  const rows: number[] = [];
  for (let row = 0; row < model.rows; row++) {
    if (!isClosedCall(model, row)) continue;
    let depth = 0;
    let g = model.group[row]!;
    for (; g >= 0 && open.has(g); g = model.groupParent[g]!) depth += 1;
    if (g < 0 && depth < levels) rows.push(row);
  }
  return rows;
}

/** The operator that a row is or stands for: itself, or the call whose function is open there. */
export function operatorOf(model: ModelTable, row: number): number | undefined {
  if (row < model.rows) return model.kind[row] === NodeKind.operator ? row : undefined;
  return callOfGroup(model, row - model.rows)?.row;
}

/** Path of the graph of the function that a row calls. */
export function callPath(model: ModelTable, scope: string, row: number): string {
  const place = placeOf(model, scope, row);
  return `${place.scope === '' ? '' : `${place.scope}/`}#${place.index}/function`;
}

/** The table with the function of a call in it. `body` is the table of the graph at `path`. */
export function openCall(model: ModelTable, row: number, path: string, body: ModelTable): ModelTable {
  const added = countOperators(body);
  const { rows: first, groups: group } = model;
  const rows = first + added;
  const groups = group + 1 + body.groups;
  const texts = (own: readonly string[], inner: readonly string[], title: string) => [
    ...own.slice(0, first),
    ...inner.slice(0, added),
    ...own.slice(first),
    title,
    ...inner.slice(body.rows),
  ];
  const kind = new Uint8Array(rows + groups).fill(NodeKind.group);
  kind.set(model.kind.subarray(0, first));
  kind.set(body.kind.subarray(0, added), first);

  const foldedInto = new Int32Array(rows).fill(-1);
  // What stands for a call that was opened before is a scope, and those have moved.
  for (let r = 0; r < first; r++) {
    const into = model.foldedInto[r]!;
    foldedInto[r] = into >= first ? into + added : into;
  }
  foldedInto[row] = rows + group;
  for (let r = 0; r < added; r++) {
    if (body.foldedInto[r] !== -1) foldedInto[first + r] = first + body.foldedInto[r]!;
  }

  const inGroup = new Int32Array(rows);
  inGroup.set(model.group);
  for (let r = 0; r < added; r++)
    inGroup[first + r] = body.group[r]! < 0 ? group : group + 1 + body.group[r]!;
  const groupParent = joined(model.groupParent, [model.group[row]!], body.groupParent, (parent) =>
    parent < 0 ? group : group + 1 + parent,
  );
  let nodes = 0;
  for (let r = 0; r < added; r++) if (body.foldedInto[r] === -1) nodes += 1;
  const groupNodes = joined(model.groupNodes, [nodes], body.groupNodes);
  const groupChildren = joined(model.groupChildren, [0], body.groupChildren);
  for (const parent of body.groupParent) if (parent < 0) groupChildren[group]! += 1;
  if (groupParent[group]! >= 0) groupChildren[groupParent[group]!]! += 1;
  // What the call reads is read in its function, and is counted around it already.
  for (let g = groupParent[group]!; g >= 0; g = groupParent[g]!) groupNodes[g]! += nodes - 1;

  const weights = new Float64Array(rows + groups);
  weights.set(model.weights.subarray(0, first));
  weights.set(body.weights.subarray(0, added), first);
  weights.set(model.weights.subarray(first), rows);
  weights[rows + group] = Math.max(model.weights[row]!, sum(body.weights.subarray(0, added)));
  weights.set(body.weights.subarray(body.rows), rows + group + 1);

  const quantized = new Uint8Array(rows);
  quantized.set(model.quantized);
  quantized.set(body.quantized.subarray(0, added), first);
  const groupKind = new Uint8Array(groups);
  groupKind.set(model.groupKind);
  groupKind[group] = GroupKind.call;
  groupKind.set(body.groupKind, group + 1);
  const sames = 1 + model.groupSame.reduce((most, same) => Math.max(most, same), -1);
  return {
    rows,
    baseRows: model.baseRows,
    groups,
    name: texts(model.name, body.name, model.op[row]!),
    op: texts(model.op, body.op, ''),
    domain: texts(model.domain, body.domain, ''),
    kind,
    scope: texts(model.scope, body.scope, ''),
    weights,
    summary: texts(model.summary, body.summary, ''),
    callee: texts(model.callee, body.callee, ''),
    actual: [],
    ...joinEdges(model, row, body, added),
    foldedInto,
    quantized,
    foldable: model.foldable + body.foldable,
    group: inGroup,
    groupParent,
    groupKind,
    groupClass: [...model.groupClass, 'function', ...body.groupClass],
    groupSame: joined(model.groupSame, [sames], body.groupSame, (same) => sames + 1 + same),
    groupNodes,
    groupChildren,
    calls: [...model.calls, { row, group, path, firstRow: first, rows: added }],
  };
}

/** Operators of a table, which are its first rows. */
export function countOperators(model: ModelTable): number {
  let count = 0;
  while (count < model.rows && model.kind[count] === NodeKind.operator) count += 1;
  return count;
}

const sum = (list: Float64Array) => list.reduce((all, one) => all + one, 0);

function joined(
  own: Int32Array,
  between: readonly number[],
  inner: Int32Array,
  shift = (one: number) => one,
): Int32Array {
  return Int32Array.from([...own, ...between, ...Array.from(inner, shift)]);
}

interface Edge {
  readonly source: number;
  readonly value: string;
  readonly label: string;
  readonly made: string;
  readonly reads: string;
}

/** Edges with the function in the place of its call: what flows into the call flows to who reads it inside. */
function joinEdges(
  model: ModelTable,
  row: number,
  body: ModelTable,
  added: number,
): Pick<ModelTable, 'source' | 'target' | 'value' | 'label' | 'made' | 'reads'> {
  const { rows: first } = model;
  const edgeOf = (table: ModelTable, e: number, source: number): Edge => ({
    source,
    value: table.value[e]!,
    label: table.label[e]!,
    made: table.made[e]!,
    reads: table.reads[e]!,
  });
  const given = new Map<string, Edge>();
  for (let e = 0; e < model.source.length; e++) {
    if (model.target[e] !== row || model.source[e] === row) continue;
    given.set(model.reads[e]!, edgeOf(model, e, model.source[e]!));
  }
  const source: number[] = [];
  const target: number[] = [];
  const value: string[] = [];
  const label: string[] = [];
  const made: string[] = [];
  const reads: string[] = [];
  const add = (edge: Edge, to: number) => {
    source.push(edge.source);
    target.push(to);
    value.push(edge.value);
    label.push(edge.label);
    made.push(edge.made);
    reads.push(edge.reads);
  };
  const from = (e: number): Edge | undefined => {
    const s = body.source[e]!;
    if (s < added) return edgeOf(body, e, first + s);
    const outer = given.get(body.actual[s] ?? '');
    return outer && { ...outer, reads: body.reads[e]! };
  };
  const results = new Map<string, Edge>();
  for (let e = 0; e < body.source.length; e++) {
    const edge = from(e);
    const t = body.target[e]!;
    if (edge === undefined) continue;
    if (t < added) add(edge, first + t);
    else results.set(body.actual[t] ?? '', edge);
  }
  for (let e = 0; e < model.source.length; e++) {
    const [s, t] = [model.source[e]!, model.target[e]!];
    if (t === row) continue;
    if (s !== row) add(edgeOf(model, e, s), t);
    else {
      const result = results.get(model.made[e]!);
      if (result !== undefined) add({ ...edgeOf(model, e, result.source), made: result.made }, t);
    }
  }
  return { source: Int32Array.from(source), target: Int32Array.from(target), value, label, made, reads };
}
