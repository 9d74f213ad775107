// Short names for files: by chance, or from what they belong to. Loading node:crypto for them would take a short command
// five milliseconds and two megabytes; nothing here keeps a secret.

/** Eight hexadecimal digits by chance. */
export const randomName = (): string => hex(Math.floor(Math.random() * 2 ** 32));

const hex = (value: number) => (value >>> 0).toString(16).padStart(8, '0');

/** Sixteen hexadecimal digits for a text (two FNV-1a sums); others may have the same. */
export function shortDigest(text: string): string {
  let a = 0x811c9dc5;
  let b = 0xcbf29ce4;
  for (let i = 0; i < text.length; i += 1) {
    a = Math.imul(a ^ text.charCodeAt(i), 0x01000193);
    b = Math.imul(b ^ (a >>> 13) ^ text.charCodeAt(i), 0x01000193);
  }
  return hex(a) + hex(b);
}
