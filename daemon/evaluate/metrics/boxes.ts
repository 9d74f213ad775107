// Mean average precision of boxes. COCO's: T.-Y. Lin et al., "Microsoft COCO: Common Objects in Context" (2014) and
// the challenge's evaluation rules (101 recall points, mean over the overlaps 0.50, 0.55 … 0.95, 100 boxes an image).
// Pascal VOC's: M. Everingham et al., "The Pascal Visual Object Classes (VOC) Challenge", International Journal of
// Computer Vision 88 (2010), with the area under the whole curve as since 2010, at overlap 0.5.

import type { Sampled } from './sampled';

/** Corners x1, y1, x2, y2. */
export type Corners = readonly [number, number, number, number];
export interface TrueBox {
  readonly corners: Corners;
  readonly label: number;
}
export interface FoundBox extends TrueBox {
  readonly score: number;
}
export interface BoxImage {
  readonly truth: readonly TrueBox[];
  readonly found: readonly FoundBox[];
}
export type BoxStyle = 'coco' | 'voc';

const cocoOverlaps = Array.from({ length: 10 }, (_, i) => 0.5 + 0.05 * i);
const boxesPerImage = 100;

const area = ([x1, y1, x2, y2]: Corners) => (x2 - x1) * (y2 - y1);

/** Intersection over union of two boxes. */
export function overlap(a: Corners, b: Corners): number {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  if (width <= 0 || height <= 0) return 0;
  const shared = width * height;
  return shared / (area(a) + area(b) - shared);
}

interface Decision {
  readonly score: number;
  readonly image: number;
  readonly right: readonly boolean[];
}
interface ClassDecisions {
  readonly label: number;
  /** True boxes of each image. */
  readonly wanted: Uint32Array;
  /** By falling score. */
  readonly found: readonly Decision[];
}

/** Each found box takes the true box that it overlaps most among those that no better-scored one has. */
function matchCoco(truth: readonly TrueBox[], found: readonly FoundBox[], threshold: number): boolean[] {
  const taken = new Array<boolean>(truth.length).fill(false);
  return found.map((box) => {
    let best = -1;
    let most = Math.min(threshold, 1 - 1e-10);
    truth.forEach((wanted, i) => {
      const share = taken[i] ? -1 : overlap(box.corners, wanted.corners);
      if (share < most) return;
      most = share;
      best = i;
    });
    if (best >= 0) taken[best] = true;
    return best >= 0;
  });
}

/** VOC looks at the true box that is overlapped most; if a better-scored box has it, this one is wrong. */
function matchVoc(truth: readonly TrueBox[], found: readonly FoundBox[], threshold: number): boolean[] {
  const taken = new Array<boolean>(truth.length).fill(false);
  return found.map((box) => {
    let best = -1;
    let most = 0;
    truth.forEach((wanted, i) => {
      const share = overlap(box.corners, wanted.corners);
      if (share <= most) return;
      most = share;
      best = i;
    });
    if (best < 0 || most < threshold || taken[best]) return false;
    taken[best] = true;
    return true;
  });
}

function decide(images: readonly BoxImage[], style: BoxStyle, overlaps: readonly number[]): ClassDecisions[] {
  const labels = [...new Set(images.flatMap(({ truth }) => truth.map(({ label }) => label)))];
  return labels
    .sort((a, b) => a - b)
    .map((label) => {
      const wanted = new Uint32Array(images.length);
      const decisions = images.flatMap((one, image): Decision[] => {
        const truth = one.truth.filter((box) => box.label === label);
        const sorted = one.found.filter((box) => box.label === label).sort((a, b) => b.score - a.score);
        const found = style === 'coco' ? sorted.slice(0, boxesPerImage) : sorted;
        wanted[image] = truth.length;
        const match = style === 'coco' ? matchCoco : matchVoc;
        const right = overlaps.map((threshold) => match(truth, found, threshold));
        return found.map(({ score }, i) => ({ score, image, right: right.map((row) => row[i]!) }));
      });
      return { label, wanted, found: decisions.sort((a, b) => b.score - a.score) };
    });
}

/** Area under precision over recall, where precision never rises with recall. */
function areaUnder(recalls: readonly number[], precisions: number[], style: BoxStyle): number {
  for (let i = precisions.length - 2; i >= 0; i -= 1)
    precisions[i] = Math.max(precisions[i]!, precisions[i + 1]!);
  let sum = 0;
  if (style === 'voc') {
    for (let i = 0, before = 0; i < recalls.length; i += 1) {
      sum += (recalls[i]! - before) * precisions[i]!;
      before = recalls[i]!;
    }
    return sum;
  }
  for (let point = 0, i = 0; point <= 100; point += 1) {
    while (i < recalls.length && recalls[i]! < point / 100) i += 1;
    if (i === recalls.length) break;
    sum += precisions[i]!;
  }
  return sum / 101;
}

function averagePrecision(
  { wanted, found }: ClassDecisions,
  at: number,
  style: BoxStyle,
  counts: Uint32Array | undefined,
): number {
  const times = (image: number) => (counts ? counts[image]! : 1);
  let total = 0;
  for (let image = 0; image < wanted.length; image += 1) total += times(image) * wanted[image]!;
  if (total === 0) return Number.NaN;
  const recalls: number[] = [];
  const precisions: number[] = [];
  let [right, all] = [0, 0];
  for (const decision of found) {
    const weight = times(decision.image);
    if (weight === 0) continue;
    // A picture that was drawn twice gives its boxes one after the other, so that recall rises step by step.
    for (let i = 0; i < weight; i += 1) {
      all += 1;
      if (decision.right[at]) right += 1;
      recalls.push(right / total);
      precisions.push(right / all);
    }
  }
  return areaUnder(recalls, precisions, style);
}

export interface BoxScores extends Sampled {
  /** Average precision of each class, its mean over the overlaps. */
  readonly perClass: readonly { readonly label: number; readonly value: number; readonly boxes: number }[];
}

/** Mean average precision over classes that have true boxes; a sample is an image. */
export function meanAveragePrecision(images: readonly BoxImage[], style: BoxStyle): BoxScores {
  const overlaps = style === 'coco' ? cocoOverlaps : [0.5];
  const classes = decide(images, style, overlaps);
  const mean = (values: readonly number[]) => values.reduce((sum, one) => sum + one, 0) / values.length;
  const ofClass = (one: ClassDecisions, counts?: Uint32Array) =>
    mean(overlaps.map((_, at) => averagePrecision(one, at, style, counts)));
  return {
    samples: images.length,
    value: (counts) =>
      mean(classes.map((one) => ofClass(one, counts)).filter((value) => !Number.isNaN(value))),
    perClass: classes.map((one) => ({
      label: one.label,
      value: ofClass(one),
      boxes: one.wanted.reduce((sum, count) => sum + count, 0),
    })),
  };
}
