// When a run began, in the words that its place has room for.

/** "14:05" of today, else "Nov 29". */
export function shortWhen(startedAt: string, now: Date): string {
  const at = new Date(startedAt);
  return at.toDateString() === now.toDateString()
    ? at.toLocaleTimeString('en', { hour: '2-digit', minute: '2-digit', hour12: false })
    : at.toLocaleDateString('en', { month: 'short', day: 'numeric' });
}

/** "Nov 29, 2026, 14:05:12". */
export const longWhen = (startedAt: string): string =>
  new Date(startedAt).toLocaleString('en', {
    year: 'numeric',
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hour12: false,
  });
