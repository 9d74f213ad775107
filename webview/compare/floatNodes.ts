// Which compute nodes stay in float, and why: a list that unfolds.

import { html, nothing, type TemplateResult } from 'lit';
import type { Variant } from '../../daemon/protocol/compress';
import { plural, three, whole } from '../ui/format';
import { elide, fullText, visible } from '../ui/text';

const most = 200;

export function floatNodes(variant: Variant | undefined): TemplateResult | typeof nothing {
  if (variant === undefined || variant.failed !== undefined) return nothing;
  const { fusion, error } = variant;
  return html`
    ${
      fusion === null
        ? nothing
        : fusion.left.length === 0
          ? html`<p class="fused">
              <span class="codicon codicon-check" aria-hidden="true"></span> All
              ${plural(fusion.integer, 'compute node')} of ${visible(variant.recipe)} run in integers.
            </p>`
          : html`<details class="float-nodes">
              <summary>
                <span class="codicon codicon-chevron-right fold" aria-hidden="true"></span>
                <h2>
                  ${plural(fusion.left.length, 'node')} of ${visible(variant.recipe)}
                  ${fusion.left.length === 1 ? 'stays' : 'stay'} in float
                </h2>
              </summary>
              <table>
                <thead>
                  <tr>
                    <th scope="col">Node</th>
                    <th scope="col">Operator</th>
                    <th scope="col">Why</th>
                  </tr>
                </thead>
                <tbody>
                  ${fusion.left.slice(0, most).map(
                    ({ node, op, why }) =>
                      html`<tr>
                        <td title=${fullText(node)}>${elide(node, 40)}</td>
                        <td>${elide(op, 32)}</td>
                        <td class="wrap">${visible(why)}</td>
                      </tr>`,
                  )}
                </tbody>
              </table>
              ${fusion.left.length > most ? html`<p class="muted">and ${whole(fusion.left.length - most)} more</p>` : nothing}
            </details>`
    }
    ${
      error === null
        ? nothing
        : html`<p class="muted small output-error tabular">
            Outputs of ${visible(variant.recipe)} against the original on ${plural(error.samples, 'sample')}:
            cosine similarity ${error.cosine.toFixed(5)}, SQNR ${three(error.sqnrDb)} dB, largest difference
            ${three(error.maxAbs)}.
          </p>`
    }
  `;
}
