// Before the first run of a job that can be done in several ways: every way with the size that it would give, to choose
// by. The form's own method is marked; a click on another one takes it.

import { html, nothing, svg, type TemplateResult } from 'lit';
import type { JobPage, MethodForm } from '../../daemon/protocol/jobPage';
import { bytes, exactBytes } from '../ui/format';
import { visible } from '../ui/text';
import { shareOf } from './sizes';
import type { EstimateState } from './state';

const barWidth = 120;

export function overview(
  { methods, model }: JobPage,
  estimates: Readonly<Record<string, EstimateState>>,
  current: MethodForm,
  running: boolean,
  choose: (method: string) => void,
): TemplateResult | typeof nothing {
  const before = model.bytes;
  if (before === null || methods.filter(({ estimates: sized }) => sized).length < 2) return nothing;
  const expected = (id: string) => estimates[id]?.last;
  const largest = Math.max(before, ...methods.map(({ id }) => expected(id)?.high ?? 0));
  return html`<h3 id="ways">Ways to do it</h3>
    <div class="ways" role="radiogroup" aria-labelledby="ways">
      ${methods.map((method) => {
        const { id, title, sentence } = method;
        const chosen = id === current.id;
        return html`<label class="way" title=${visible(sentence)}>
          <input
            type="radio"
            class="sr-only"
            name="way"
            .checked=${chosen}
            ?disabled=${running}
            @change=${() => choose(id)}
          />
          <span class="way-title">${visible(title)}</span>
          ${size(method, estimates[id], before, largest)}
          <span class="way-sentence muted small">${visible(sentence)}</span>
        </label>`;
      })}
    </div>`;
}

/** A bar with the expected size; the place is there before the number is. */
function size(
  { estimates: sized }: MethodForm,
  state: EstimateState | undefined,
  before: number,
  largest: number,
): TemplateResult {
  const last = state?.last;
  const at = (value: number) => (value / largest) * barWidth;
  if (last === undefined) {
    const why = !sized ? 'only the run tells' : state?.state === 'failed' ? 'not known' : '';
    return html`<span class="way-bar"></span><span class="way-size muted small">${why}</span>`;
  }
  return html`<svg class="way-bar" width=${barWidth + 1} height="14" aria-hidden="true">
      ${svg`<rect class="amount guess series-b" x="0.5" y="2.5" width=${Math.max(1, at(last.after) - 1)} height="9"></rect>
        <line class="whisker" x1=${at(last.low)} x2=${at(last.high)} y1="7" y2="7"></line>`}
    </svg>
    <span class="way-size tabular" title="about ${exactBytes(last.after)}; ${visible(last.note)}"
      ><span class="way-bytes">${bytes(last.after)}</span> ${shareOf(last.after / Math.max(1, before))}</span
    >`;
}
