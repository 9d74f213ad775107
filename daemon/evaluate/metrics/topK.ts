// Top-k: the label is among the k largest scores. O. Russakovsky et al., "ImageNet Large Scale Visual Recognition
// Challenge", International Journal of Computer Vision 115 (2015), section 4.1 (there as an error).

import { requireSameLength } from './sampled';

/**
 * Place of the label among the scores of each row, 0 for the largest; of equal scores the lower class comes
 * first. A row with a NaN gives `classes`, which is in no top k. `values` is rows × classes.
 */
export function ranks(values: ArrayLike<number>, classes: number, labels: ArrayLike<number>): Int32Array {
  const places = new Int32Array(labels.length);
  for (let row = 0; row < labels.length; row += 1) {
    const from = row * classes;
    const own = values[from + labels[row]!]!;
    let place = Number.isNaN(own) ? classes : 0;
    for (let i = 0; i < classes && place < classes; i += 1) {
      const value = values[from + i]!;
      if (Number.isNaN(value)) place = classes;
      else if (value > own || (value === own && i < labels[row]!)) place += 1;
    }
    places[row] = place;
  }
  return places;
}

/** 1 where the label is among the k largest scores, else 0. */
export const topKHits = (places: Int32Array, k: number): Float64Array =>
  Float64Array.from(places, (place) => (place < k ? 1 : 0));

/** 1 where two models name the same class, else 0; a NaN (−1) agrees with nothing. */
export function agreementHits(predicted: Int32Array, reference: Int32Array): Float64Array {
  requireSameLength(predicted, reference);
  return Float64Array.from(predicted, (named, i) => (named >= 0 && named === reference[i] ? 1 : 0));
}
