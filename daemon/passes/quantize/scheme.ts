// Which integers a static model is made of, and which of them suit a processor. The words are those of ONNX
// Runtime's users: U8S8 is uint8 activations with int8 weights.

import { DataType } from '../../ir/dataType';
import { symmetricInt8Range, uint8Range, type IntegerRange } from './params';

export type ActivationType = 'uint8' | 'int8' | 'uint16' | 'int16';
export type WeightType = 'int8' | 'uint8';

/** Integers that a single tensor may be given; weights take those of 8 bits. */
export const tensorTypes = ['uint8', 'int8', 'uint16', 'int16'] as const;
export type TensorType = (typeof tensorTypes)[number];

export interface Scheme {
  readonly activations: ActivationType;
  readonly weights: WeightType;
  /** One scale for each output channel of a weight, or one for all of it. */
  readonly perChannel: boolean;
  /** Weights on 7 bits: sums of two products then fit into 16 bits. */
  readonly reducedRange: boolean;
  /** Zero in the middle of the integers, but not behind an absorbed Relu or Clip, which would then not fuse. */
  readonly symmetric: boolean;
}

/** uint8 activations, int8 weights for each channel, zero wherever it falls. */
export const defaultScheme: Scheme = {
  activations: 'uint8',
  weights: 'int8',
  perChannel: true,
  reducedRange: false,
  symmetric: false,
};

/** Processors by the instructions that decide how 8-bit products are summed. */
export const targets = ['avx2', 'avx512', 'vnni', 'amx', 'neon', 'dotprod', 'i8mm'] as const;
export type Target = (typeof targets)[number];

/**
 * The scheme for a target. AVX2 and AVX-512 without VNNI sum two products of uint8 and int8 in saturating 16
 * bits, so that weights get 7 bits there; ARM's kernels take int8 on both sides.
 */
export function schemeFor(target: Target): Scheme {
  switch (target) {
    case 'avx2':
    case 'avx512':
      return { ...defaultScheme, reducedRange: true };
    case 'vnni':
    case 'amx':
      return defaultScheme;
    default:
      return { ...defaultScheme, activations: 'int8' };
  }
}

/** Whether a target's kernels take int8 on both sides: those of ARM. */
export const isSignedTarget = (target: Target): boolean => schemeFor(target).activations === 'int8';

/**
 * What channels of depthwise convolutions must be a multiple of to be fast on a target; undefined where no number
 * helps. Only weights with zero in the middle have these kernels.
 */
export function channelMultiple(target: Target, { activations, weights }: Scheme): number | undefined {
  const arm = isSignedTarget(target);
  if (weights !== 'int8' || activations !== (arm ? 'int8' : 'uint8')) return undefined;
  return arm ? 8 : 16;
}

/** Whether a target has kernels for convolutions on few channels that need no copies of windows. */
export const hasDirectKernels = (target: Target, { activations, weights }: Scheme): boolean =>
  schemeFor(target).activations === 'uint8' && activations === 'uint8' && weights === 'int8';

/** The target that a machine's instruction sets (as runtime/machine.ts names them) amount to; VNNI when nothing is known. */
export function targetOf(instructionSets: readonly string[]): Target {
  const has = (...names: readonly string[]) => names.some((name) => instructionSets.includes(name));
  if (has('amx_int8')) return 'amx';
  if (has('avx512_vnni', 'avx_vnni', 'avx_vnni_int8')) return 'vnni';
  if (has('avx512f')) return 'avx512';
  if (has('avx2')) return 'avx2';
  if (has('i8mm')) return 'i8mm';
  if (has('dotprod')) return 'dotprod';
  return has('neon') ? 'neon' : 'vnni';
}

interface IntegerType {
  readonly dataType: DataType;
  readonly range: IntegerRange;
}

const activationTypes: Readonly<Record<ActivationType, IntegerType>> = {
  uint8: { dataType: DataType.UINT8, range: uint8Range },
  int8: { dataType: DataType.INT8, range: { min: -128, max: 127 } },
  uint16: { dataType: DataType.UINT16, range: { min: 0, max: 65535 } },
  int16: { dataType: DataType.INT16, range: { min: -32768, max: 32767 } },
};

export const activationType = ({ activations }: Pick<Scheme, 'activations'>): IntegerType =>
  activationTypes[activations];

/** Symmetric range of weights, before an unsigned type shifts it to the middle of its own. */
export const weightRange = (scheme: Scheme): IntegerRange =>
  scheme.reducedRange ? { min: -64, max: 64 } : symmetricInt8Range;

/** Zero point of all weights. */
export const weightZero = (type: WeightType): number => (type === 'uint8' ? 128 : 0);

export const is16Bit = (scheme: Scheme): boolean => scheme.activations.endsWith('16');

/** `U8S8 per channel`, for reports and for the mark in the model. */
export function schemeText(scheme: Scheme): string {
  const short = (type: string) => `${type.startsWith('u') ? 'U' : 'S'}${type.replace(/\D/g, '')}`;
  return [
    `${short(scheme.activations)}${short(scheme.weights)}`,
    scheme.perChannel ? 'per channel' : 'per tensor',
    ...(scheme.reducedRange ? ['7-bit weights'] : []),
    ...(scheme.symmetric ? ['symmetric'] : []),
  ].join(', ');
}
