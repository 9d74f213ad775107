// What operators that multiply matrices compute beside their products: biases, the softmax inside attention, the gates of
// recurrent networks. Counted as flopRules.ts counts; docs/cost.md is the table.

import type { Node } from '../../ir/model';
import { intAttribute, stringAttribute } from '../../ir/attributes';
import type { WorkContext } from './macRules';
import { addDims, multiplyDims, productOf, type Dim, type Dims } from '../shapes/dims';

type BesideRule = (context: WorkContext) => Dim;

const sizeOf = (dims: Dims | null): Dim => (dims ? productOf(dims) : null);
const dimAt = (dims: Dims | null, axis: number): Dim => dims?.at(axis) ?? null;
const times = (...factors: Dim[]): Dim => factors.reduce<Dim>(multiplyDims, 1);
const given = ({ inputs }: Node, index: number) => Number((inputs[index] ?? '') !== '');

/** One addition for each element that comes out where these inputs are there, and one for an activation. */
const added =
  (...inputs: number[]): BesideRule =>
  (context) => {
    const { node } = context;
    const activation = Number(stringAttribute(node, 'activation', '') !== '');
    const count = inputs.reduce((sum, index) => sum + given(node, index), activation);
    return count === 0 ? 0 : multiplyDims(sizeOf(context.output(0)), count);
  };

/** Of each score: its scale, the softmax (5), and a mask or bias where there is one. */
const scores =
  (heads: string, masks: readonly number[], keyLength: (context: WorkContext) => Dim): BesideRule =>
  (context) => {
    const { node } = context;
    const q = context.input(0);
    const isSplit = q?.length === 4;
    const count = isSplit ? dimAt(q, 1) : intAttribute(node, heads, 0) || null;
    const queries = dimAt(q, isSplit ? 2 : 1);
    const each = 6 + masks.reduce((sum, index) => sum + given(node, index), 0);
    return times(dimAt(q, 0), count, queries, keyLength(context), each);
  };

const keysOfAttention =
  (past: number): ((context: WorkContext) => Dim) =>
  (context) => {
    const keys = context.input(0)?.length === 4 ? dimAt(context.input(1), 2) : dimAt(context.input(1), 1);
    return addDims(keys, given(context.node, past) === 0 ? 0 : dimAt(context.input(past), 2));
  };

/** Projection bias, then the scores over the same length. */
const packedAttention: BesideRule = (context) => {
  const q = context.input(0);
  const bias =
    given(context.node, 2) === 0 ? 0 : times(dimAt(q, 0), dimAt(q, 1), dimAt(context.input(1), -1));
  const length = () => dimAt(q, 1);
  return addDims(bias, scores('num_heads', [3, 5], length)(context));
};

/**
 * Of each hidden unit and step: gates with their functions, what joins them, and for each gate the sum of both products
 * and of both biases where they are given.
 */
const recurrent =
  (gates: number, joined: number, peepholes: number): BesideRule =>
  (context) => {
    const { node } = context;
    // Length by batch, or the other way round.
    const steps = times(dimAt(context.input(0), 0), dimAt(context.input(0), 1));
    const each = joined + gates * (1 + 2 * given(node, 3)) + peepholes * given(node, 7);
    return times(steps, dimAt(context.input(2), 0), dimAt(context.input(2), 2), each);
  };

/** Rules by operator, named as in macRules.ts; others compute nothing beside their products. */
export const flopsBeside: ReadonlyMap<string, BesideRule> = new Map<string, BesideRule>([
  ['Conv', added(2)],
  ['ConvTranspose', added(2)],
  ['DeformConv', added(3)],
  ['QLinearConv', added(8)],
  ['Gemm', added(2)],
  ['com.microsoft.FusedConv', added(2, 3)],
  ['com.microsoft.NhwcFusedConv', added(2, 3)],
  ['com.microsoft.QLinearConv', added(8)],
  ['com.microsoft.FusedGemm', added(2)],
  ['com.microsoft.QGemm', added(6)],
  ['com.microsoft.MatMulIntegerToFloat', added(6)],
  ['com.microsoft.DynamicQuantizeMatMul', added(4)],
  ['com.microsoft.MatMulNBits', added(5)],
  // Sigmoids (4 each) and tanh, then the new state.
  ['LSTM', recurrent(4, 3 * 4 + 1 + 3 + 2, 6)],
  ['GRU', recurrent(3, 2 * 4 + 1 + 1 + 4, 0)],
  ['RNN', recurrent(1, 1, 0)],
  ['Attention', scores('q_num_heads', [3], keysOfAttention(4))],
  ['com.microsoft.MultiHeadAttention', scores('num_heads', [4, 5], keysOfAttention(6))],
  ['com.microsoft.Attention', packedAttention],
]);
