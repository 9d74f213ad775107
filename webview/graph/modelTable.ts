// The graph as the daemon sent it (columns of daemon/protocol/graph.ts), whatever is shown of it: nodes, edges, the
// scope tree, and which nodes are folded into the one that reads them (constants and arithmetic on shapes).

import { foldQuantization } from './foldQuantization';
import type { OpenedCall } from './openCall';
import { decodeColumns, type Column } from '../../daemon/protocol/columns';

export const NodeKind = { operator: 0, input: 1, output: 2, group: 3, entry: 4, exit: 5 } as const;
export const GroupKind = { scope: 0, repeat: 1, chunk: 2, call: 3 } as const;

export interface ModelTable {
  /**
   * Rows of the daemon's table (operators, then inputs, then outputs), then those of functions that were opened where
   * they are called. Scopes follow as rows of their own.
   */
  readonly rows: number;
  /** Rows of the daemon's table alone. */
  readonly baseRows: number;
  readonly groups: number;
  readonly name: readonly string[];
  readonly op: readonly string[];
  readonly domain: readonly string[];
  readonly kind: Uint8Array;
  readonly scope: readonly string[];
  readonly weights: Float64Array;
  readonly summary: readonly string[];
  /** Path of the model-local function that a row calls, or empty. */
  readonly callee: readonly string[];
  /** In the function of a call, what the caller calls its inputs and outputs. */
  readonly actual: readonly string[];
  /** Uses of values between rows; constants and shape arithmetic left out. */
  readonly source: Int32Array;
  readonly target: Int32Array;
  readonly value: readonly string[];
  readonly label: readonly string[];
  /** Names that the value has where it is made and where it is read: others than `value` where Q and DQ are folded. */
  readonly made: readonly string[];
  readonly reads: readonly string[];
  /** For a folded row, the row that reads it; for a call whose function is open here, its scope's; else -1. */
  readonly foldedInto: Int32Array;
  /** 1 for operators into which Q and DQ nodes are folded. */
  readonly quantized: Uint8Array;
  /** Q and DQ nodes that are folded, or could be. */
  readonly foldable: number;
  /** Scope of each row as a number of a scope (not a row), -1 for none. Scopes come after the one around them. */
  readonly group: Int32Array;
  readonly groupParent: Int32Array;
  readonly groupKind: Uint8Array;
  readonly groupClass: readonly string[];
  readonly groupSame: Int32Array;
  /** Operators inside each scope, at any depth, and directly in it. */
  readonly groupNodes: Int32Array;
  /** Scopes directly inside each scope. */
  readonly groupChildren: Int32Array;
  /** Calls whose functions are in the table (openCall.ts). */
  readonly calls: readonly OpenedCall[];
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

/**
 * Reads the frame of `slipway/graph`; with `fold`, Q and DQ nodes lie in the operators that they belong to. Throws
 * RangeError when it is malformed.
 */
export function readModelTable(frame: ArrayBuffer | Uint8Array, fold = true): ModelTable {
  const columns = decodeColumns(frame instanceof Uint8Array ? frame : new Uint8Array(frame));
  const op = strings(columns, 'op', 0);
  const rows = op.length;
  const groupName = strings(columns, 'groupName', 0);
  const groups = groupName.length;
  const kind = new Uint8Array(rows + groups).fill(NodeKind.group);
  kind.set(numbers(columns, 'kind', rows));
  const allFrom = Int32Array.from(numbers(columns, 'source', 0));
  const allTo = Int32Array.from(numbers(columns, 'target', 0));
  const foldedInto = foldRows(op, kind, allFrom, allTo);
  const hasPairs = op.includes('DequantizeLinear') || op.includes('QuantizeLinear');
  const into = fold ? foldedInto : foldedInto.slice();
  const pairs = hasPairs ? foldQuantization(op, kind, allFrom, allTo, into) : undefined;
  const contracted = fold ? pairs : undefined;
  const from = contracted?.from ?? allFrom;
  const to = contracted?.to ?? allTo;
  const edgeOf = (e: number) => contracted?.edge[e] ?? e;
  const values = strings(columns, 'value', allFrom.length);
  const labels = strings(columns, 'label', allFrom.length);
  const value: string[] = [];
  const label: string[] = [];
  const made: string[] = [];
  const reads: string[] = [];
  let source = new Int32Array(from.length);
  let target = new Int32Array(from.length);
  for (let e = 0; e < from.length; e++) {
    if (foldedInto[from[e]!] !== -1 || foldedInto[to[e]!] !== -1) continue;
    source[value.length] = from[e]!;
    target[value.length] = to[e]!;
    value.push(values[edgeOf(e)]!);
    label.push(labels[edgeOf(e)]!);
    if (contracted === undefined) continue;
    made.push(values[contracted.made[e]!]!);
    reads.push(values[contracted.reads[e]!]!);
  }
  source = source.slice(0, value.length);
  target = target.slice(0, value.length);
  const group =
    columns['group'] === undefined
      ? new Int32Array(rows).fill(-1)
      : Int32Array.from(numbers(columns, 'group', rows));
  const groupParent = Int32Array.from(numbers(columns, 'groupParent', groups));
  const groupNodes = new Int32Array(groups);
  const groupChildren = new Int32Array(groups);
  const weights = new Float64Array(rows + groups);
  weights.set(numbers(columns, 'weights', rows));
  // What a folded DequantizeLinear reads is a weight of its operator; scale and zero point of a computed value are none.
  const computed = contracted === undefined ? undefined : readersOf(allFrom, allTo, op, rows);
  for (let row = 0; row < rows && computed !== undefined; row++) {
    if (foldedInto[row] === -1 || (op[row] !== 'DequantizeLinear' && op[row] !== 'QuantizeLinear')) continue;
    let at = row;
    while (at >= 0 && foldedInto[at] !== -1) at = foldedInto[at]!;
    if (computed[row] === 0) weights[at]! += weights[row]!;
    weights[row] = 0;
  }
  for (let row = 0; row < rows; row++) {
    const g = group[row]!;
    if (g < 0) continue;
    groupNodes[g]! += foldedInto[row] === -1 ? 1 : 0;
    weights[rows + g]! += weights[row]!;
  }
  for (let g = groups - 1; g >= 0; g--) {
    const parent = groupParent[g]!;
    if (parent < 0) continue;
    groupNodes[parent]! += groupNodes[g]!;
    groupChildren[parent]!++;
    weights[rows + parent]! += weights[rows + g]!;
  }
  const empty = new Array<string>(groups).fill('');
  return {
    rows,
    baseRows: rows,
    groups,
    name: strings(columns, 'name', rows).concat(groupName),
    op: op.concat(empty),
    domain: strings(columns, 'domain', rows).concat(empty),
    kind,
    scope: strings(columns, 'scope', rows).concat(empty),
    weights,
    summary: strings(columns, 'summary', rows).concat(empty),
    callee: strings(columns, 'callee', rows).concat(empty),
    actual: strings(columns, 'actual', rows),
    source,
    target,
    value,
    label,
    made: contracted === undefined ? value : made,
    reads: contracted === undefined ? value : reads,
    foldedInto,
    quantized: contracted?.quantized ?? new Uint8Array(rows),
    foldable: pairs?.folded ?? 0,
    group,
    groupParent,
    groupKind: Uint8Array.from(numbers(columns, 'groupKind', groups)),
    groupClass: strings(columns, 'groupClass', groups),
    groupSame: Int32Array.from(numbers(columns, 'groupSame', groups)),
    groupNodes,
    groupChildren,
    calls: [],
  };
}

/** 1 for rows that read a value which is computed or comes in. */
function readersOf(from: Int32Array, to: Int32Array, op: readonly string[], rows: number): Uint8Array {
  const reads = new Uint8Array(rows);
  for (let e = 0; e < from.length; e++) if (op[from[e]!] !== 'Constant') reads[to[e]!] = 1;
  return reads;
}

/** Operators that compute on shapes when what they read comes from a shape. */
const shapeOps = new Set(
  (
    'Shape Size Gather Slice Concat Squeeze Unsqueeze Cast Add Sub Mul Div Mod Floor Ceil Neg Abs Min Max Equal ' +
    'Where ConstantOfShape Range ReduceProd ReduceSum ReduceMax ReduceMin Identity Reshape Greater Less Not Pow Sqrt ' +
    'Reciprocal'
  ).split(' '),
);

/**
 * For each row that is folded, the first row that reads it: Constants that only operators read, and arithmetic
 * that begins at a Shape or at Constants and ends in operators. -1 for everything else. Rows are in file order, so that one pass
 * forwards and one backwards is enough for models in topological order; others fold less.
 */
function foldRows(op: readonly string[], kind: Uint8Array, from: Int32Array, to: Int32Array): Int32Array {
  const rows = op.length;
  const start = new Int32Array(rows + 1);
  const inStart = new Int32Array(rows + 1);
  const valid = (e: number) => from[e]! < rows && to[e]! < rows && from[e]! >= 0 && to[e]! >= 0;
  for (let e = 0; e < from.length; e++) {
    if (!valid(e)) continue;
    start[from[e]! + 1]!++;
    inStart[to[e]! + 1]!++;
  }
  for (let n = 0; n < rows; n++) {
    start[n + 1]! += start[n]!;
    inStart[n + 1]! += inStart[n]!;
  }
  const readers = new Int32Array(start[rows]!);
  const sources = new Int32Array(inStart[rows]!);
  const [next, inNext] = [start.slice(0, rows), inStart.slice(0, rows)];
  for (let e = 0; e < from.length; e++) {
    if (!valid(e)) continue;
    readers[next[from[e]!]!++] = to[e]!;
    sources[inNext[to[e]!]!++] = from[e]!;
  }
  // 1: constant, or computed from constants; 2: computes on shapes.
  const state = new Uint8Array(rows);
  for (let n = 0; n < rows; n++) {
    const alone = inStart[n + 1] === inStart[n];
    if (op[n] === 'Constant' || (op[n] === 'ConstantOfShape' && alone)) state[n] = 1;
    else if (op[n] === 'Shape' || op[n] === 'Size') state[n] = 2;
    else if (kind[n] === NodeKind.operator && shapeOps.has(op[n]!) && !alone) {
      let all = true;
      let some = false;
      for (let i = inStart[n]!; i < inStart[n + 1]!; i++) {
        if (state[sources[i]!] === 0) all = false;
        else if (state[sources[i]!] === 2) some = true;
      }
      if (all) state[n] = some ? 2 : 1;
    }
  }
  const into = new Int32Array(rows).fill(-1);
  for (let n = rows - 1; n >= 0; n--) {
    if (state[n] === 0 || start[n] === start[n + 1]) continue;
    let reader = Infinity;
    let folds = true;
    for (let i = start[n]!; i < start[n + 1]!; i++) {
      const r = readers[i]!;
      if (kind[r] !== NodeKind.operator || r === n) folds = false;
      // What reads arithmetic on shapes must come later, so that following the chain ends.
      if (r < n) folds = false;
      reader = Math.min(reader, r);
    }
    if (folds) into[n] = reader;
  }
  return into;
}
