// HardSwish written out as x · HardSigmoid(x): the same numbers, and the form in which gates.ts finds it
// whether an exporter kept the operator or wrote it out itself.

import { node } from '../../ir/builder';
import { cloneModel } from '../../ir/clone';
import { Names } from '../names';
import type { Pass } from '../pass';
import { isOp } from '../rewrite';

/** Replaces every HardSwish of the main graph by HardSigmoid and Mul. */
export const expandHardSwish: Pass = {
  name: 'expand HardSwish',
  run(model) {
    if (!model.graph.nodes.some((each) => isOp(each, 'HardSwish'))) return { model, modified: false };
    const copy = cloneModel(model);
    const names = new Names(copy);
    copy.graph.nodes = copy.graph.nodes.flatMap((each) => {
      if (!isOp(each, 'HardSwish')) return [each];
      const [input = ''] = each.inputs;
      const [output = ''] = each.outputs;
      const gate = names.fresh(`${output}_gate`);
      const base = each.name === '' ? output : each.name;
      const sigmoid = node('HardSigmoid', [input], [gate], {
        name: names.fresh(`${base}_HardSigmoid`),
        attributes: { alpha: Math.fround(1 / 6), beta: 0.5 },
      });
      // The part that gives the output keeps the name, so that reports can be traced back.
      return [sigmoid, { ...each, opType: 'Mul', inputs: [input, gate], attributes: [] }];
    });
    return { model: copy, modified: true };
  },
};
