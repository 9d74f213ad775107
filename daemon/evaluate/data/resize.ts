// Resizing of 8-bit pictures: the triangle filter, widened when a picture gets smaller so that every pixel counts
// (G. Wolberg, "Digital Image Warping" (1990), chapter 6), first across, then down, with whole-number weights of
// 22 bits and rounding between, which is how Pillow's BILINEAR and torchvision's default come out.

export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  /** Row by row, channels together. */
  readonly data: Uint8Array | Uint8ClampedArray;
}

const bits = 22;

interface Taps {
  readonly from: Int32Array;
  readonly counts: Int32Array;
  readonly weights: Int32Array;
  readonly most: number;
}

function taps(size: number, wanted: number): Taps {
  const scale = size / wanted;
  const wide = Math.max(scale, 1);
  const most = Math.ceil(wide) * 2 + 1;
  const from = new Int32Array(wanted);
  const counts = new Int32Array(wanted);
  const weights = new Int32Array(wanted * most);
  for (let i = 0; i < wanted; i += 1) {
    const center = (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - wide + 0.5));
    const last = Math.min(size, Math.trunc(center + wide + 0.5));
    const own = new Float64Array(last - first);
    let sum = 0;
    for (let k = 0; k < own.length; k += 1) {
      own[k] = Math.max(0, 1 - Math.abs((k + first - center + 0.5) / wide));
      sum += own[k]!;
    }
    from[i] = first;
    counts[i] = own.length;
    own.forEach((weight, k) => (weights[i * most + k] = Math.trunc(0.5 + (weight / sum) * 2 ** bits)));
  }
  return { from, counts, weights, most };
}

/** Resizes along one axis: `step` between neighbours, `lines` × `inner` such lines. */
function along(
  source: Uint8Array | Uint8ClampedArray,
  size: number,
  wanted: number,
  outer: number,
  inner: number,
): Uint8Array {
  const { from, counts, weights, most } = taps(size, wanted);
  const out = new Uint8Array(outer * wanted * inner);
  for (let a = 0; a < outer; a += 1)
    for (let i = 0; i < wanted; i += 1)
      for (let b = 0; b < inner; b += 1) {
        let sum = 2 ** (bits - 1);
        for (let k = 0; k < counts[i]!; k += 1)
          sum += source[(a * size + from[i]! + k) * inner + b]! * weights[i * most + k]!;
        out[(a * wanted + i) * inner + b] = Math.max(0, Math.min(255, Math.floor(sum / 2 ** bits)));
      }
  return out;
}

/** The picture in another size. */
export function resize(picture: Picture, height: number, width: number): Picture {
  const { channels } = picture;
  let { data } = picture;
  if (picture.width !== width) data = along(data, picture.width, width, picture.height, channels);
  if (picture.height !== height) data = along(data, picture.height, height, 1, width * channels);
  return { width, height, channels, data };
}
