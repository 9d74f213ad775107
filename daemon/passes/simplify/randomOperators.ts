// Standard operators whose result differs from run to run: never folded, never merged.

import { intAttribute } from '../../ir/attributes';
import type { Node } from '../../ir/model';

const random = new Set([
  'Bernoulli',
  'Multinomial',
  'RandomNormal',
  'RandomNormalLike',
  'RandomUniform',
  'RandomUniformLike',
]);

/** True for an operator that draws random numbers, Dropout in training included. */
export const isRandom = (node: Node): boolean =>
  random.has(node.opType) ||
  (node.opType === 'Dropout' && (node.inputs[2] ?? '') !== '') ||
  (node.opType === 'BatchNormalization' && intAttribute(node, 'training_mode', 0) !== 0);
