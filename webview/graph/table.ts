// The graph as the page holds it: the columns that the daemon sent (see daemon/protocol/graph.ts), and what
// is drawn of them. Constants are folded into their consumers; several values between two nodes are one edge.

import { decodeColumns, type Column } from '../../daemon/protocol/columns';
import { groupEdges, type Lists } from './layoutTypes';

export const NodeKind = { operator: 0, input: 1, output: 2 } as const;

export interface GraphTable {
  /** Rows of the daemon's table: operators, then inputs, then outputs. */
  readonly rows: number;
  readonly name: readonly string[];
  readonly op: readonly string[];
  readonly domain: readonly string[];
  readonly kind: ArrayLike<number>;
  readonly scope: readonly string[];
  /** Bytes of the initializers that a node reads. */
  readonly weights: ArrayLike<number>;
  readonly summary: readonly string[];
  /** Edges that are drawn, at most one for each pair of nodes. Ends are drawn numbers, not rows. */
  readonly source: Int32Array;
  readonly target: Int32Array;
  readonly value: readonly string[];
  readonly label: readonly string[];
  /** Row of each drawn node, and drawn number of each row (-1 where folded). */
  readonly drawn: Int32Array;
  readonly drawnOf: Int32Array;
  /** For a folded constant, the row of the node that reads it. */
  readonly foldedInto: Int32Array;
  /** Edges into and out of each drawn node. */
  readonly into: Lists;
  readonly out: Lists;
}

function strings(columns: Record<string, Column>, name: string, length: number): readonly string[] {
  const column = columns[name];
  return Array.isArray(column) ? (column as readonly string[]) : new Array<string>(length).fill('');
}

function numbers(columns: Record<string, Column>, name: string, length: number): ArrayLike<number> {
  const column = columns[name];
  return column !== undefined && !Array.isArray(column)
    ? (column as ArrayLike<number>)
    : new Float64Array(length);
}

/** Reads the frame of `slipway/graph`. Throws RangeError when it is malformed. */
export function readTable(frame: ArrayBuffer | Uint8Array): GraphTable {
  const columns = decodeColumns(frame instanceof Uint8Array ? frame : new Uint8Array(frame));
  const op = strings(columns, 'op', 0);
  const rows = op.length;
  const kind = numbers(columns, 'kind', rows);
  const from = numbers(columns, 'source', 0);
  const to = numbers(columns, 'target', 0);
  const value = strings(columns, 'value', from.length);
  const label = strings(columns, 'label', from.length);

  const foldedInto = foldConstants(op, kind, from, to);
  const drawn: number[] = [];
  const drawnOf = new Int32Array(rows).fill(-1);
  for (let row = 0; row < rows; row++) {
    if (foldedInto[row] !== -1) continue;
    drawnOf[row] = drawn.length;
    drawn.push(row);
  }
  const source: number[] = [];
  const target: number[] = [];
  const edgeValue: string[] = [];
  const edgeLabel: string[] = [];
  const seen = new Set<number>();
  for (let e = 0; e < from.length; e++) {
    const s = drawnOf[from[e]!] ?? -1;
    const t = drawnOf[to[e]!] ?? -1;
    const pair = s * drawn.length + t;
    if (s < 0 || t < 0 || seen.has(pair)) continue;
    seen.add(pair);
    source.push(s);
    target.push(t);
    edgeValue.push(value[e]!);
    edgeLabel.push(label[e]!);
  }
  const sources = Int32Array.from(source);
  const targets = Int32Array.from(target);
  return {
    rows,
    name: strings(columns, 'name', rows),
    op,
    domain: strings(columns, 'domain', rows),
    kind,
    scope: strings(columns, 'scope', rows),
    weights: numbers(columns, 'weights', rows),
    summary: strings(columns, 'summary', rows),
    source: sources,
    target: targets,
    value: edgeValue,
    label: edgeLabel,
    drawn: Int32Array.from(drawn),
    drawnOf,
    foldedInto,
    into: groupEdges(drawn.length, targets, () => true),
    out: groupEdges(drawn.length, sources, () => true),
  };
}

/** For each Constant that only operators read: the first of them. -1 for everything else. */
function foldConstants(
  op: readonly string[],
  kind: ArrayLike<number>,
  from: ArrayLike<number>,
  to: ArrayLike<number>,
): Int32Array {
  const reader = new Int32Array(op.length).fill(-1);
  const stays = new Uint8Array(op.length);
  for (let e = 0; e < from.length; e++) {
    const source = from[e]!;
    if (op[source] !== 'Constant') continue;
    if (kind[to[e]!] !== NodeKind.operator) stays[source] = 1;
    else if (reader[source] === -1) reader[source] = to[e]!;
  }
  return reader.map((row, n) => (stays[n] === 1 ? -1 : row));
}

/** Rows whose name or operator holds the query, folded constants as the node that reads them. */
export function findRows(table: GraphTable, query: string, order: (row: number) => number): number[] {
  const wanted = query.trim().toLowerCase();
  if (wanted === '') return [];
  const found = new Set<number>();
  for (let row = 0; row < table.rows; row++) {
    if (!table.op[row]!.toLowerCase().includes(wanted) && !table.name[row]!.toLowerCase().includes(wanted)) {
      continue;
    }
    let shown = row;
    while (table.foldedInto[shown] !== -1) shown = table.foldedInto[shown]!;
    found.add(shown);
  }
  return [...found].sort((a, b) => order(a) - order(b));
}
