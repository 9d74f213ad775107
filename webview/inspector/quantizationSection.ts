// How a node is quantized, as one section: what stands before and after it in DequantizeLinear and QuantizeLinear, or in
// parameters of its own.

import { html, nothing, type TemplateResult } from 'lit';
import type { NodeDetails } from '../../daemon/protocol/graph';
import { three, whole } from '../ui/format';
import { elide, fullText } from '../ui/text';
import { facts, section, type Fact } from './parts';

type Value = NonNullable<NodeDetails['quantization']>[number];
type Numbers = Value['scale'];

const number = (value: number): string =>
  Number.isInteger(value) ? String(value).replace('-', '−') : three(value);

/** `0.0123`, or `0.001 to 0.02` with how many there are. */
function numbersFact(label: string, numbers: Numbers, none: string): Fact {
  if (numbers === null) return { label, value: none };
  const { count, least, largest, first } = numbers;
  const title = `${first.join(', ')}${count > first.length ? ', …' : ''}`;
  const value = least === largest ? number(least) : `${number(least)} to ${number(largest)}`;
  return { label, value, title, ...(count > 1 ? { note: `${whole(count)} of them` } : {}) };
}

const granularity = ({ scale, axis, blockSize }: Value): string => {
  if (blockSize !== undefined) return `blocks of ${blockSize} along axis ${axis ?? 1}`;
  if ((scale?.count ?? 1) > 1) return `per channel, axis ${axis ?? 1}`;
  return 'whole tensor';
};

/** The section; nothing where the node is not quantized. `goTo` leads to the Q or DQ node itself. */
export function quantizationSection(
  { quantization = [] }: NodeDetails,
  goTo: (row: number) => void,
): TemplateResult | typeof nothing {
  if (quantization.length === 0) return nothing;
  const types = [...new Set(quantization.map(({ dtype }) => dtype).filter((dtype) => dtype !== ''))];
  return section(
    'Quantization',
    html`<ul class="plain quantized">
      ${quantization.map(
        (one) =>
          html`<li>
            <div class="typed-name">
              ${one.side === 'input' ? 'Input' : 'Output'} ${one.index}
              <span class="muted small" title=${fullText(one.value)}>${elide(one.value, 32)}</span>
              ${
                one.row === undefined
                  ? nothing
                  : html` <button
                      type="button"
                      class="link small"
                      title="Show the ${one.side === 'input' ? 'DequantizeLinear' : 'QuantizeLinear'} itself"
                      @click=${() => goTo(one.row!)}
                    >
                      ${one.side === 'input' ? 'DQ' : 'Q'}
                    </button>`
              }
            </div>
            ${facts([
              {
                label: 'Type',
                value: one.dtype === '' ? 'integer type unknown' : one.dtype,
                note: granularity(one),
              },
              numbersFact('Scale', one.scale, 'computed'),
              numbersFact('Zero point', one.zeroPoint, '0'),
            ])}
          </li>`,
      )}
    </ul>`,
    types.join(', '),
  );
}
