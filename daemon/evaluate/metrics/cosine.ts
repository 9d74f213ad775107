// Cosine similarity of two outputs, as in G. Salton and M. J. McGill, "Introduction to Modern Information
// Retrieval" (1983), chapter 4. Over samples, its mean.

/** Cosine of the angle between one sample's values, −1 to 1; 1 for two zero vectors, 0 when one alone is zero. */
export function cosineOf(given: ArrayLike<number>, wanted: ArrayLike<number>): number {
  let [dot, a, b] = [0, 0, 0];
  for (let i = 0; i < wanted.length; i += 1) {
    dot += given[i]! * wanted[i]!;
    a += given[i]! * given[i]!;
    b += wanted[i]! * wanted[i]!;
  }
  if (a === 0 && b === 0) return 1;
  if (a === 0 || b === 0) return 0;
  const value = dot / (Math.sqrt(a) * Math.sqrt(b));
  // Not clamped by Math.max alone: a NaN must stay one.
  return value > 1 ? 1 : value < -1 ? -1 : value;
}
