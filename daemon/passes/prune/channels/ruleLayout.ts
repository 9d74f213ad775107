// Rules of operators that move, join and cut values: Concat, Split, Slice, Gather, Transpose, Expand, Tile, Shape
// and ConstantOfShape. Their constants (sizes, bounds, indices) are rewritten when something was cut.

import { intAttribute, intsAttribute } from '../../../ir/attributes';
import { attribute } from '../../../ir/builder';
import type { Node } from '../../../ir/model';
import type { Kept, Rule, RuleContext } from './context';

const normal = (axis: number, rank: number) => (axis < 0 ? axis + rank : axis);

export function setAttribute(node: Node, name: string, value: bigint | readonly bigint[]): void {
  node.attributes = [...node.attributes.filter((each) => each.name !== name), attribute(name, value)];
}

/** Ties all axes but one. */
function others(c: RuleContext, a: string, b: string, except: number): void {
  const rank = c.dims(a)?.length;
  if (rank === undefined || rank !== c.dims(b)?.length) return;
  for (let axis = 0; axis < rank; axis += 1) if (axis !== except) c.same(a, axis, b, axis);
}

/** Ties the parts that lie one behind the other along an axis of `whole`; false when they do not fill it. */
function tieParts(c: RuleContext, whole: string, parts: readonly string[], axis: number): boolean {
  const all = c.axis(whole, axis);
  const pieces = parts.map((part) => c.axis(part, axis));
  const total = pieces.reduce((sum, piece) => sum + (piece?.length ?? Number.NaN), 0);
  if (!all || total !== all.length) return false;
  let offset = 0;
  for (const piece of pieces) {
    const from = offset;
    c.ties(piece!, all, (i) => from + i, piece!.length);
    offset += piece!.length;
  }
  return true;
}

const concat: Rule = (c) => {
  const y = c.output();
  const rank = c.dims(y)?.length;
  if (rank === undefined) return;
  const axis = normal(intAttribute(c.node, 'axis', 1), rank);
  for (const x of c.node.inputs) others(c, x, y, axis);
  tieParts(c, y, c.node.inputs, axis);
};

const split: Rule = (c) => {
  const x = c.input(0);
  const rank = c.dims(x)?.length;
  if (rank === undefined) return;
  const axis = normal(intAttribute(c.node, 'axis', 0), rank);
  for (const y of c.node.outputs) others(c, x, y, axis);
  if (!tieParts(c, x, c.node.outputs, axis)) return;
  c.edit(({ node, kept, length, integers }) => {
    if (!kept(x, axis)) return;
    const sizes = node.outputs.map((y) => length(y, axis));
    node.attributes = node.attributes.filter(({ name }) => name !== 'split' && name !== 'num_outputs');
    if (c.facts.opset < 13) setAttribute(node, 'split', sizes.map(BigInt));
    else node.inputs = [node.inputs[0]!, integers(sizes)];
  });
};

interface Cut {
  readonly axis: number;
  readonly start: number;
  readonly step: number;
}

/** Where a Slice begins on each axis that it names; undefined when that is not known beforehand. */
function cutsOf(c: RuleContext, rank: number): Cut[] | undefined {
  const given = (index: number, name: string): readonly number[] | 'unknown' | undefined =>
    c.facts.opset < 10
      ? intsAttribute(c.node, name)
      : c.input(index) === ''
        ? undefined
        : (c.facts.numbers(c.input(index)) ?? 'unknown');
  const [starts, axes, steps] = [given(1, 'starts'), given(3, 'axes'), given(4, 'steps')];
  if (typeof starts !== 'object' || axes === 'unknown' || steps === 'unknown') return undefined;
  return starts.map((begin, i): Cut => {
    const axis = normal(axes?.[i] ?? i, rank);
    const dim = c.dims(c.input(0))?.[axis];
    const length = typeof dim === 'number' ? dim : Number.NaN;
    const step = steps?.[i] ?? 1;
    const start = begin < 0 ? Math.max(0, begin + length) : Math.min(begin, length);
    return { axis, start, step };
  });
}

const keptBetween = (kept: Kept, value: string, axis: number, from: number, to: number, length: number) => {
  const indices = kept(value, axis);
  if (!indices) return [Math.min(from, length), Math.min(to, length)] as const;
  const before = indices.filter((i) => i < from).length;
  return [before, before + indices.filter((i) => i >= from && i < to).length] as const;
};

