// ReduceMean over all spatial axes becomes GlobalAveragePool, which ONNX Runtime has an integer kernel for and
// which newer exporters no longer write.

import { findAttribute, intAttribute } from '../../ir/attributes';
import { cloneModel } from '../../ir/clone';
import type { Node } from '../../ir/model';
import { collectFacts, type Facts } from '../facts';
import type { Pass } from '../pass';
import { isOp } from '../rewrite';
import type { TensorReader } from '../tensorReader';

/** Turns means over height and width (and depth) that keep their axes into GlobalAveragePool. */
export const globalPools = (read: TensorReader): Pass => ({
  name: 'global pools',
  async run(model) {
    if (!model.graph.nodes.some((each) => isOp(each, 'ReduceMean'))) return { model, modified: false };
    const facts = await collectFacts(model, read);
    const found = new Set(model.graph.nodes.filter((each) => isGlobalPool(each, facts)).map(outputOf));
    if (found.size === 0) return { model, modified: false };
    const copy = cloneModel(model);
    for (const each of copy.graph.nodes) {
      if (!found.has(outputOf(each))) continue;
      each.opType = 'GlobalAveragePool';
      each.inputs = each.inputs.slice(0, 1);
      each.attributes = [];
    }
    return { model: copy, modified: true };
  },
});

const outputOf = (each: Node) => each.outputs[0];

function isGlobalPool(each: Node, facts: Facts): boolean {
  if (!isOp(each, 'ReduceMean') || intAttribute(each, 'keepdims', 1) !== 1) return false;
  const [input = '', axesName = ''] = each.inputs;
  const rank = facts.rank(input);
  if (rank === undefined || rank < 3 || facts.elementType(input) !== 'float') return false;
  const attribute = findAttribute(each, 'axes');
  const axes = attribute?.type === 'INTS' ? attribute.value.map(Number) : facts.numbers(axesName);
  if (!axes) return false;
  const spatial = new Set(axes.map((axis) => (axis < 0 ? axis + rank : axis)));
  return spatial.size === rank - 2 && [...spatial].every((axis) => axis >= 2 && axis < rank);
}
