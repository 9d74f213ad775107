// A block: neighbours along K that share one scale and one zero point, value = scale · (code − zero). Here scale and
// zero point are found for one block at a time; where codes go is decided in layouts.ts.

import { rint, smallestScale } from '../quantize/params';

export interface BlockFormat {
  readonly bits: 2 | 4 | 8;
  /** Elements along K that share a scale; a power of two. */
  readonly block: number;
  /** Zero point fixed at the middle of the codes. */
  readonly symmetric: boolean;
}

/** What was found for a block; one object is used again and again. */
export interface Fit {
  scale: number;
  /** A code; HQQ gives a fraction. */
  zero: number;
}

/**
 * Finds scale and zero point of `count` values `w`, weighted by `h` (importance of each element's error, or
 * nothing), and writes them into `fit`. Scales are float32 numbers.
 */
export type BlockFitter = (w: Float32Array, h: Float32Array | undefined, count: number, fit: Fit) => void;

export const largestCode = (bits: number): number => 2 ** bits - 1;
export const middleCode = (bits: number): number => 2 ** (bits - 1);

/** The code of a value. */
export function codeOf(value: number, { scale, zero }: Readonly<Fit>, largest: number): number {
  const code = rint(value / scale + zero);
  return code < 0 ? 0 : code > largest ? largest : code;
}

/** A block of zeros, or of values too small for a float32 scale. */
const flat = (fit: Fit, zero: number) => {
  fit.scale = 1;
  fit.zero = zero;
};

/** 1.5 · 2^52: adding it to a small number, and taking it away again, rounds half to even. */
const roundingShift = 6755399441055744;

/** Elements between two looks at whether a loss is too large already. */
const lossStep = 8;

/**
 * Squared error of a block under a scale and a zero point, weighted by `h`; some number that is not below `limit` when
 * it is not. The innermost loop of all searches: codes are clamped before they are rounded, which gives the same.
 */
function lossOf(
  w: Float32Array,
  h: Float32Array,
  count: number,
  scale: number,
  zero: number,
  largest: number,
  limit = Infinity,
): number {
  const inverse = 1 / scale;
  let loss = 0;
  for (let from = 0; from < count; from += lossStep) {
    const to = from + lossStep < count ? from + lossStep : count;
    for (let i = from; i < to; i += 1) {
      const value = w[i]!;
      const place = value * inverse + zero;
      const code = (place < 0 ? 0 : place > largest ? largest : place) + roundingShift - roundingShift;
      const off = value - scale * (code - zero);
      loss += h[i]! * off * off;
    }
    if (loss >= limit) return loss;
  }
  return loss;
}

/** The scale that fits best in the least squares sense when the codes stay what they are; 0 when there is none. */
function refit(w: Float32Array, h: Float32Array, count: number, fit: Readonly<Fit>, largest: number): number {
  const { scale, zero } = fit;
  const inverse = 1 / scale;
  let up = 0;
  let down = 0;
  for (let i = 0; i < count; i += 1) {
    const value = w[i]!;
    const place = value * inverse + zero;
    const q = (place < 0 ? 0 : place > largest ? largest : place) + roundingShift - roundingShift - zero;
    const weighted = h[i]! * q;
    up += weighted * value;
    down += weighted * q;
  }
  return down > 0 ? Math.fround(up / down) : 0;
}

/**
 * Round to nearest without a search, as ONNX Runtime's own quantizer does it: the value farthest from zero becomes
 * the lowest code (symmetric), or the range with zero in it is cut evenly (asymmetric).
 */
export function plainFitter({ bits, symmetric }: BlockFormat): BlockFitter {
  const largest = largestCode(bits);
  const middle = middleCode(bits);
  return (w, _h, count, fit) => {
    let min = 0;
    let max = 0;
    for (let i = 0; i < count; i += 1) {
      const value = w[i]!;
      if (value < min) min = value;
      if (value > max) max = value;
    }
    if (symmetric) {
      const scale = Math.fround((max > -min ? max : min) / -middle);
      if (Math.abs(scale) < smallestScale) {
        flat(fit, middle);
        return;
      }
      fit.scale = scale;
      fit.zero = middle;
      return;
    }
    const scale = Math.fround((max - min) / largest);
    if (scale < smallestScale) {
      flat(fit, middle);
      return;
    }
    fit.scale = scale;
    fit.zero = Math.min(largest, Math.max(0, rint(-min / scale)));
  };
}

/** Where nothing is known of the inputs, large weights count more: cutting them off costs outputs dearly. */
function largeFirst(w: Float32Array, count: number, into: Float32Array): Float32Array {
  let squares = 0;
  for (let i = 0; i < count; i += 1) squares += w[i]! * w[i]!;
  const rms = Math.sqrt(squares / count);
  for (let i = 0; i < count; i += 1) into[i] = rms + Math.abs(w[i]!);
  return into;
}

/** Shares of the plain scale that are tried. 8/7 of the symmetric one is the grid without the lowest code. */
const sharesOf = (bits: number): readonly number[] =>
  bits === 8 ? [0.99, 1.01] : [16 / 14, 1.06, 0.96, 0.92, 0.88, 0.84, 0.8, 0.75, 0.7, 0.65, 0.6];

/**
 * Round to nearest with the scale (and zero point) of least weighted error: shares of the plain scale, both signs,
 * zero points beside the best, and a least squares fit of the scale to the codes found.
 */
