// Names out of models as names of files.

/** A name from a model as the name of a file: no separators, no control characters, not hidden, not endless. */
export function fileNameOf(name: string): string {
  const plain = name
    .replace(/[^\p{L}\p{N}._-]+/gu, '_')
    .replace(/^[._]+|[._]+$/g, '')
    .slice(0, 100);
  return plain === '' ? 'tensor' : plain;
}
