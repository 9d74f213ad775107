// HardSigmoid in integers, without any arithmetic. With c = β/α, HardSigmoid(x) = α · clip(x + c, 0, 1/α). When
// the scale of x divides c, then x + c and the factor α are only another zero point and another scale for the
// same 8 bits, and what is left is a Clip of bytes; where the calibrated range of x makes that superfluous too,
// nothing is left. HardSwish is x times that. A gate has no QuantizeLinear behind it: the DequantizeLinear with
// the other scale gives its value.

import { floatAttribute } from '../../ir/attributes';
import type { GraphIndex } from '../../ir/graphIndex';
import type { Node } from '../../ir/model';
import { isOp } from '../rewrite';
import { rint, type QuantParams, type Range } from './params';

/** A HardSigmoid as lengths on the axis of its input: it is 0 below −below and 1 above `above`. */
export interface Gate {
  readonly alpha: number;
  readonly below: number;
  readonly above: number;
}

/** The gate that a HardSigmoid is; undefined when its slope or offset leaves no room on both sides of zero. */
export function gateOf(node: Node): Gate | undefined {
  if (!isOp(node, 'HardSigmoid')) return undefined;
  const alpha = floatAttribute(node, 'alpha', 0.2);
  const beta = floatAttribute(node, 'beta', 0.5);
  if (!(alpha > 0 && beta > 0 && beta < 1)) return undefined;
  return { alpha, below: beta / alpha, above: (1 - beta) / alpha };
}

/** How the input of a gate is used, which decides what of its range matters. */
export type GateUse =
  /** Read by the gate alone: only the sloping part matters. */
  | 'alone'
  /** Read by the gate and by products with it: nothing below −`below` matters, for the product is 0 there. */
  | 'product'
  | 'other';

/** See `GateUse`. */
export function gateUse(gate: Node, index: GraphIndex): GateUse {
  const [input = ''] = gate.inputs;
  const [output = ''] = gate.outputs;
  const readers = index.consumers.get(input) ?? [];
  if (index.graphOutputs.has(input)) return 'other';
  if (readers.every((reader) => reader === gate)) return 'alone';
  const isProduct = (reader: Node) =>
    isOp(reader, 'Mul') && reader.inputs.includes(input) && reader.inputs.includes(output);
  return readers.every((reader) => reader === gate || isProduct(reader)) ? 'product' : 'other';
}

/** The gate in integers: bytes are clipped to [low, high] and read with another scale and zero point. */
export interface IntegerGate {
  /** Scale and zero point of the gate's input. */
  readonly input: QuantParams;
  readonly low: number;
  /** One step below the top needs no Clip: the value then ends a step above 1, less than rounding costs elsewhere. */
  readonly high: number;
  /** Scale and zero point of the gate's value. */
  readonly output: QuantParams;
}

/** Steps between −below and 0 under which the scale would be too coarse to be worth it. */
const fewestSteps = 8;
const top = 255;

/**
 * Uint8 parameters for the input of a gate that takes values in `range`. The scale is at most one part in
 * `fewestSteps` wider than the range asks for; undefined when the range is too wide for that.
 */
export function integerGate(gate: Gate, range: Range, use: GateUse): IntegerGate | undefined {
  const low = use === 'other' ? Math.min(range.min, -gate.below) : -gate.below;
  const high = use === 'alone' ? gate.above : Math.max(range.max, 0);
  const steps = Math.floor((gate.below * top) / (high - low));
  if (steps < fewestSteps) return undefined;
  const scale = Math.fround(gate.below / steps);
  const zeroPoint = Math.min(top, Math.max(steps, rint(-low / scale)));
  return {
    input: { scale, zeroPoint },
    low: zeroPoint - steps,
    high: Math.min(top, zeroPoint + rint(gate.above / scale)),
    output: { scale: Math.fround(gate.alpha * scale), zeroPoint: zeroPoint - steps },
  };
}
