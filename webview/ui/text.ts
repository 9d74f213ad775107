// Names come from model files and are not to be trusted: control characters become visible symbols, and
// long names lose their middle. Text is only ever put into text nodes, attributes and canvases.

/** Directional overrides, zero-width and other invisible characters that can make a name lie. */
const invisible = /[\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/gu;

/** The text with control characters shown as symbols. */
export function visible(text: string): string {
  return text
    .replace(/[\u0000-\u001f]/g, (c) => String.fromCharCode(0x2400 + c.charCodeAt(0)))
    .replace(/\u007f/g, '\u2421')
    .replace(/[\u0080-\u009f]/g, '\ufffd')
    .replace(invisible, (c) => `⟨${c.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}⟩`)
    .replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, '\ufffd');
}

/** The text as `visible`, with its middle cut out where it is longer than `most` characters. */
export function elide(text: string, most = 40): string {
  const characters = Array.from(visible(text.length > 4096 ? text.slice(0, 4096) + '…' : text));
  if (characters.length <= most) return characters.join('');
  const tail = Math.floor((most - 1) / 2);
  return `${characters.slice(0, most - 1 - tail).join('')}…${characters.slice(-tail).join('')}`;
}

/** What a tooltip shows of a name: everything, within reason. */
export function fullText(text: string): string {
  return visible(text.length > 4096 ? `${text.slice(0, 4096)}…` : text);
}

/** `1×3×224×224`, `batch×64`, `?` for an unknown dimension; undefined rank gives an empty text. */
export function shapeText(shape: readonly (number | string | null)[] | null): string {
  if (shape === null) return '';
  if (shape.length === 0) return 'scalar';
  return shape.map((dim) => (dim === null ? '?' : visible(String(dim)))).join('×');
}
