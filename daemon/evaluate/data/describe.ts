// Words for shapes, inputs and what a data set may be: the same in every kind of data.

import type { ElementType, SessionValue } from '../../runtime/runner/session';

export const shapeText = (dims: readonly (number | string | null)[]): string =>
  dims.length === 0 ? 'a single value' : dims.map((dim) => dim ?? '?').join(' × ');

/** `input "image" (float32, batch × 1 × 2)`. */
export const inputText = (input: SessionValue): string =>
  `input "${input.name}" (${input.type}, ${shapeText(input.dims)})`;

export const arrayText = (array: {
  readonly name: string;
  readonly type: ElementType;
  readonly dims: readonly number[];
}): string => `"${array.name}" (${array.type}, ${shapeText(array.dims)})`;

export const product = (dims: readonly number[]): number => dims.reduce((all, dim) => all * dim, 1);

/** Names that a column or an array of classes has. */
export const labelNames: readonly string[] = ['label', 'labels'];
/** Names of what the first output should be. */
export const targetNames: readonly string[] = ['target', 'targets'];

/** What the kinds of data are, for sentences about a path that is none of them. */
export const kindsText =
  'an .npz or .npy file, a folder of .npy files, a folder of ONNX test_data_set_* folders, a .csv or .jsonl file with columns named like the inputs, or a folder with a subfolder of pictures (PNG, JPEG, WebP) or .wav files for each class';

/** The batch size that the inputs insist on; undefined when it is free. */
export function insistedBatch(
  inputs: readonly SessionValue[],
  constants: ReadonlySet<string>,
): number | undefined {
  for (const input of inputs) {
    const batch = input.dims[0];
    if (typeof batch === 'number' && !constants.has(input.name)) return batch;
  }
  return undefined;
}
