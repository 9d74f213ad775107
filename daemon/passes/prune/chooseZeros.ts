// Which weights of a piece of a layer become zero: N of every M for each output by itself, or a share of the piece,
// for all outputs together or for each alone.

import { breathe, type Task } from '../../base/task';
import { limitOf } from './threshold';

/** `keep` of every `of` neighbours along what a layer sums over. */
export interface Pattern {
  readonly keep: number;
  readonly of: number;
}

/** Rows top to bottom of a matrix with `outputs` columns, and what each row's input carries. */
export interface Piece {
  readonly w: Float64Array;
  readonly power: Float64Array;
  readonly top: number;
  readonly bottom: number;
  readonly outputs: number;
}

const scoreAt = ({ w, power, top, outputs }: Piece, i: number, n: number): number =>
  w[(top + i) * outputs + n]! ** 2 * power[top + i]!;

/** 1 where a value goes; the last piece may be shorter, and keeps as many. */
export function zerosOfPattern(piece: Piece, { keep }: Pattern): Uint8Array {
  const rows = piece.bottom - piece.top;
  const gone = new Uint8Array(rows * piece.outputs);
  const order = Array.from({ length: rows }, (_, i) => i);
  const drop = Math.max(0, rows - keep);
  for (let n = 0; n < piece.outputs; n += 1) {
    order.sort((a, b) => scoreAt(piece, a, n) - scoreAt(piece, b, n));
    for (let i = 0; i < drop; i += 1) gone[order[i]! * piece.outputs + n] = 1;
  }
  return gone;
}

/** 1 for the share of the piece that matters least; `eachOutput` takes the same share of every column. */
export async function zerosOfShare(
  piece: Piece,
  share: number,
  eachOutput: boolean,
  task: Task,
): Promise<Uint8Array> {
  const { outputs } = piece;
  const rows = piece.bottom - piece.top;
  const gone = new Uint8Array(rows * outputs);
  const columns = eachOutput ? 1 : outputs;
  for (let from = 0; from < outputs; from += columns) {
    const scores = new Float32Array(rows * columns);
    for (let i = 0; i < rows; i += 1) {
      for (let n = 0; n < columns; n += 1) scores[i * columns + n] = scoreAt(piece, i, from + n);
      if (!eachOutput) await breathe(task);
    }
    if (eachOutput) {
      // A column is short: sorting it is quicker than counting.
      const order = Array.from({ length: rows }, (_, i) => i).sort((a, b) => scores[a]! - scores[b]!);
      for (const i of order.slice(0, Math.round(share * rows))) gone[i * outputs + from] = 1;
      await breathe(task);
      continue;
    }
    const { limit, ties } = await limitOf(scores, Math.round(share * scores.length), task);
    let left = ties;
    for (let at = 0; at < scores.length; at += 1) {
      const score = scores[at]!;
      if (score > limit || (score === limit && left-- <= 0)) continue;
      gone[at] = 1;
    }
  }
  return gone;
}
