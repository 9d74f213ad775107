// Numbers as people read them: three significant digits and a unit.

/** Three significant digits, without an exponent but for what is next to nothing: 0.0123, 1.23, 1230, 3.70e-14. */
export function significant(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return '–';
  if (value === 0) return '0';
  const rounded = Number(value.toPrecision(digits));
  const magnitude = Math.floor(Math.log10(Math.abs(rounded)));
  if (magnitude < -6) return rounded.toExponential(digits - 1);
  return rounded.toFixed(Math.max(0, digits - 1 - magnitude));
}

/** Bytes in MB of 10^6. */
export const megabytes = (bytes: number): string => `${significant(bytes / 1e6)} MB`;

/** Bytes in the unit that suits them: 12 bytes, 98.3 kB, 2.81 MB. For figures that stand alone; columns keep one unit. */
export function byteText(bytes: number): string {
  if (bytes < 1000) return `${bytes} byte${bytes === 1 ? '' : 's'}`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  const step = Math.min(units.length, Math.floor(Math.log10(Number(bytes.toPrecision(3))) / 3));
  return `${significant(bytes / 1000 ** step)} ${units[step - 1]!}`;
}

export const milliseconds = (ms: number): string => `${significant(ms)} ms`;

/** Whole numbers with thousands set apart: 703,806. */
export const count = (value: number): string => value.toString().replace(/\B(?=(\d{3})+$)/g, ',');

/** 36, 12.3 k, 1.23 M, 4.1 G. For figures that stand alone; columns keep one unit. */
export function scaled(value: number): string {
  if (value < 1000) return String(value);
  const prefixes = ['k', 'M', 'G', 'T', 'P'];
  const step = Math.min(prefixes.length, Math.floor(Math.log10(Number(value.toPrecision(3))) / 3));
  return `${significant(value / 1000 ** step)} ${prefixes[step - 1]!}`;
}

/** 703,806 as 0.704 M. */
export const millions = (value: number): string => `${significant(value / 1e6)} M`;

/** A share as percent with its interval: 94.6 % (93.5–95.5). */
export const share = ({ value, low, high }: { value: number; low: number; high: number }): string =>
  `${(value * 100).toFixed(1)} % (${(low * 100).toFixed(1)}–${(high * 100).toFixed(1)})`;

/** A share as percent: 94.6 %. */
export const percent = (value: number): string => `${(value * 100).toFixed(1)} %`;

/** A ratio with its interval: 2.31× (2.28–2.35). */
export const ratio = ({ p50Ratio, low, high }: { p50Ratio: number; low: number; high: number }): string =>
  `${significant(p50Ratio)}× (${significant(low)}–${significant(high)})`;

/** "1 sample", "2 samples". */
export const plural = (number: number, noun: string): string =>
  `${count(number)} ${noun}${number === 1 ? '' : 's'}`;
