// Brings a model of opset 7 to 12 to opset 13, which per-channel QuantizeLinear needs. Rules for operators
// are in upgradeRules.ts. A model that holds an operator without a rule is refused with its name; models of
// opset 13 and newer are left as they are.

import { unsupported } from '../../base/errors';
import { breathe } from '../../base/task';
import { cloneModel } from '../../ir/clone';
import { bodiesOf } from '../../ir/graphIndex';
import type { Graph, Model, Node } from '../../ir/model';
import { collectFacts, type Facts } from '../facts';
import { Names } from '../names';
import type { Pass } from '../pass';
import { isStandard, standardOpset } from '../rewrite';
import type { TensorReader } from '../tensorReader';
import { unchanged, upgradeRules, type UpgradeContext } from './upgradeRules';

const oldest = 7;
const target = 13;
/** The IR version that opset 13 came with. */
const targetIr = 7;

export interface UpgradeOptions {
  /** Models of this opset or newer are left alone; the others go to opset 13. */
  readonly minimum: number;
  /** Who asks, for the refusal: "Static int8". */
  readonly purpose: string;
}

const quoted = (node: Node) =>
  `${node.opType} (node "${node.name === '' ? (node.outputs[0] ?? '') : node.name}")`;

function upgradeGraph(
  graph: Graph,
  from: number,
  facts: Facts,
  names: Names,
  refuse: (why: string) => void,
): void {
  const context: UpgradeContext = {
    from,
    fresh: (base) => names.fresh(base),
    constant(base, make) {
      const name = names.fresh(base);
      graph.initializers.push(make(name));
      return name;
    },
    elementType: (value) => facts.elementType(value),
    rank: (value) => facts.rank(value),
  };
  graph.nodes = graph.nodes.flatMap((node) => {
    for (const body of bodiesOf(node)) upgradeGraph(body, from, facts, names, refuse);
    if (!isStandard(node) || unchanged.has(node.opType)) return [node];
    const rule = upgradeRules[node.opType];
    if (!rule) {
      refuse(`${quoted(node)} has no form in operator set ${target}`);
      return [node];
    }
    const result = rule(node, context);
    if (typeof result === 'string') refuse(`${quoted(node)} cannot be rewritten: ${result}`);
    return typeof result === 'object' ? [...result] : [node];
  });
}

/** Converts to opset 13 when the model's opset is below `minimum`; throws `unsupported` naming what cannot be. */
export const upgradeOpset = (read: TensorReader, options: UpgradeOptions): Pass => ({
  name: 'upgrade opset',
  async run(model: Model, task) {
    const from = standardOpset(model);
    if (from === 0 || from >= options.minimum) return { model, modified: false };
    const start = `${options.purpose} needs operator set ${options.minimum}, and this model uses ${from}.`;
    const advice = `Export the model again with opset ${target} or newer.`;
    if (from < oldest) throw unsupported(`${start} ${advice}`);
    await breathe(task);
    const copy = cloneModel(model);
    const why: string[] = [];
    upgradeGraph(copy.graph, from, await collectFacts(copy, read), new Names(copy), (reason) =>
      why.push(reason),
    );
    if (why.length > 0) {
      const more = why.length > 3 ? ` and ${why.length - 3} more` : '';
      throw unsupported(`${start} It cannot be converted: ${why.slice(0, 3).join('; ')}${more}. ${advice}`);
    }
    for (const entry of copy.opsetImports) {
      if (entry.domain === '' || entry.domain === 'ai.onnx') entry.version = target;
    }
    copy.irVersion = Math.max(copy.irVersion, targetIr);
    return { model: copy, modified: true };
  },
  ensures: (model) => {
    const opset = standardOpset(model);
    return opset !== 0 && opset < options.minimum ? `operator set is still ${opset}.` : undefined;
  },
});
