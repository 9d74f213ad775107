// Padding with zeros before a convolution is the convolution's own business.
// 1. Conv(Pad(x, pads, 0)) → Conv(x) with the spatial pads added to its own. Only constant mode, value 0, no
//    padding of batch or channels, no negative padding (that cuts), auto_pad not SAME_*, and nobody else reads the
//    padded value.

import { floatAttribute, intsAttribute, stringAttribute } from '../../ir/attributes';
import { attribute } from '../../ir/builder';
import type { Node } from '../../ir/model';
import type { Pass } from '../pass';
import { isOp } from '../rewrite';
import type { TensorReader } from '../tensorReader';
import { scopePass, type Scope } from './scope';

/** Pads as they are stated for all axes, begins and then ends, when they are zeros of a constant number. */
function zeroPads(scope: Scope, node: Node): readonly number[] | undefined {
  if (stringAttribute(node, 'mode', 'constant') !== 'constant' || scope.opset < 2) return undefined;
  if (scope.opset < 11)
    return floatAttribute(node, 'value', 0) === 0 ? intsAttribute(node, 'pads') : undefined;
  const value = node.inputs[2] ?? '';
  if (value !== '' && scope.scalar(value) !== 0) return undefined;
  const pads = scope.numbers(node.inputs[1]);
  if ((node.inputs[3] ?? '') === '') return pads;
  // From opset 18 on only some axes may be named; the rank says what the others are.
  const axes = scope.numbers(node.inputs[3]);
  const rank = scope.rank(node.inputs[0]);
  if (!axes || !pads || rank === undefined) return undefined;
  const all = new Array<number>(2 * rank).fill(0);
  for (const [i, axis] of axes.entries()) {
    const front = axis < 0 ? axis + rank : axis;
    all[front] = pads[i]!;
    all[front + rank] = pads[i + axes.length]!;
  }
  return all;
}

/** Takes zero padding into Conv. */
export const padIntoConv = (read: TensorReader): Pass =>
  scopePass(
    'pad into conv',
    read,
    (scope) => {
      for (const conv of scope.nodes()) {
        if (!isOp(conv, 'Conv')) continue;
        const pad = scope.producer(conv.inputs[0]);
        if (!isOp(pad, 'Pad') || scope.onlyReader(pad.outputs[0]) !== conv) continue;
        const mode = stringAttribute(conv, 'auto_pad', 'NOTSET');
        const pads = zeroPads(scope, pad);
        if (!pads || pads.length < 6 || pads.some((each) => each < 0)) continue;
        if (mode !== 'NOTSET' && mode !== 'VALID') continue;
        const rank = pads.length / 2;
        const spatial = rank - 2;
        if (pads[0] !== 0 || pads[1] !== 0 || pads[rank] !== 0 || pads[rank + 1] !== 0) continue;
        const own = mode === 'NOTSET' ? (intsAttribute(conv, 'pads') ?? []) : [];
        if (own.length > 0 && own.length !== 2 * spatial) continue;
        const added = [...pads.slice(2, rank), ...pads.slice(rank + 2)];
        const all = added.map((each, i) => BigInt(each + (own[i] ?? 0)));
        const others = conv.attributes.filter(({ name }) => name !== 'pads' && name !== 'auto_pad');
        scope.update(conv, {
          inputs: [pad.inputs[0] ?? '', ...conv.inputs.slice(1)],
          attributes: [...others, attribute('pads', all)],
        });
        scope.drop(pad);
      }
    },
    ['Pad'],
  );
