// Finds boxes, scores and classes among the outputs of a detector, by their names and shapes. Boxes that overlap are
// taken as they are: the model itself is expected to have dropped the doubles.

import { unsupported } from '../base/errors';
import type { Feeds, SessionValue, TensorValue } from '../runtime/runner/session';
import { toNumbers } from './convert';
import { shapeText } from './data/describe';
import type { FoundBox } from './metrics/boxes';

/** Boxes of one image that are looked at, the best-scored ones. */
const mostBoxes = 1000;

const described = (outputs: readonly SessionValue[]) =>
  outputs.map(({ name, type, dims }) => `"${name}" (${type}, ${shapeText(dims)})`).join(', ');

function named(outputs: readonly SessionValue[], pattern: RegExp): string | undefined {
  return outputs.find(({ name }) => pattern.test(name))?.name;
}

/** Boxes of each image. Outputs without a batch dimension are those of a single image. */
export function foundBoxes(outputs: readonly SessionValue[], values: Feeds, images: number): FoundBox[][] {
  const boxes = values[named(outputs, /box/i) ?? ''];
  const scores = values[named(outputs, /score|conf|prob/i) ?? ''];
  const labels = values[named(outputs, /label|class(?!.*score)/i) ?? ''];
  const rank = boxes?.dims.length ?? 0;
  const batched = rank === 3 && boxes?.dims[0] === images;
  if (!boxes || !scores || boxes.dims.at(-1) !== 4 || !(batched || (rank === 2 && images === 1)))
    throw unsupported(
      `The outputs ${described(outputs)} are no boxes that are known: expected "boxes" (batch × N × 4 corners x1, y1, x2, y2), "scores" (batch × N, or batch × N × classes) and, with the former, "labels" (batch × N).`,
    );
  const count = batched ? boxes.dims[1]! : boxes.dims[0]!;
  const corners = toNumbers(boxes.type, boxes.data);
  const score = toNumbers(scores.type, scores.data);
  const classes = score.length / Math.max(1, images * count);
  const label = labels && labels !== scores ? toNumbers(labels.type, labels.data) : undefined;
  requireLength(scores, 'scores', Number.isInteger(classes) && classes >= 1);
  if (labels && label) requireLength(labels, 'labels', label.length === images * count);
  return Array.from({ length: images }, (_, image) => {
    const found: FoundBox[] = [];
    for (let i = image * count; i < (image + 1) * count; i += 1) {
      let best = 0;
      for (let k = 1; k < classes; k += 1) if (score[i * classes + k]! > score[i * classes + best]!) best = k;
      const value = score[i * classes + best]!;
      if (!Number.isFinite(value)) continue;
      const at = i * 4;
      found.push({
        corners: [corners[at]!, corners[at + 1]!, corners[at + 2]!, corners[at + 3]!],
        score: value,
        label: label ? label[i]! : best,
      });
    }
    return found.sort((a, b) => b.score - a.score).slice(0, mostBoxes);
  });
}

function requireLength(value: TensorValue, what: string, fits: boolean): void {
  if (!fits)
    throw unsupported(`The ${what} (${value.type}, ${shapeText(value.dims)}) are not as many as the boxes.`);
}
