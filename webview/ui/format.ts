// Numbers as people read them: three significant digits, always a unit, real minus signs, thin grouping.

const thinSpace = '\u202f';
const minus = '\u2212';

/** Three significant digits without an exponent: 0.268, 2.4, 12.3, 1234. */
export function three(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (value === 0) return '0';
  const magnitude = Math.floor(Math.log10(Math.abs(value)));
  if (magnitude < -6) return withMinus(value.toExponential(2));
  const decimals = Math.max(0, 2 - magnitude);
  let text = value.toFixed(Math.min(decimals, 9));
  // 9.999 rounds to 10.00: one digit too many.
  if (decimals > 0 && Math.abs(Number(text)) >= 10 ** (magnitude + 1)) text = value.toFixed(decimals - 1);
  return withMinus(text);
}

function withMinus(text: string): string {
  return text.replace('-', minus);
}

/** With a sign always: +0.3, −1.2, 0. */
export function signed(value: number, digits = 1): string {
  const text = Math.abs(value).toFixed(digits);
  if (Number(text) === 0) return (0).toFixed(digits);
  return (value < 0 ? minus : '+') + text;
}

/** Whole number with thin spaces between thousands. */
export function whole(value: number): string {
  return withMinus(String(Math.round(value)).replace(/\B(?=(\d{3})+(?!\d))/g, thinSpace));
}

/** Decimal units with three digits: 2.82 MB, 714 kB, 12 bytes. */
export function bytes(value: number): string {
  return value < 1000 ? `${value} ${value === 1 ? 'byte' : 'bytes'}` : scaled(value, 'B');
}

/** For a tooltip: 2 816 312 bytes. */
export function exactBytes(value: number): string {
  return `${whole(value)} ${value === 1 ? 'byte' : 'bytes'}`;
}

/** A count with a decimal prefix: 703 k, 5.31 M. Below a thousand as it is. */
export function count(value: number): string {
  return value < 1000 ? String(value) : scaled(value, '');
}

function scaled(value: number, unit: string): string {
  const prefixes = ['k', 'M', 'G', 'T', 'P'];
  let scale = value / 1000;
  let step = 0;
  // 999 600 is 1.00 M, not 1000 k.
  while (Math.abs(scale) >= 999.5 && step + 1 < prefixes.length) {
    scale /= 1000;
    step += 1;
  }
  return `${three(scale)} ${prefixes[step]!}${unit}`;
}

/** Milliseconds with three digits: 0.412 ms, 12.3 ms. */
export function milliseconds(value: number): string {
  return `${three(value)} ms`;
}

const largerUnits: Readonly<Record<string, readonly string[]>> = {
  ns: ['ns', 'µs', 'ms', 's'],
  us: ['µs', 'ms', 's'],
  µs: ['µs', 'ms', 's'],
  ms: ['ms', 's'],
};

/** A number in the unit that it came in, or in one that suits it: 2.31 ms, 4.72 MB, 12.3 dB. */
export function inUnit(value: number, unit: string): string {
  if (unit === 'B') return Math.abs(value) < 1000 ? `${three(value)} B` : scaled(value, 'B');
  const ladder = largerUnits[unit];
  if (ladder !== undefined) {
    let [scale, step] = [value, 0];
    while (Math.abs(scale) >= 999.5 && step + 1 < ladder.length) [scale, step] = [scale / 1000, step + 1];
    return `${three(scale)} ${ladder[step]!}`;
  }
  if (unit === '' && Math.abs(value) >= 100_000) return count(value);
  return unit === '' ? three(value) : `${three(value)} ${unit}`;
}

/** A share as percent with one decimal: 94.6 %. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** Time left in words: 40 s, 2 min 5 s. */
export function duration(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const rest = seconds % 60;
  return `${Math.floor(seconds / 60)} min${rest === 0 ? '' : ` ${rest} s`}`;
}

/** One thing, two things. */
export function plural(n: number, one: string, many = `${one}s`): string {
  return `${whole(n)} ${n === 1 ? one : many}`;
}
