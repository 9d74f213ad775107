// The form of a job: which way, its fields, the line of help below them, what it will cost, and the button.

import { html, nothing, type TemplateResult } from 'lit';
import type { FormValues, MethodForm } from '../../daemon/protocol/jobPage';
import { icon } from '../ui/icon';
import { visible } from '../ui/text';
import { fieldView, type FieldActions } from './field';
import { brokenRules, formProblem, valuesOf, type JobState } from './state';

export interface FormActions extends FieldActions {
  choose: (method: string) => void;
  unfold: (open: boolean) => void;
  run: () => void;
  copyCommand: () => void;
  manageTrust: () => void;
}

export function formView(
  state: JobState,
  method: MethodForm,
  running: boolean,
  actions: FormActions,
): TemplateResult {
  const values = valuesOf(state, method);
  const front = method.fields.filter(({ more }) => !more);
  const more = method.fields.filter((field) => field.more);
  const broken = brokenRules(method, values);
  const field = (one: MethodForm['fields'][number]) => {
    const rule = broken.find((each) => each.field === one.name);
    return fieldView(one, values[one.name], running, actions, rule);
  };
  return html`<form
    class="job-form"
    aria-label="Options"
    @submit=${(event: Event) => {
      event.preventDefault();
      actions.run();
    }}
  >
    ${methods(state, method, running, actions)}
    <p class="sentence" id="method-sentence">${visible(method.sentence)}</p>
    ${front.map(field)}
    ${
      more.length === 0
        ? nothing
        : html`<details
            class="more"
            .open=${state.moreOpen}
            @toggle=${(event: Event) => actions.unfold((event.target as HTMLDetailsElement).open)}
          >
            <summary>
              ${icon('chevron-right', 'fold')}
              <span>More options</span>
              ${changed(more, values)}
            </summary>
            <div class="more-fields">${more.map(field)}</div>
          </details>`
    }
    <div class="form-foot">${helpLine(state, method)} ${submit(state, method, values, running, actions)}</div>
  </form>`;
}

/** How many folded fields hold something. */
function changed(more: MethodForm['fields'], values: FormValues) {
  const set = more.filter(({ name }) => values[name] !== undefined).length;
  return set === 0 ? nothing : html`<span class="badge" title="Options that are set">${set}</span>`;
}

function methods({ page }: JobState, method: MethodForm, running: boolean, actions: FormActions) {
  const all = page?.methods ?? [];
  if (all.length < 2) return nothing;
  return html`<div class="field">
    <label for="method">Method</label>
    <select
      id="method"
      class="input"
      aria-describedby="method-sentence"
      ?disabled=${running}
      @change=${(event: Event) => actions.choose((event.target as HTMLSelectElement).value)}
    >
      ${all.map(
        ({ id, title }) => html`<option value=${id} .selected=${id === method.id}>${visible(title)}</option>`,
      )}
    </select>
  </div>`;
}

/** The help of the field that has the focus or the pointer, in a place of its own: nothing jumps. */
function helpLine({ helped }: JobState, method: MethodForm): TemplateResult {
  const field = method.fields.find(({ name }) => name === helped);
  return html`<p class="form-help muted small" id="form-help">
    ${
      field === undefined
        ? 'Point at an option, or move to it, to read what it does and what it costs. Everything may stay as it is.'
        : html`<strong>${visible(field.label)}.</strong> ${code(field.help)}`
    }
  </p>`;
}

/** Text with its `code` set as code. */
const code = (text: string) =>
  text.split('`').map((part, i) => (i % 2 === 1 ? html`<code>${visible(part)}</code>` : visible(part)));

function submit(
  state: JobState,
  method: MethodForm,
  values: FormValues,
  running: boolean,
  actions: FormActions,
): TemplateResult {
  const trusted = state.page?.trusted === true;
  const problem = formProblem(method, values);
  const why = running ? 'It is running already.' : problem;
  return html`<div class="submit">
      <button
        type="submit"
        class="primary"
        ?disabled=${!trusted || running || problem !== undefined}
        title=${why ?? nothing}
      >
        ${visible(method.verb)}
      </button>
      <button type="button" class="link" ?disabled=${problem !== undefined} @click=${actions.copyCommand}>
        Copy command line
      </button>
    </div>
    <p class="submit-why muted small" role="status">
      ${
        trusted
          ? (problem ?? '')
          : html`It runs the model, so the workspace must be trusted first.
              <button type="button" class="link" @click=${actions.manageTrust}>Manage Trust</button>`
      }
    </p>`;
}
