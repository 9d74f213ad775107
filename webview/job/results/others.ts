// What sharing of weights and simplification gave.

import { html, type TemplateResult } from 'lit';
import type { ClusterResult } from '../../../daemon/protocol/cluster';
import type { OptimizeResult } from '../../../daemon/protocol/optimize';
import { plural, three, whole } from '../../ui/format';
import { elide, fullText, visible } from '../../ui/text';
import { errorFacts, factList, fold, table, type Fact } from './facts';

export function clusterParts({ tensors, error }: ClusterResult): TemplateResult {
  const fitted = tensors.filter((tensor) => tensor.fitted).length;
  const facts: Fact[] = [
    { name: 'Shared', value: plural(tensors.length, 'weight') },
    { name: 'Fitted to data', value: fitted === 0 ? 'none' : plural(fitted, 'weight') },
    { name: 'Speed', value: 'as before: unpacked once, when the model is loaded' },
    ...errorFacts(error),
  ];
  return html`${factList(facts)}
  ${fold(
    `${plural(tensors.length, 'weight')} in codebooks`,
    table(
      [
        { name: 'Weight', cell: ({ name }) => html`<span title=${fullText(name)}>${elide(name, 48)}</span>` },
        { name: 'Numbers', number: true, cell: ({ elements }) => whole(elements) },
        { name: 'Values left', number: true, cell: ({ centroids }) => whole(centroids) },
        // A result of the history may be older than this field.
        {
          name: 'Codebooks',
          number: true,
          cell: (tensor) => whole((tensor as { codebooks?: number }).codebooks ?? 1),
        },
        { name: 'Fitted', cell: (tensor) => (tensor.fitted ? 'to data' : 'to the weight') },
      ],
      tensors,
      'Weights in codebooks',
    ),
  )}`;
}

export function optimizeParts({
  before,
  after,
  passes,
  maxAbsError,
  checked,
}: OptimizeResult): TemplateResult {
  const did = passes.filter(({ changed }) => changed).map(({ name }) => name);
  return factList([
    {
      name: 'Nodes',
      value: html`${whole(after.nodes)}<span class="muted"> of ${whole(before.nodes)}</span>`,
    },
    { name: 'Rewrites', value: did.length === 0 ? 'none: there was nothing to do' : visible(did.join(', ')) },
    {
      name: 'Output error',
      value:
        maxAbsError === null
          ? 'not measured'
          : `${maxAbsError === 0 ? 'none' : `at most ${three(maxAbsError)}`} over ${plural(checked.runs, 'run')}${checked.cutShort ? ', cut short by its time' : ''}`,
    },
  ]);
}
