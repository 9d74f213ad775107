// Folding of quantization for the picture: a DequantizeLinear into the operator that reads it, a QuantizeLinear into the
// one that feeds it, so that a quantized layer is one box. Edges go through what is folded.

export interface QuantizationFold {
  /** Edges between rows that are not folded by this, with the number of the edge whose value they show. */
  readonly from: Int32Array;
  readonly to: Int32Array;
  readonly edge: Int32Array;
  /** Numbers of the edges whose values are what the source makes, and what the target reads. */
  readonly made: Int32Array;
  readonly reads: Int32Array;
  /** 1 for operators into which something was folded. */
  readonly quantized: Uint8Array;
  readonly folded: number;
}

const isQuantize = (op: string) => op === 'QuantizeLinear';
const isDequantize = (op: string) => op === 'DequantizeLinear';

/**
 * Folds Q and DQ rows: enters the row that each is folded into in `into` (-1 where it is folded into none so far), and
 * gives the edges without them. `kind` is 0 for operators, 1 for inputs, 2 for outputs. Linear in rows and edges; what
 * does not follow the file's order (a cycle) is left as it is.
 */
export function foldQuantization(
  op: readonly string[],
  kind: ArrayLike<number>,
  from: Int32Array,
  to: Int32Array,
  into: Int32Array,
): QuantizationFold {
  const rows = op.length;
  const pair = new Uint8Array(rows);
  for (let row = 0; row < rows; row++) pair[row] = isQuantize(op[row]!) ? 1 : isDequantize(op[row]!) ? 2 : 0;
  // What feeds a pair row (-1 nothing, -2 several) with its edge, what reads it first, and what forbids folding.
  const source = new Int32Array(rows).fill(-1);
  const sourceEdge = new Int32Array(rows).fill(-1);
  const reader = new Int32Array(rows).fill(-1);
  const leaves = new Uint8Array(rows);
  const odd = new Uint8Array(rows);
  for (let e = 0; e < from.length; e++) {
    const [s, t] = [from[e]!, to[e]!];
    if (!(s >= 0 && t >= 0 && s < rows && t < rows)) continue;
    // Constants (scales, zero points, weights) are folded already.
    if (pair[t]! > 0 && into[s] === -1) {
      if (source[t] === -1) [source[t], sourceEdge[t]] = [s, e];
      else if (source[t] !== s) source[t] = -2;
    }
    if (pair[s] === 0) continue;
    if (t <= s) odd[s] = 1;
    if (kind[t] === 2) leaves[s] = 1;
    else if (pair[s] === 1 ? pair[t] !== 2 : pair[t] !== 0) odd[s] = 1;
    else if (reader[s] === -1 || t < reader[s]!) reader[s] = t;
  }
  // From the end: whether the DequantizeLinear after a QuantizeLinear folds is known when it is decided.
  const folds = new Uint8Array(rows);
  const isPlain = (row: number) => row >= 0 && kind[row] === 0 && pair[row] === 0;
  for (let row = rows - 1; row >= 0; row--) {
    if (pair[row] === 0 || odd[row] === 1 || source[row] === -2 || into[row] !== -1) continue;
    const s = source[row]!;
    // Rows of inputs follow those of operators.
    if (s >= row && kind[s] === 0) continue;
    if (pair[row] === 2) {
      const before = s >= 0 && pair[s] === 1;
      if (reader[row]! >= 0) into[row] = reader[row]!;
      else if (leaves[row] === 1 && before && isPlain(source[s]!) && source[s]! < s) into[row] = s;
      else continue;
    } else if (leaves[row] === 1) continue;
    else if (isPlain(s)) into[row] = s;
    else if (s >= 0 && kind[s] === 1 && reader[row]! >= 0 && folds[reader[row]!] === 1)
      into[row] = reader[row]!;
    else continue;
    folds[row] = 1;
  }
  // A DequantizeLinear before an output went into a QuantizeLinear that in the end was not folded: both stay.
  for (let row = 0; row < rows; row++) {
    if (pair[row] === 2 && folds[row] === 1 && into[row] === source[row] && folds[source[row]!] === 0) {
      folds[row] = 0;
      into[row] = -1;
    }
  }
  const quantized = new Uint8Array(rows);
  let folded = 0;
  for (let row = 0; row < rows; row++) {
    if (folds[row] === 0) continue;
    folded += 1;
    let at = row;
    while (at >= 0 && folds[at] === 1) at = into[at]!;
    if (at >= 0) quantized[at] = 1;
  }
  const kept: [from: number, to: number, edge: number, made: number, reads: number][] = [];
  for (let e = 0; e < from.length; e++) {
    const t = to[e]!;
    if ((folds[t] ?? 0) === 1) continue;
    let s = from[e]!;
    let made = e;
    // Folded rows follow what feeds them, so this ends.
    while (s >= 0 && (folds[s] ?? 0) === 1) {
      made = sourceEdge[s]!;
      s = source[s]!;
    }
    // What is shown is the value in integers: the one that goes into the last folded row.
    if (s >= 0 && s !== t) kept.push([s, t, s === from[e] ? e : sourceEdge[from[e]!]!, made, e]);
  }
  return {
    from: Int32Array.from(kept, ([s]) => s),
    to: Int32Array.from(kept, ([, t]) => t),
    edge: Int32Array.from(kept, ([, , edge]) => edge),
    made: Int32Array.from(kept, ([, , , made]) => made),
    reads: Int32Array.from(kept, ([, , , , reads]) => reads),
    quantized,
    folded,
  };
}
