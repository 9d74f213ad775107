// Rules of layers with weights: Conv in its group forms, ConvTranspose, Gemm, MatMul, and normalisations.

import { intAttribute } from '../../../ir/attributes';
import { attribute } from '../../../ir/builder';
import type { Rule, RuleContext } from './context';
import type { AxisRef } from './elements';

/** Index i of a channel axis of `groups` equal parts ties with i mod (length / groups) of another axis. */
function tiePerGroup(c: RuleContext, whole: AxisRef, part: AxisRef): void {
  c.ties(whole, part, (i) => i % part.length, whole.length);
}

/** Ties index j of each of `groups` equal parts with each other: all parts keep the same number. */
function tieParts(c: RuleContext, axis: AxisRef, groups: number): void {
  const part = axis.length / groups;
  c.ties(axis, axis, (i) => i % part, axis.length);
}

function convolution(c: RuleContext, inAxis: number, outAxis: number): void {
  const [x, w, b, y] = [c.input(0), c.input(1), c.input(2), c.output()];
  const groups = intAttribute(c.node, 'group', 1);
  const [xc, wi, wo, yc] = [c.axis(x, 1), c.axis(w, inAxis), c.axis(w, outAxis), c.axis(y, 1)];
  c.same(x, 0, y, 0);
  if (!xc || !wi || !wo || !yc) return;
  if (groups === 1) {
    c.same(x, 1, w, inAxis);
    c.same(w, outAxis, y, 1);
  } else if (groups === xc.length) {
    // Depthwise: channel i makes `multiplier` outputs of its own, and the number of groups follows.
    const multiplier = yc.length / groups;
    if (inAxis === 1) {
      c.same(w, outAxis, y, 1);
      c.free(w, inAxis);
    } else {
      // ConvTranspose: weight (C, multiplier, …).
      c.same(x, 1, w, inAxis);
      if (multiplier === 1) c.free(w, outAxis);
    }
    c.ties(yc, xc, (i) => Math.floor(i / multiplier), yc.length);
    c.edit(({ node, kept, length }) => {
      if (!kept(x, 1)) return;
      const group = attribute('group', BigInt(length(x, 1)));
      node.attributes = node.attributes.map((each) => (each.name === 'group' ? group : each));
    });
  } else if (inAxis === 1) {
    tiePerGroup(c, xc, wi);
    c.same(w, outAxis, y, 1);
    tieParts(c, yc, groups);
  } else {
    c.same(x, 1, w, inAxis);
    tieParts(c, xc, groups);
    tiePerGroup(c, yc, wo);
  }
  if (b !== '') c.same(b, 0, y, 1);
}

const conv: Rule = (c) => convolution(c, 1, 0);
const convTranspose: Rule = (c) => convolution(c, 0, 1);

/** Ties the axes of a value that broadcasts, counted from the right, with those of the result. */
export function broadcast(c: RuleContext, from: string, to: string): void {
  const [a, b] = [c.dims(from), c.dims(to)];
  if (!a || !b) return;
  a.forEach((length, axis) => {
    const other = axis + b.length - a.length;
    if (length === 1 && b[other] !== 1) c.free(from, axis);
    else c.same(from, axis, to, other);
  });
}

const gemm: Rule = (c) => {
  const [a, b, bias, y] = [c.input(0), c.input(1), c.input(2), c.output()];
  const [ta, tb] = [intAttribute(c.node, 'transA', 0) !== 0, intAttribute(c.node, 'transB', 0) !== 0];
  c.same(a, ta ? 1 : 0, y, 0);
  c.same(a, ta ? 0 : 1, b, tb ? 1 : 0);
  c.same(b, tb ? 0 : 1, y, 1);
  if (bias !== '') broadcast(c, bias, y);
};

const matMul: Rule = (c) => {
  const [a, b, y] = [c.input(0), c.input(1), c.output()];
  const [da, db, dy] = [c.dims(a), c.dims(b), c.dims(y)];
  if (!da || !db || !dy || da.length < 2 || db.length < 2) return;
  c.same(a, da.length - 1, b, db.length - 2);
  c.same(a, da.length - 2, y, dy.length - 2);
  c.same(b, db.length - 1, y, dy.length - 1);
  for (const [value, dims] of [[a, da] as const, [b, db] as const]) {
    dims.slice(0, -2).forEach((length, axis) => {
      const other = axis + dy.length - dims.length;
      if (length === 1 && dy[other] !== 1) c.free(value, axis);
      else c.same(value, axis, y, other);
    });
  }
};

/** Each channel of axis 1 by itself, with vectors of its own. */
const perChannel: Rule = (c) => {
  const [x, y] = [c.input(0), c.output()];
  c.same(x, 0, y, 0);
  c.same(x, 1, y, 1);
  for (const vector of c.node.inputs.slice(1)) if (vector !== '') c.same(vector, 0, y, 1);
  // Running statistics of a training export.
  for (const vector of c.node.outputs.slice(1)) if (vector !== '') c.same(vector, 0, y, 1);
};

/** Groups must stay equal, and their statistics change as those of any pruned layer's input do. */
const groupNorm: Rule = (c) => {
  const [x, y] = [c.input(0), c.output()];
  const channels = c.axis(x, 1);
  const groups = intAttribute(c.node, 'num_groups', 1);
  c.same(x, 0, y, 0);
  if (!channels || channels.length % groups !== 0) return;
  c.same(x, 1, y, 1);
  tieParts(c, channels, groups);
  for (const vector of [c.input(1), c.input(2)]) {
    if (c.axis(vector, 0)?.length === channels.length) c.same(vector, 0, y, 1);
  }
};

/** The axes before the normalised ones; the normalised ones stay whole, for each enters the others' mean. */
const layerNorm: Rule = (c) => {
  const [x, y] = [c.input(0), c.output()];
  const rank = c.dims(x)?.length;
  if (rank === undefined) return;
  const axis = intAttribute(c.node, 'axis', -1);
  for (let i = 0; i < (axis < 0 ? axis + rank : axis); i += 1) c.same(x, i, y, i);
};

/** Each channel is divided by its neighbours' power, so that channels stay whole. */
const acrossChannels: Rule = (c) => c.same(c.input(0), 0, c.output(), 0);

export const layerRules: Readonly<Record<string, Rule>> = {
  Conv: conv,
  ConvTranspose: convTranspose,
  Gemm: gemm,
  MatMul: matMul,
  BatchNormalization: perChannel,
  InstanceNormalization: perChannel,
  GroupNormalization: groupNorm,
  LayerNormalization: layerNorm,
  LRN: acrossChannels,
};
