// From what was asked and the processor's instructions to the integers of a static model.

import type { Diagnostic } from '../../base/diagnostic';
import { badRequest } from '../../base/errors';
import {
  is16Bit,
  isSignedTarget,
  schemeFor,
  targetOf,
  type Scheme,
  type Target,
} from '../../passes/quantize/scheme';
import type { StaticSettings } from './quantizeOptions';

/** The scheme and the processor it is for, with warnings about what will be slow. Throws `badRequest` for types that exclude each other. */
export function resolveScheme(
  settings: StaticSettings,
  instructionSets: readonly string[],
): { scheme: Scheme; target: Target; notes: Diagnostic[] } {
  const target = settings.target ?? targetOf(instructionSets);
  const habit = schemeFor(target);
  const activations = settings.activations ?? habit.activations;
  const weights = settings.weights ?? habit.weights;
  // Two unsigned factors are summed in 32 bits everywhere.
  const reducedByHabit = habit.reducedRange && weights === 'int8' && activations === 'uint8';
  const scheme: Scheme = {
    activations,
    weights,
    perChannel: settings.perTensor !== true,
    reducedRange: settings.reducedRange ?? reducedByHabit,
    symmetric: settings.symmetric ?? habit.symmetric,
  };
  if (weights === 'uint8' && activations.startsWith('int'))
    throw badRequest(
      'Signed activations with unsigned weights have no integer kernel. Use uint8 activations, or int8 weights.',
    );
  const notes: Diagnostic[] = [];
  if (is16Bit(scheme))
    notes.push({
      id: 'quantize/wide',
      severity: 'warning',
      message:
        'ONNX Runtime has no kernels for 16-bit activations on the CPU: the model shows their accuracy, but its layers run in float there.',
    });
  if (activations === 'int8' && !isSignedTarget(target))
    notes.push({
      id: 'quantize/signed',
      severity: 'warning',
      message:
        'Signed activations are slow on x64, where ONNX Runtime turns them into unsigned ones step by step. Use uint8 unless the model goes to an ARM device.',
    });
  return { scheme, target, notes };
}
