// The α of SmoothQuant as a user says it: `0.5` for all layers, `PATTERN=0.7` for those that the pattern fits. Pure.

import { badRequest } from '../../base/errors';
import type { Model } from '../../ir/model';
import { nameOf } from '../../passes/quantize/outcome';
import { globPattern } from '../../passes/quantize/selection';

/**
 * What gives each group of layers its α; the last word that fits one of them counts. Undefined without words. Throws
 * `badRequest` for a word that is no number between 0 and 1, or whose pattern fits no MatMul and no Gemm.
 */
export function smoothAlphas(
  words: readonly string[] | undefined,
  model: Model,
): ((nodes: readonly string[]) => number | undefined) | undefined {
  if (words === undefined || words.length === 0) return undefined;
  const layers = model.graph.nodes
    .filter(({ opType }) => opType === 'MatMul' || opType === 'Gemm')
    .map(nameOf);
  const rules = words.map((word) => {
    const at = word.lastIndexOf('=');
    const number = word.slice(at + 1).trim();
    const alpha = number === '' ? NaN : Number(number);
    if (!(alpha >= 0 && alpha <= 1))
      throw badRequest(
        `The α of SmoothQuant is a number between 0 and 1, for all layers (0.5) or for some (/layers.0/*=0.7); "${word}" was given.`,
      );
    const pattern = at < 0 ? '*' : word.slice(0, at).trim();
    const fits = globPattern(pattern);
    if (!layers.some((name) => fits.test(name)))
      throw badRequest(
        `No MatMul and no Gemm of the model fits "${pattern}". Its layers are ${layers.slice(0, 4).join(', ')}${layers.length > 4 ? ', …' : ''}.`,
      );
    return { fits, alpha };
  });
  return (nodes) => rules.findLast(({ fits }) => nodes.some((name) => fits.test(name)))?.alpha;
}
