// An input or output of a model as a line of a command says it.

import type { Inspection } from '../protocol/inspect';

/** "x  float  batch × 3": name, type and shape, with the values that were given to its dimensions. */
export function valueText(
  { name, dtype, shape }: Inspection['inputs'][number],
  bind: Readonly<Record<string, number>> = {},
): string {
  const dims = shape?.map((dim, axis) => {
    const key = typeof dim === 'string' ? dim : `${name}[${axis}]`;
    return typeof dim !== 'number' && Object.hasOwn(bind, key) ? bind[key]! : (dim ?? '?');
  });
  const text = dims === undefined ? 'rank unknown' : dims.length === 0 ? 'scalar' : dims.join(' × ');
  return `${name}  ${dtype}  ${text}`;
}
