// Round numbers for chart axes.

/** A linear scale from numbers to pixels. */
export interface Scale {
  (value: number): number;
}

export const linear =
  (from: number, to: number, start: number, end: number): Scale =>
  (value) =>
    start + ((value - from) / (to - from || 1)) * (end - start);

/** Round values between two numbers, about `wanted` of them. */
export function ticks(from: number, to: number, wanted: number): number[] {
  const span = to - from;
  if (!(span > 0)) return [from];
  const rough = span / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  let step = power * (rough / power > 5 ? 10 : rough / power > 2 ? 5 : rough / power > 1 ? 2 : 1);
  // A step that was rounded up may leave a single line to read from.
  if (span / step < 2 && wanted >= 3) step = step === 5 * power ? 2 * power : step / 2;
  const list: number[] = [];
  for (let i = Math.ceil(from / step - 1e-9); i * step <= to + step * 1e-9; i++) {
    // Rounded to the step: 0.30000000000000004 is 0.3.
    list.push(Number((i * step).toPrecision(12)));
  }
  return list;
}
