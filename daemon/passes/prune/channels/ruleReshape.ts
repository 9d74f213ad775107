// Rules of Reshape, Flatten, Squeeze and Unsqueeze: axes that are merged or split. An axis that is a product of
// others is cut along one of its factors (heads of an attention, channels of a shuffle, C of C·H·W).

import { intAttribute } from '../../../ir/attributes';
import type { Dim, Dims } from '../../../analysis/shapes';
import type { Rule, RuleContext } from './context';

interface Block {
  readonly from: number[];
  readonly to: number[];
}

/** Pairs runs of axes with equal products; undefined when free dimensions leave it open. */
function blocksOf(from: Dims, to: Dims): Block[] | undefined {
  const blocks: Block[] = [];
  let [i, j] = [0, 0];
  while (i < from.length || j < to.length) {
    const block: Block = { from: [], to: [] };
    const take = (side: 'from' | 'to'): Dim | undefined => {
      const dims = side === 'from' ? from : to;
      const at = side === 'from' ? i++ : j++;
      if (at >= dims.length) return undefined;
      block[side].push(at);
      return dims[at];
    };
    if (i >= from.length || j >= to.length) {
      // What is left over on one side can only be ones.
      const rest = i >= from.length ? to.slice(j) : from.slice(i);
      return rest.every((dim) => dim === 1) ? blocks : undefined;
    }
    let a: Dim = take('from')!;
    let b: Dim = take('to')!;
    while (a !== b) {
      if (a === null || b === null) return undefined;
      if (typeof a === 'string' || typeof b === 'string') {
        // Ones may stand beside a free dimension.
        const next: Dim | undefined = a === 1 ? take('from') : b === 1 ? take('to') : undefined;
        if (next === undefined) return undefined;
        if (a === 1) a = next;
        else b = next;
        continue;
      }
      const next: Dim | undefined = a < b ? take('from') : take('to');
      if (typeof next !== 'number') return undefined;
      if (a < b) a *= next;
      else b *= next;
    }
    blocks.push(block);
  }
  return blocks;
}

/** Ties one factor of a product with the merged axis. `factors` are axes of `parts`, outermost first. */
function tieFactor(
  c: RuleContext,
  parts: string,
  factors: readonly number[],
  chosen: number,
  whole: [string, number],
) {
  const merged = c.axis(...whole);
  const factor = c.axis(parts, chosen);
  if (!merged || !factor) return;
  const dims = c.dims(parts)!;
  const inner = factors
    .slice(factors.indexOf(chosen) + 1)
    .reduce((product, axis) => product * Number(dims[axis]), 1);
  c.ties(merged, factor, (i) => Math.floor(i / inner) % factor.length, merged.length);
}

/** True when the value meets another activation in a MatMul: its last two axes are tokens and one head's width. */
function isAttention(c: RuleContext, value: string): boolean {
  return c.facts.consumers(value).some((reader) => {
    const next = reader.opType === 'Transpose' ? c.facts.consumers(reader.outputs[0] ?? '') : [reader];
    return next.some(
      ({ opType, inputs }) =>
        (opType === 'MatMul' && !inputs.some((name) => c.facts.isConstant(name))) ||
        // Scaling of queries and keys comes before.
        ((opType === 'Mul' || opType === 'Div') && reader.opType === 'Transpose'),
    );
  });
}

/** Which factor of a split axis is cut: the heads of an attention, else the longest. */
function chosenPart(c: RuleContext, value: string, factors: readonly number[]): number {
  if (factors.length > 1 && isAttention(c, value)) return factors.at(-2)!;
  const dims = c.dims(value)!;
  return factors.reduce((best, axis) => (Number(dims[axis]) > Number(dims[best]) ? axis : best));
}

/** The one factor of a merge that is not locked yet; operators before have said what they need. */
function openPart(c: RuleContext, value: string, factors: readonly number[]): number | undefined {
  const open = factors.filter((axis) => {
    const found = c.axis(value, axis);
    return found && !c.elements.isLocked(found);
  });
  return open[0];
}

const lockOthers = (c: RuleContext, value: string, axes: readonly number[], chosen: number | undefined) => {
  for (const axis of axes) {
    const found = c.axis(value, axis);
    if (found && axis !== chosen) {
      c.elements.lock(found, `"${c.node.name || c.output()}" (${c.node.opType}) merges or splits this axis`);
      c.free(value, axis);
    }
  }
};

function view(c: RuleContext): Block[] | undefined {
  const [x, y] = [c.input(0), c.output()];
  const [dx, dy] = [c.dims(x), c.dims(y)];
  const blocks = dx && dy ? blocksOf(dx, dy) : undefined;
  if (!dx || !dy || !blocks) return undefined;
  for (const { from, to } of blocks) {
    const sources = from.filter((axis) => dx[axis] !== 1);
    const targets = to.filter((axis) => dy[axis] !== 1);
    const [source, target] = [sources[0], targets[0]];
    if (source === undefined || target === undefined) continue;
    if (sources.length === 1 && targets.length === 1) c.same(x, source, y, target);
    else if (targets.length === 1) {
      const chosen = openPart(c, x, sources);
      lockOthers(c, x, sources, chosen);
      if (chosen !== undefined) tieFactor(c, x, sources, chosen, [y, target]);
    } else if (sources.length === 1) {
      const chosen = chosenPart(c, y, targets);
      lockOthers(c, y, targets, chosen);
      tieFactor(c, y, targets, chosen, [x, source]);
    }
  }
  return blocks;
}

const flatten: Rule = (c) => {
  view(c);
};

/** The stated shape is written anew: numbers where they are known, 0 (copied) and one −1 where they are free. */
const reshape: Rule = (c) => {
  const [x, y] = [c.input(0), c.output()];
  const [dx, dy] = [c.dims(x), c.dims(y)];
  if (!dx || !dy || c.facts.opset < 5) return;
  const stated = c.facts.isConstant(c.input(1)) ? c.facts.numbers(c.input(1)) : undefined;
  const zeroCopies = intAttribute(c.node, 'allowzero', 0) === 0;
  let free = 0;
  const plan = dy.map((dim, axis) => {
    if (stated && stated.length === dy.length && stated[axis]! <= 0) {
      if (stated[axis] === -1) free += 1;
      return stated[axis]!;
    }
    if (typeof dim === 'number') return undefined;
    if (zeroCopies && dim !== null && dim === dx[axis]) return 0;
    free += 1;
    return -1;
  });
  if (free > 1) return;
  view(c);
  c.edit(({ node, kept, length, integers }) => {
    const cut = dy.some((_, axis) => kept(y, axis)) || dx.some((_, axis) => kept(x, axis));
    // A 0 that copies an axis which is cut there copies the right number by itself.
    if (cut) node.inputs[1] = integers(plan.map((fixed, axis) => fixed ?? length(y, axis)));
  });
};

export const reshapeRules: Readonly<Record<string, Rule>> = {
  Reshape: reshape,
  Flatten: flatten,
  Squeeze: flatten,
  Unsqueeze: flatten,
};
