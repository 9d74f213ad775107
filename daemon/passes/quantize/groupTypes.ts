// Integers other than the scheme's for single values: which groups get them, and what cannot be.

import { unsupported } from '../../base/errors';
import type { Placement } from './placement';
import type { TensorType } from './scheme';

/** Types by group; throws `unsupported` where a value must have the integers of another, or of a kernel. */
export function groupTypes(
  { values, gates }: Placement,
  wishes: ReadonlyMap<string, TensorType>,
): Map<string, TensorType> {
  const gated = new Set([...gates.keys()].map(({ inputs: [input = ''] }) => input));
  const types = new Map<string, TensorType>();
  const named = new Map<string, string>();
  for (const { name, group } of values.values()) {
    const type = wishes.get(name);
    if (type === undefined) continue;
    const before = named.get(group);
    if (before !== undefined && types.get(group) !== type)
      throw unsupported(
        `"${name}" cannot become ${type}: it shares its scale with "${before}", which is to be ${types.get(group)!}. Give both the same type.`,
      );
    if (gated.has(name) && type !== 'uint8')
      throw unsupported(
        `"${name}" cannot become ${type}: it goes into a HardSigmoid whose integer form needs uint8. Keep the value in float instead.`,
      );
    named.set(group, name);
    types.set(group, type);
  }
  return types;
}