export function searchFitter(format: BlockFormat): BlockFitter {
  const { bits, symmetric } = format;
  const largest = largestCode(bits);
  const plain = plainFitter(format);
  const shares = sharesOf(bits);
  const own = new Float32Array(format.block);
  return (w, known, count, fit) => {
    const h = known ?? largeFirst(w, count, own);
    plain(w, h, count, fit);
    const first = fit.scale;
    const zero = fit.zero;
    let best = lossOf(w, h, count, fit.scale, fit.zero, largest);
    if (best === 0) return;
    const attempt = (scale: number, at: number) => {
      if (Math.abs(scale) < smallestScale || at < 0 || at > largest) return;
      const loss = lossOf(w, h, count, scale, at, largest, best);
      if (loss >= best) return;
      best = loss;
      fit.scale = scale;
      fit.zero = at;
    };
    for (const share of shares) attempt(Math.fround(first * share), zero);
    if (symmetric) {
      if (bits < 8) for (const share of [1, 16 / 14, 0.9]) attempt(Math.fround(-first * share), zero);
    } else {
      for (const step of [-1, 1]) attempt(fit.scale, zero + step);
    }
    attempt(refit(w, h, count, fit, largest), fit.zero);
    attempt(refit(w, h, count, fit, largest), fit.zero);
  };
}

/**
 * The k-quant search of GGUF (llama.cpp, make_qkx2_quants): 21 scales around the plain one, each followed by a
 * weighted least squares fit of scale and minimum; large weights count more where no importance is known.
 */
export function kQuantFitter({ bits }: BlockFormat): BlockFitter {
  const largest = largestCode(bits);
  const own = new Float32Array(256);
  let weights = own;
  return (w, h, count, fit) => {
    let min = 0;
    let max = 0;
    let squares = 0;
    for (let i = 0; i < count; i += 1) {
      const value = w[i]!;
      if (value < min) min = value;
      if (value > max) max = value;
      squares += value * value;
    }
    if (Math.fround((max - min) / largest) < smallestScale) {
      flat(fit, middleCode(bits));
      return;
    }
    if (weights.length < count) weights = new Float32Array(count);
    const rms = Math.sqrt(squares / count);
    for (let i = 0; i < count; i += 1) weights[i] = (rms + Math.abs(w[i]!)) * (h === undefined ? 1 : h[i]!);
    let best = Infinity;
    const attempt = (scale: number, minimum: number) => {
      if (!(scale >= smallestScale)) return;
      const rounded = Math.fround(scale);
      const zero = Math.min(largest, Math.max(0, rint(-minimum / rounded)));
      const loss = lossOf(w, weights, count, rounded, zero, largest, best);
      if (loss >= best) return;
      best = loss;
      fit.scale = rounded;
      fit.zero = zero;
    };
    attempt((max - min) / largest, min);
    for (let step = 0; step <= 20; step += 1) {
      const inverse = (largest - 1 + 0.1 * step) / (max - min);
      let [n, l, ll, x, xl] = [0, 0, 0, 0, 0];
      for (let i = 0; i < count; i += 1) {
        let code = rint(inverse * (w[i]! - min));
        code = code < 0 ? 0 : code > largest ? largest : code;
        const weight = weights[i]!;
        n += weight;
        l += weight * code;
        ll += weight * code * code;
        x += weight * w[i]!;
        xl += weight * w[i]! * code;
      }
      const determinant = n * ll - l * l;
      if (determinant <= 0) continue;
      let scale = (n * xl - x * l) / determinant;
      let minimum = (ll * x - l * xl) / determinant;
      if (minimum > 0) {
        minimum = 0;
        scale = xl / ll;
      }
      attempt(scale, minimum);
    }
    const scale = refit(w, weights, count, fit, largest);
    attempt(scale, -scale * fit.zero);
  };
}

/**
 * Half-quadratic quantization (Badri & Shaji 2023): no data; alternates between a sparse error and the zero point
 * that explains the rest. The zero point is a fraction; with `whole` it is rounded and the scale fitted again.
 */
export function hqqFitter({ bits, block }: BlockFormat, whole: boolean): BlockFitter {
  const largest = largestCode(bits);
  const equal = new Float32Array(block).fill(1);
  const norm = 0.7;
  const steps = 20;
  return (w, h, count, fit) => {
    let min = w[0] ?? 0;
    let max = min;
    for (let i = 1; i < count; i += 1) {
      min = Math.min(min, w[i]!);
      max = Math.max(max, w[i]!);
    }
    if (Math.fround((max - min) / largest) < smallestScale) {
      // One value again and again: its distance from the zero point is what the scale has to say.
      if (Math.abs(min) < smallestScale) {
        flat(fit, middleCode(bits));
        return;
      }
      fit.scale = Math.fround(min);
      fit.zero = 0;
      return;
    }
    const scale = Math.fround((max - min) / largest);
    let zero = -min / scale;
    let beta = 10;
    let least = Infinity;
    let best = zero;
    for (let step = 0; step <= steps; step += 1) {
      let next = 0;
      let error = 0;
      for (let i = 0; i < count; i += 1) {
        const value = w[i]!;
        let code = rint(value / scale + zero);
        code = code < 0 ? 0 : code > largest ? largest : code;
        const off = value - scale * (code - zero);
        const size = Math.abs(off);
        error += size;
        const kept = size - size ** (norm - 1) / beta;
        const sparse = kept > 0 ? Math.sign(off) * kept : 0;
        next += code - (value - sparse) / scale;
      }
      if (error >= least) break;
      least = error;
      best = zero;
      zero = next / count;
      beta *= 1.01;
    }
    fit.scale = scale;
    fit.zero = Math.fround(best);
    if (!whole) return;
    fit.zero = Math.min(largest, Math.max(0, rint(best)));
    const weights = h ?? equal;
    const again = refit(w, weights, count, fit, largest);
    const loss = lossOf(w, weights, count, scale, fit.zero, largest);
    if (again >= smallestScale && lossOf(w, weights, count, again, fit.zero, largest, loss) < loss)
      fit.scale = again;
  };
}
