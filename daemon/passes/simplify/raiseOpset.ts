// Brings a model of opset 13 or newer to a newer one, up to 25: 20 has operators for what exporters had to write out
// (HardSwish 14, LayerNormalization 17, Gelu 20), 21 has DequantizeLinear in blocks of int4, 22 bfloat16
// nearly everywhere, 25 DequantizeLinear of int2. What changed
// between, by the operators' change history in the specification:
// 1. ReduceL1, L2, LogSum, LogSumExp, Max, Mean, Min, Prod, SumSquare: axes became an input with opset 18.
// 2. Split without sizes names the number of its outputs from opset 18 on.
// 3. RoiAlign moved its default by half a pixel with opset 16; the old one is written out.
// 4. GridSample renamed its modes with opset 20.
// 5. BatchNormalization of opset 13 with statistics outputs, DFT before 20, GroupNormalization before 21 (its scale was
//    one number for a group), and operators that the new opset does not define are refused by name; so are models with
//    functions, which state operator sets of their own.

import { operatorStanding } from '../../analysis/operators/operatorTable';
import { unsupported } from '../../base/errors';
import { findAttribute, intsAttribute, stringAttribute } from '../../ir/attributes';
import { attribute, int64Tensor } from '../../ir/builder';
import type { Node } from '../../ir/model';
import type { Pass } from '../pass';
import { isStandard, standardOpset } from '../rewrite';
import type { TensorReader } from '../tensorReader';
import { scopePass, type Scope } from './scope';

const oldest = 13;

/** Operator sets that models are brought to, with the IR version that each came with. */
const irVersions = { 20: 9, 21: 10, 22: 10, 25: 12 } as const;

export interface RaiseOptions {
  readonly target: keyof typeof irVersions;
  /** Who asks, for the refusal: "The upgrade". */
  readonly purpose: string;
  /** What to do where it cannot be: "Optimize it without the upgrade." */
  readonly otherwise: string;
}

const reductions = new Set(
  ['L1', 'L2', 'LogSum', 'LogSumExp', 'Max', 'Mean', 'Min', 'Prod', 'SumSquare'].map(
    (kind) => `Reduce${kind}`,
  ),
);
const sampleModes: Readonly<Record<string, string>> = { bilinear: 'linear', bicubic: 'cubic' };

const without = (node: Node, name: string) => node.attributes.filter((each) => each.name !== name);

/** Rewrites one node; a string says why it cannot be done. */
function raise(scope: Scope, node: Node, from: number, target: number): string | undefined {
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
  } else if (opType === 'GridSample' && from < 20 && findAttribute(node, 'mode')) {
    const mode = stringAttribute(node, 'mode', 'bilinear');
    const renamed = attribute('mode', sampleModes[mode] ?? mode);
    scope.update(node, { attributes: [...without(node, 'mode'), renamed] });
  } else if (opType === 'BatchNormalization' && from < 14 && node.outputs.length > 1) {
    return 'it gives statistics of the batch';
  } else if (opType === 'DFT' && from < 20) {
    return 'its axis became an input';
  } else if (opType === 'GroupNormalization' && from < 21 && target >= 21) {
    return 'its scale became one number for each channel';
  } else if (operatorStanding('', opType, target).kind !== 'defined') {
    return `operator set ${target} does not define it`;
  }
  return undefined;
}

/**
 * Converts opset 13 and newer to the target; models that are there already, or older than 13, are left as they are.
 * Throws `unsupported` naming the operator that cannot be converted.
 */
export const raiseOpset = (read: TensorReader, { target, purpose, otherwise }: RaiseOptions): Pass => {
  const isOutside = (opset: number) => opset < oldest || opset >= target;
  const nodes = scopePass('raise opset', read, (scope) => {
    for (const node of scope.nodes()) {
      if (!isStandard(node)) continue;
      const why = raise(scope, node, scope.opset, target);
      if (why === undefined) continue;
      const name = node.name === '' ? (node.outputs[0] ?? '') : node.name;
      throw unsupported(
        `${purpose} needs operator set ${target}, and this model uses ${scope.opset} and cannot be brought there: ${node.opType} (node "${name}"): ${why}. ${otherwise}`,
      );
    }
  });
  return {
    name: nodes.name,
    requires: (model) =>
      model.functions.length > 0 && !isOutside(standardOpset(model))
        ? `${purpose} needs operator set ${target}, and this model has functions of its own that state others. ${otherwise}`
        : undefined,
    async run(model, task) {
      if (isOutside(standardOpset(model))) return { model, modified: false };
      const { model: made } = await nodes.run(model, task);
      const opsetImports = made.opsetImports.map((entry) =>
        entry.domain === '' || entry.domain === 'ai.onnx' ? { ...entry, version: target } : entry,
      );
      return {
        model: { ...made, opsetImports, irVersion: Math.max(made.irVersion, irVersions[target]) },
        modified: true,
      };
    },
  };
};
