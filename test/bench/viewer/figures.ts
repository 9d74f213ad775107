// Rows and quantiles of the viewer's figures, and the decoder models that they are about.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { silentTask } from '../../../daemon/base/task';
import { writeModel } from '../../../daemon/onnx/writeModel';
import { decoderModel } from '../../support/decoderModel';
import type { BenchRow } from '../row';

/** A figure that must not be larger than `most`. */
export function row(name: string, value: number, unit: string, most: number, detail: string): BenchRow {
  const goal = `≤ ${Number(most.toPrecision(3))} ${unit}`.trim();
  return { name, value, unit, goal, holds: value <= most, detail };
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
}

export const listed = (values: readonly number[], digits = 2): string =>
  values.map((one) => one.toFixed(digits)).join(', ');

export const count = (nodes: number): string => nodes.toLocaleString('en');

/** A decoder with shared masks and rotary tensors; made once. */
export async function decoder(folder: string, nodes: number): Promise<string> {
  const path = join(folder, `decoder-${nodes}.onnx`);
  if (!existsSync(path)) await writeModel(decoderModel(nodes), path, {}, silentTask);
  return path;
}
