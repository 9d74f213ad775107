// Shape rules of the training operators of ONNX's preview: each new tensor is like the one that it replaces.

import { unknown, type Rule, type RuleTable } from './context';

/**
 * Inputs are a rate, a step count, then `groups` lists of equal length: tensors, gradients, states. The results are
 * the tensors and the states anew.
 */
const optimizer =
  (groups: number): Rule =>
  (context) => {
    const count = Math.floor((context.node.inputs.length - 2) / groups);
    const list = (group: number) =>
      Array.from({ length: count }, (_, at) => context.type(2 + group * count + at));
    const kept = Array.from({ length: groups }, (_, group) => group).filter((group) => group !== 1);
    return count > 0 ? kept.flatMap(list) : [];
  };

/** Gradients of y by the tensors named in xs, which come first among the inputs. */
const gradient: Rule = (context) => {
  const xs = context.attribute('xs');
  const count = xs?.type === 'STRINGS' ? xs.value.length : 0;
  return context.node.outputs.map((_, at) => (at < count ? context.type(at) : unknown));
};

export const trainingRules: RuleTable = {
  'ai.onnx.preview.training.Adagrad': optimizer(3),
  'ai.onnx.preview.training.Adam': optimizer(4),
  'ai.onnx.preview.training.Momentum': optimizer(3),
  'ai.onnx.preview.training.Gradient': gradient,
};
