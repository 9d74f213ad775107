// Which file a frame of a stack trace means. The path comes from a model file and is not to be trusted: only local
// Python sources are looked for, and a path that would reach another machine is not even touched.

const source = /\.(?:py|pyi|pyx)$/i;

/** Why a path is not looked at; undefined for one that may be. */
export function refusal(path: string): string | undefined {
  if (path.length > 4096 || /[\u0000-\u001f]/.test(path)) return 'Its path is no path of a file.';
  // On Windows merely looking at such a path sends the user's name and a hash of the password there.
  if (/^(?:[\\/]{2}|[a-z][a-z0-9+.-]+:[\\/]{2})/i.test(path)) return 'Its path names another machine.';
  if (!source.test(path)) return 'Only Python sources are opened from a stack trace.';
  return undefined;
}

const segments = (path: string): string[] =>
  path.split(/[\\/]+/).filter((part) => part !== '' && part !== '.');

/** The file name where it can stand in a glob as it is. */
export function plainFileName(path: string): string | undefined {
  const name = segments(path).at(-1) ?? '';
  return /^[\p{L}\p{N}_. -]+$/u.test(name) ? name : undefined;
}

/** Of several files the ones whose path ends most like the wanted one; at least the file name is equal. */
export function closest(paths: readonly string[], wanted: string): string[] {
  const want = segments(wanted).reverse();
  const common = (path: string) => {
    const parts = segments(path).reverse();
    let equal = 0;
    while (equal < want.length && parts[equal] === want[equal]) equal += 1;
    return equal;
  };
  const scored = paths.map((path) => ({ path, equal: common(path) })).filter(({ equal }) => equal > 0);
  const best = Math.max(0, ...scored.map(({ equal }) => equal));
  return scored.filter(({ equal }) => equal === best).map(({ path }) => path);
}
