// Names of any length in a picture: a graph's table holds the beginning and the end of a very long one, which is all that
// is ever drawn. The whole name comes with the details of its node.

const longest = 512;

/** The name, or what stands for it in the frame of `slipway/graph`: 256 characters, "…", and the last 255. */
export function shortName(name: string): string {
  if (name.length <= longest) return name;
  // Not through the middle of a surrogate pair.
  const head = /[\ud800-\udbff]/.test(name[255]!) ? 255 : 256;
  const tail = /[\udc00-\udfff]/.test(name.at(-255)!) ? 254 : 255;
  return `${name.slice(0, head)}…${name.slice(-tail)}`;
}
