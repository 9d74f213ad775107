// What zeros in weights gave: the share of every layer, and how the file stores it.

import { html, type TemplateResult } from 'lit';
import type { PruneWeightsResult } from '../../../daemon/protocol/pruneWeights';
import { bytes, exactBytes, percent, plural, whole } from '../../ui/format';
import { elide, fullText } from '../../ui/text';
import { errorFacts, factList, fold, table, widthBar } from './facts';

const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);
const forms = { bitmap: 'a bit for each', sparse: 'by index', dense: 'plain' } as const;

export function zerosParts({ layers, stored, error }: PruneWeightsResult): TemplateResult {
  const elements = sum(layers.map((layer) => layer.elements));
  const zeros = sum(layers.map((layer) => layer.zeros));
  const packed = stored.filter(({ form }) => form !== 'dense').length;
  return html`${factList([
    {
      name: 'Zero',
      value: `${percent(zeros / Math.max(1, elements))} of the weights of ${plural(layers.length, 'layer')}`,
    },
    { name: 'Packed', value: packed === 0 ? 'no weight' : plural(packed, 'weight') },
    { name: 'Speed', value: 'as before: ONNX Runtime unpacks the zeros once, when the model is loaded' },
    ...errorFacts(error),
  ])}
  ${fold(
    `Zeros in ${plural(layers.length, 'layer')}`,
    table(
      [
        { name: 'Layer', cell: ({ name }) => html`<span title=${fullText(name)}>${elide(name, 40)}</span>` },
        {
          name: 'Weights that are left',
          cell: (layer) => widthBar(1, 1 - layer.zeros / Math.max(1, layer.elements), 1),
        },
        { name: 'Weights', number: true, cell: (layer) => whole(layer.elements) },
        { name: 'Zero', number: true, cell: (layer) => percent(layer.zeros / Math.max(1, layer.elements)) },
      ],
      layers,
      'Zeros in layers',
    ),
    layers.length <= 40,
  )}
  ${
    stored.length === 0
      ? html``
      : fold(
          `How ${plural(stored.length, 'weight')} ${stored.length === 1 ? 'is' : 'are'} stored`,
          table(
            [
              {
                name: 'Weight',
                cell: ({ name }) => html`<span title=${fullText(name)}>${elide(name, 40)}</span>`,
              },
              { name: 'Stored', cell: ({ form }) => forms[form] },
              { name: 'Before', number: true, cell: ({ bytesBefore }) => size(bytesBefore) },
              { name: 'In the file', number: true, cell: (one) => size(one.bytes) },
            ],
            stored,
            'How weights are stored',
          ),
        )
  }`;
}

const size = (value: number) => html`<span title=${exactBytes(value)}>${bytes(value)}</span>`;
