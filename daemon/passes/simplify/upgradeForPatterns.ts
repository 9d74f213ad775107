// Brings a model of opset 13 to 19 to opset 20, which has operators for what exporters had to write out (HardSwish
// 14, LayerNormalization 17, Gelu 20). What changed between, by the operators' change history in the specification:
// 1. ReduceL1, L2, LogSum, LogSumExp, Max, Mean, Min, Prod, SumSquare: axes became an input with opset 18.
// 2. Split without sizes names the number of its outputs from opset 18 on.
// 3. RoiAlign moved its default by half a pixel with opset 16; the old one is written out.
// 4. GridSample renamed its modes with opset 20.
// 5. BatchNormalization of opset 13 with statistics outputs, DFT, and operators that opset 20 does not define are
//    refused by name; so are models with functions, which state operator sets of their own.

import { operatorStanding } from '../../analysis/operatorTable';
import { unsupported } from '../../base/errors';
import { findAttribute, intsAttribute, stringAttribute } from '../../ir/attributes';
import { attribute, int64Tensor } from '../../ir/builder';
import type { Node } from '../../ir/model';
import type { Pass } from '../pass';
import { isStandard, standardOpset } from '../rewrite';
import type { TensorReader } from '../tensorReader';
import { scopePass, type Scope } from './scope';

const oldest = 13;
const target = 20;
/** The IR version that opset 20 came with. */
const targetIr = 9;

const reductions = new Set(
  ['L1', 'L2', 'LogSum', 'LogSumExp', 'Max', 'Mean', 'Min', 'Prod', 'SumSquare'].map(
    (kind) => `Reduce${kind}`,
  ),
);
const sampleModes: Readonly<Record<string, string>> = { bilinear: 'linear', bicubic: 'cubic' };

const without = (node: Node, name: string) => node.attributes.filter((each) => each.name !== name);

/** Rewrites one node; a string says why it cannot be done. */
function upgrade(scope: Scope, node: Node, from: number): string | undefined {
  const { opType } = node;
  if (reductions.has(opType) && from < 18) {
    const axes = intsAttribute(node, 'axes');
    if (!axes) return undefined;
    const name = scope.addConstant(`${node.outputs[0] ?? ''}_axes`, (tensor) =>
      int64Tensor(tensor, [axes.length], axes),
    );
    scope.update(node, { inputs: [node.inputs[0] ?? '', name], attributes: without(node, 'axes') });
  } else if (opType === 'Split' && from < 18 && (node.inputs[1] ?? '') === '') {
    const parts = attribute('num_outputs', BigInt(node.outputs.length));
    scope.update(node, { attributes: [...without(node, 'num_outputs'), parts] });
  } else if (opType === 'RoiAlign' && from < 16) {
    const mode = attribute('coordinate_transformation_mode', 'output_half_pixel');
    scope.update(node, { attributes: [...node.attributes, mode] });
  } else if (opType === 'GridSample' && findAttribute(node, 'mode')) {
    const mode = stringAttribute(node, 'mode', 'bilinear');
    const renamed = attribute('mode', sampleModes[mode] ?? mode);
    scope.update(node, { attributes: [...without(node, 'mode'), renamed] });
  } else if (opType === 'BatchNormalization' && from < 14 && node.outputs.length > 1) {
    return 'it gives statistics of the batch';
  } else if (opType === 'DFT') {
    return 'its axis became an input';
  } else if (operatorStanding('', opType, target).kind !== 'defined') {
    return `operator set ${target} does not define it`;
  }
  return undefined;
}

/** True for a model that the pass takes as it is: its operator set has what the patterns need, or is too old. */
const isOutside = (opset: number) => opset < oldest || opset >= target;

/** Converts opset 13 to 19 to opset 20; throws `unsupported` naming the operator that cannot be converted. */
export const upgradeForPatterns = (read: TensorReader): Pass => {
  const nodes = scopePass('upgrade for patterns', read, (scope) => {
    for (const node of scope.nodes()) {
      if (!isStandard(node)) continue;
      const why = upgrade(scope, node, scope.opset);
      if (why === undefined) continue;
      const name = node.name === '' ? (node.outputs[0] ?? '') : node.name;
      throw unsupported(
        `The model uses operator set ${scope.opset} and cannot be brought to ${target}: ${node.opType} (node "${name}"): ${why}. Optimize it without the upgrade.`,
      );
    }
  });
  return {
    name: nodes.name,
    requires: (model) =>
      model.functions.length > 0 && !isOutside(standardOpset(model))
        ? `The model has functions of its own, so its operator set cannot be raised to ${target}. Optimize it without the upgrade.`
        : undefined,
    async run(model, task) {
      if (isOutside(standardOpset(model))) return { model, modified: false };
      const { model: made } = await nodes.run(model, task);
      const opsetImports = made.opsetImports.map((entry) =>
        entry.domain === '' || entry.domain === 'ai.onnx' ? { ...entry, version: target } : entry,
      );
      return {
        model: { ...made, opsetImports, irVersion: Math.max(made.irVersion, targetIr) },
        modified: true,
      };
    },
  };
};
