// Says why a quantized file is no smaller than the float one: a weight that something else reads in float is in it twice.

import type { Diagnostic } from '../../base/diagnostic';
import { DataType } from '../../ir/dataType';
import { indexGraph } from '../../ir/graphIndex';
import type { Model } from '../../ir/model';
import { elementCount } from '../../ir/tensor';
import { nameOf } from '../../passes/quantize/outcome';

/** Files below this are mostly names. */
const leastBytes = 64 * 1024;

/** A note for a model that did not become smaller, with the largest weight that stays in float and who reads it. */
export function notSmaller(
  { graph }: Model,
  bytes: { readonly before: number; readonly after: number },
): Diagnostic[] {
  if (bytes.after < bytes.before || bytes.after < leastBytes) return [];
  const { consumers } = indexGraph(graph);
  const [largest] = graph.initializers
    .filter(({ dataType }) => dataType === DataType.FLOAT)
    .map((tensor) => ({ name: tensor.name, bytes: 4 * elementCount(tensor.dims) }))
    .sort((a, b) => b.bytes - a.bytes);
  const reader = largest && consumers.get(largest.name)?.[0];
  if (!reader || largest.bytes < bytes.after / 10) return [];
  const lookup =
    reader.opType === 'Gather'
      ? ' Weight-only quantization keeps lookup tables in blocks of integers, and tied ones once.'
      : '';
  return [
    {
      id: 'quantize/not-smaller',
      severity: 'info',
      message: `The file is no smaller than the float one: "${largest.name}" (${(largest.bytes / 1e6).toFixed(2)} MB) stays in float, as ${reader.opType} "${nameOf(reader)}" reads it.${lookup}`,
      where: { node: reader.name, value: largest.name },
    },
  ];
}
