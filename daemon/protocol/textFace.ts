// Names of read-only texts: the textual form of one graph of a model file, as a URI of its own scheme. The path is for
// people to read; the query says which file and which graph.

/** Scheme of the texts that the daemon makes of binary models. */
export const textScheme = 'slipway-text';

/** Language id of ONNX's textual form. */
export const textLanguage = 'onnx-text';

/** The URI of a model's text; `scope` is the path of a body or function, absent for the whole model. */
export function textUri(modelUri: string, scope = ''): string {
  const file = modelUri.replace(/^[a-z][a-z0-9+.-]*:(\/\/[^/]*)?/i, '');
  const label = scope === '' ? '' : ` ${encodeURIComponent(scope.replaceAll('/', ' '))}`;
  const path = `${file.startsWith('/') ? file : `/${file}`}${label.replace(' ', '%20')}.onnxtxt`;
  const query = `model=${encodeURIComponent(modelUri)}&scope=${encodeURIComponent(scope)}`;
  // Encoded as a whole: editors decode a query once when they read a URI.
  return `${textScheme}:${path}?${encodeURIComponent(query)}`;
}

/** What a text's URI names; undefined for any other URI. */
export function parseTextUri(uri: string): { readonly model: string; readonly scope: string } | undefined {
  if (!uri.startsWith(`${textScheme}:`)) return undefined;
  const query = /\?([^#]*)/.exec(uri)?.[1];
  if (query === undefined) return undefined;
  try {
    const plain = decodeURIComponent(query);
    const model = /(?:^|&)model=([^&]*)/.exec(plain)?.[1];
    const scope = /(?:^|&)scope=([^&]*)/.exec(plain)?.[1] ?? '';
    if (model === undefined) return undefined;
    return { model: decodeURIComponent(model), scope: decodeURIComponent(scope) };
  } catch {
    return undefined;
  }
}