const slice: Rule = (c) => {
  const [x, y] = [c.input(0), c.output()];
  const rank = c.dims(x)?.length;
  const cuts = rank === undefined ? undefined : cutsOf(c, rank);
  if (rank === undefined || !cuts) return;
  for (let axis = 0; axis < rank; axis += 1) {
    if (!cuts.some((cut) => cut.axis === axis)) c.same(x, axis, y, axis);
  }
  const pieces = cuts.flatMap((cut) => {
    const [from, to] = [c.axis(x, cut.axis), c.axis(y, cut.axis)];
    if (!from || !to || cut.step !== 1 || cut.start + to.length > from.length) return [];
    c.ties(to, from, (i) => cut.start + i, to.length);
    return [{ ...cut, length: from.length, end: cut.start + to.length }];
  });
  if (pieces.length !== cuts.length) return;
  c.edit(({ node, kept, integers }) => {
    if (!pieces.some(({ axis }) => kept(x, axis))) return;
    const bounds = pieces.map(({ axis, start, end, length }) =>
      keptBetween(kept, x, axis, start, end, length),
    );
    const [starts, ends] = [bounds.map(([from]) => from), bounds.map(([, to]) => to)];
    const axes = pieces.map(({ axis }) => axis);
    if (c.facts.opset < 10) {
      setAttribute(node, 'starts', starts.map(BigInt));
      setAttribute(node, 'ends', ends.map(BigInt));
      setAttribute(node, 'axes', axes.map(BigInt));
    } else {
      node.inputs = [node.inputs[0]!, integers(starts), integers(ends), integers(axes)];
    }
  });
};

const gather: Rule = (c) => {
  const [x, indices, y] = [c.input(0), c.input(1), c.output()];
  const [dx, di] = [c.dims(x), c.dims(indices)];
  if (!dx || !di) return;
  const axis = normal(intAttribute(c.node, 'axis', 0), dx.length);
  dx.forEach((_, i) => {
    if (i !== axis) c.same(x, i, y, i < axis ? i : i + di.length - 1);
  });
  const numbers = c.facts.isConstant(indices) ? c.facts.numbers(indices) : undefined;
  const [from, to] = [c.axis(x, axis), di.length === 1 ? c.axis(y, axis) : undefined];
  if (!numbers || !from || !to || numbers.length !== to.length) {
    di.forEach((_, i) => c.same(indices, i, y, axis + i));
    return;
  }
  const places = numbers.map((i) => (i < 0 ? i + from.length : i));
  c.ties(to, from, (i) => places[i]!, to.length);
  c.edit(({ node, kept, integers }) => {
    const [left, wanted] = [kept(x, axis), kept(y, axis)];
    if (!left) return;
    const place = new Map(left.map((index, i) => [index, i]));
    const used = wanted ? wanted.map((i) => places[i]!) : places;
    node.inputs[1] = integers(used.map((i) => place.get(i)!));
  });
};

const transpose: Rule = (c) => {
  const [x, y] = [c.input(0), c.output()];
  const rank = c.dims(x)?.length;
  if (rank === undefined) return;
  const perm = intsAttribute(c.node, 'perm') ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
  perm.forEach((from, to) => c.same(x, from, y, to));
};

/** Axes that are not repeated pass; the stated shape follows them. */
const expand: Rule = (c) => {
  const [x, y] = [c.input(0), c.output()];
  const [dx, dy, stated] = [c.dims(x), c.dims(y), c.facts.numbers(c.input(1))];
  if (!dx || !dy || !stated || !c.facts.isConstant(c.input(1))) return;
  const shift = dy.length - dx.length;
  dx.forEach((length, axis) => {
    if (length === dy[axis + shift]) c.same(x, axis, y, axis + shift);
    else if (length === 1) c.free(x, axis);
  });
  const lead = dy.length - stated.length;
  c.edit(({ node, kept, length, integers }) => {
    if (!dy.some((_, axis) => kept(y, axis))) return;
    node.inputs[1] = integers(
      stated.map((n, i) => (n === 1 ? 1 : kept(y, i + lead) ? length(y, i + lead) : n)),
    );
  });
};

const tile: Rule = (c) => {
  const repeats = c.facts.numbers(c.input(1));
  repeats?.forEach((times, axis) => {
    if (times === 1) c.same(c.input(0), axis, c.output(), axis);
  });
};

/** A shape may be computed with; the axes whose length somebody really takes stay whole. */
const shapeOf: Rule = (c) => {
  const x = c.input(0);
  const rank = c.dims(x)?.length;
  if (rank === undefined || c.node.attributes.length > 0) return;
  const taken = new Set<number>();
  for (const reader of c.facts.consumers(c.output())) {
    const picked = reader.opType === 'Gather' && reader.domain === '' && reader.inputs[0] === c.output();
    const indices = picked ? c.facts.numbers(reader.inputs[1] ?? '') : undefined;
    if (indices) for (const index of indices) taken.add(normal(index, rank));
    else return;
  }
  for (let axis = 0; axis < rank; axis += 1) if (!taken.has(axis)) c.free(x, axis);
};

/** A tensor made at load time is a weight like any other; its shape is what is cut. */
const constantOfShape: Rule = (c) => {
  const [stated, y] = [c.facts.numbers(c.input(0)), c.output()];
  if (!stated || !c.facts.isConstant(c.input(0))) return;
  stated.forEach((_, axis) => c.free(y, axis));
  c.edit(({ node, kept, length, integers }) => {
    if (stated.some((_, axis) => kept(y, axis)))
      node.inputs[0] = integers(stated.map((_, i) => length(y, i)));
  });
};

export const layoutRules: Readonly<Record<string, Rule>> = {
  Concat: concat,
  Split: split,
  Slice: slice,
  Gather: gather,
  Transpose: transpose,
  Expand: expand,
  Tile: tile,
  Shape: shapeOf,
  ConstantOfShape: constantOfShape,
};
