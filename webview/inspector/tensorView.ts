// A tensor beside a node: what it is, its values page by page, their statistics, and the way out of the model.

import { html, nothing, type TemplateResult } from 'lit';
import type { NodeDetails } from '../../daemon/protocol/graph';
import type { TensorPreview } from '../state/editorState';
import { bytes, exactBytes, whole } from '../ui/format';
import { iconButton } from '../ui/icon';
import { elide, fullText, visible } from '../ui/text';
import { indexText, pageAt, pageCount, parseRange, type ValueRange } from './tensorRange';
import { tensorStatistics } from './tensorStatistics';

export type Initializer = NonNullable<NodeDetails['inputs'][number]['initializer']>;

export interface TensorActions {
  /** Fetches values of an initializer. */
  preview: (name: string, range: ValueRange) => void;
  /** Lets the host ask for a file and write the tensor there. */
  exportTensor: (name: string) => void;
}

export function tensorView(
  tensor: Initializer,
  preview: TensorPreview | undefined,
  actions: TensorActions,
): TemplateResult {
  const elements = tensor.shape.reduce((a, b) => a * b, 1);
  const where = tensor.external === undefined ? '' : ` in ${elide(tensor.external)}`;
  return html`<div class="small muted">
      <span title=${exactBytes(tensor.bytes)}>Initializer, ${bytes(tensor.bytes)}${where}</span>
      ${
        tensor.bytes > 0 && preview === undefined
          ? html` ·
              <button
                type="button"
                class="link"
                @click=${() => actions.preview(tensor.name, pageAt(0, elements))}
              >
                Show values
              </button>`
          : nothing
      }
      ·
      <button
        type="button"
        class="link"
        title="Save ${fullText(tensor.name)} as a NumPy array"
        @click=${() => actions.exportTensor(tensor.name)}
      >
        Save as .npy…
      </button>
    </div>
    ${preview === undefined ? nothing : previewOf(tensor, elements, preview, actions)}`;
}

function previewOf(
  tensor: Initializer,
  elements: number,
  preview: TensorPreview,
  actions: TensorActions,
): TemplateResult {
  switch (preview.state) {
    case 'loading':
      return html`<div class="small muted" role="status">Reading values…</div>`;
    case 'failed':
      return html`<div class="small wrap">${visible(preview.why)}</div>`;
    case 'shown': {
      // In one piece: the box keeps white space.
      const text = preview.values.join('  ');
      const box = preview.turning ? 'values turning' : 'values';
      return html`<div class="${box} small tabular">${text}</div>
        ${elements > preview.values.length || preview.start > 0 ? pager(tensor, elements, preview, actions) : nothing}
        ${tensorStatistics(preview.statistics)}`;
    }
  }
}

function pager(
  { name, shape }: Initializer,
  elements: number,
  { start, values, why }: Extract<TensorPreview, { state: 'shown' }>,
  actions: TensorActions,
): TemplateResult {
  const end = start + values.length;
  const go = (range: ValueRange) => actions.preview(name, range);
  const onGo = (event: Event) => {
    const field = event.target as HTMLInputElement;
    const wanted = field.value.trim() === '' ? '' : parseRange(field.value, shape);
    field.setCustomValidity(typeof wanted === 'string' ? wanted : '');
    if (typeof wanted === 'string') field.reportValidity();
    else go(wanted);
  };
  const index = indexText(start, shape);
  return html`<div class="pager small">
      ${iconButton('chevron-left', 'Earlier values', () => go(pageAt(Math.max(0, start - pageSize(values)), elements, pageSize(values))), { disabled: start === 0 })}
      <span class="tabular muted" role="status" title=${index === '' ? nothing : `From ${index}`}>
        ${whole(start)}–${whole(end - 1)} of ${whole(elements)}
      </span>
      ${iconButton('chevron-right', 'Later values', () => go(pageAt(end, elements, pageSize(values))), { disabled: end >= elements })}
      <input
        type="text"
        class="dimension go-to"
        placeholder="Go to…"
        aria-label="Go to a position, a range or an index of ${fullText(name)}"
        title="A position (1000), a range (1000-1200) or an index for each dimension (3, 0, 2)"
        @change=${onGo}
        @input=${(event: Event) => (event.target as HTMLInputElement).setCustomValidity('')}
      />
    </div>
    ${why === undefined ? nothing : html`<div class="small wrap">${visible(why)}</div>`}`;
}

/** Pages stay as long as the range that was asked for, but the last page of a tensor may be short. */
const pageSize = (values: readonly string[]): number => Math.max(pageCount, values.length);
