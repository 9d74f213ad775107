// One field of a form: label, control, and what is wrong with its value.

import { html, nothing, type TemplateResult } from 'lit';
import type { Control, Field, FieldValue, FormRule } from '../../daemon/protocol/jobPage';
import { plural } from '../ui/format';
import { icon, iconButton } from '../ui/icon';
import { elide, fullText, visible } from '../ui/text';
import { isEmpty, problemOf, withValue } from './state';

export interface FieldActions {
  change: (name: string, value: FieldValue | undefined) => void;
  /** Shows the help of a field; undefined leaves it as it is. */
  help: (name: string) => void;
  /** Asks the host for a path. */
  pick: (name: string) => Promise<string | null>;
}

const fileName = (path: string) =>
  path
    .split(/[\\/]/)
    .filter((part) => part !== '')
    .pop() ?? path;

export function fieldView(
  field: Field,
  value: FieldValue | undefined,
  disabled: boolean,
  actions: FieldActions,
  rule?: FormRule,
): TemplateResult {
  const id = `field-${field.name}`;
  const problem = problemOf(field, value);
  // A needed field that is still empty is no mistake yet: the button says what is missing.
  const shown = isEmpty(value) ? undefined : (problem ?? (rule?.stops === true ? rule.says : undefined));
  const note = shown === undefined && rule?.stops === false ? rule.says : undefined;
  const help = () => actions.help(field.name);
  const group =
    field.control.kind === 'many' || field.control.kind === 'sizes' || field.control.kind === 'paths';
  const label = html`${visible(field.label)}${
    field.required
      ? html`<span class="needed" title="Needed"> *<span class="sr-only"> needed</span></span>`
      : nothing
  }`;
  const control = controlView({ field, id, value, disabled, invalid: shown !== undefined, actions });
  const inside = html`${control}
  ${shown === undefined ? nothing : html`<p class="field-problem" id="${id}-problem">${shown}</p>`}
  ${note === undefined ? nothing : html`<p class="field-note muted small">${note}</p>`}`;
  if (field.control.kind === 'flag') {
    return html`<div class="field flag" @focusin=${help} @pointerenter=${help} title=${plain(field.help)}>
      ${inside}<label for=${id}>${label}</label>
    </div>`;
  }
  return group
    ? html`<fieldset class="field" @focusin=${help} @pointerenter=${help} ?disabled=${disabled}>
        <legend title=${plain(field.help)}>${label}</legend>
        ${inside}
      </fieldset>`
    : html`<div class="field" @focusin=${help} @pointerenter=${help}>
        <label for=${id} title=${plain(field.help)}>${label}</label>
        ${inside}
      </div>`;
}

/** Help without the marks of code. */
export const plain = (text: string): string => text.replaceAll('`', '');

interface Parts {
  field: Field;
  id: string;
  value: FieldValue | undefined;
  disabled: boolean;
  invalid: boolean;
  actions: FieldActions;
}

function controlView(parts: Parts): TemplateResult {
  const { control } = parts.field;
  switch (control.kind) {
    case 'choice':
      return choice(parts, control);
    case 'many':
      return many(parts, control);
    case 'flag':
      return html`<input
        type="checkbox"
        id=${parts.id}
        aria-describedby="form-help"
        .checked=${parts.value === true}
        ?disabled=${parts.disabled}
        @change=${(event: Event) => set(parts, (event.target as HTMLInputElement).checked || undefined)}
      />`;
    case 'number':
      return textInput(parts, 'decimal', (text) => (text.trim() === '' ? undefined : Number(text)));
    case 'numbers':
      return textInput(parts, 'text', (text) => words(text).map(Number));
    case 'names':
      return textInput(parts, 'text', words);
    case 'text':
      return textInput(parts, 'text', (text) => text.trim());
    case 'shares':
      return textInput(parts, 'text', sharesOf, 'layer=0.3, other=0');
    case 'sizes':
      return sizes(parts, control);
    case 'path':
      return control.use === 'newModel' || control.use === 'newFile'
        ? newPath(parts, control)
        : path(parts, control);
    case 'paths':
      return paths(parts, control);
  }
}

const set = ({ field, actions }: Parts, value: FieldValue | undefined) => actions.change(field.name, value);

const words = (text: string): string[] =>
  text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');

/** `conv1=0.3, conv2=0`; what is no share stays and is complained of. */
const sharesOf = (text: string): Record<string, number> =>
  Object.fromEntries(
    words(text).map((word) => {
      const at = word.lastIndexOf('=');
      return at < 1
        ? [word, Number.NaN]
        : [word.slice(0, at).trim(), Number(word.slice(at + 1).trim() || 'NaN')];
    }),
  );

const sharesText = (value: Readonly<Record<string, number>>) =>
  Object.entries(value)
    .map(([name, share]) => (Number.isNaN(share) ? name : `${name}=${share}`))
    .join(', ');

/** Said to screen readers: the help line, and the problem where there is one. */
const described = ({ id, invalid }: Parts) => (invalid ? `form-help ${id}-problem` : 'form-help');

function textInput(
  parts: Parts,
  mode: 'text' | 'decimal',
  read: (text: string) => FieldValue | undefined,
  placeholder?: string,
): TemplateResult {
  const { id, value, disabled, invalid } = parts;
  const text = textOf(value);
  return html`<input
    type="text"
    class="input"
    id=${id}
    inputmode=${mode}
    autocomplete="off"
    spellcheck="false"
    placeholder=${placeholder ?? emptyMeans(parts.field)}
    aria-invalid=${invalid}
    aria-describedby=${described(parts)}
    .value=${text === 'NaN' ? '' : text}
    ?disabled=${disabled}
    @change=${(event: Event) => set(parts, read((event.target as HTMLInputElement).value))}
  />`;
}

/** What stands in an empty field: what it means, where that says more than that something is chosen. */
function emptyMeans({ control: { kind }, required, absent }: Field): string {
  if (required) return '';
  return kind === 'number' || absent !== 'Automatic' ? visible(absent) : '';
}

function textOf(value: FieldValue | undefined): string {
  if (value === undefined) return '';
  if (Array.isArray(value)) return value.join(', ');
  return typeof value === 'object' ? sharesText(value) : String(value);
}

function choice(parts: Parts, { options }: Control & { kind: 'choice' }): TemplateResult {
  const { field, id, value, disabled } = parts;
  const at = options.findIndex((option) => option.value === value);
  return html`<select
      id=${id}
      class="input"
      aria-describedby=${described(parts)}
      ?disabled=${disabled}
      @change=${(event: Event) => {
        const index = Number((event.target as HTMLSelectElement).value);
        set(parts, index < 0 ? undefined : options[index]!.value);
      }}
    >
      ${field.required && at >= 0 ? nothing : html`<option value="-1" .selected=${at < 0}>${visible(field.absent)}</option>`}
      ${options.map(({ label, note }, i) => html`<option value=${i} .selected=${at === i}>${visible(label)}${note === undefined ? '' : ` (${visible(note)})`}</option>`)}
    </select>
    ${options[at]?.why === undefined ? nothing : html`<p class="field-note muted small wrap">${visible(options[at].why)}</p>`}`;
}

function many(parts: Parts, { options }: Control & { kind: 'many' }): TemplateResult {
  const { field, value, disabled } = parts;
  const chosen = Array.isArray(value) ? value.map(String) : [];
  return html`<div class="checks">
      ${options.map(
        ({ value: one, label, note, why }) =>
          html`<label class="check" title=${why === undefined ? nothing : fullText(why)}
            ><input
              type="checkbox"
              name=${field.name}
              aria-describedby="form-help"
              .checked=${chosen.includes(String(one))}
              ?disabled=${disabled}
              @change=${(event: Event) => {
                const on = (event.target as HTMLInputElement).checked;
                const next = options
                  .map((option) => String(option.value))
                  .filter((word) => (word === String(one) ? on : chosen.includes(word)));
                set(parts, next.length === 0 ? undefined : next);
              }}
            />${visible(label)}${note === undefined ? nothing : html` <span class="muted small">${visible(note)}</span>`}</label
          >`,
      )}
    </div>
    ${options
      .filter(({ value: one, why }) => why !== undefined && chosen.includes(String(one)))
      .map(({ why = '' }) => html`<p class="field-note muted small wrap">${visible(why)}</p>`)}`;
}

function sizes(parts: Parts, { names }: Control & { kind: 'sizes' }): TemplateResult {
  const { value, disabled } = parts;
  const known = typeof value === 'object' && !Array.isArray(value) ? value : {};
  if (names === null) return html`<p class="muted small">Reading the model.</p>`;
  if (names.length === 0)
    return html`<p class="muted small">All dimensions of this model are numbers already.</p>`;
  return html`<div class="sizes">
    ${names.map(
      (name) =>
        html`<label class="size"
          ><span title=${fullText(name)}>${elide(name, 24)}</span
          ><input
            type="text"
            class="input"
            inputmode="numeric"
            placeholder="free"
            aria-describedby="form-help"
            aria-invalid=${Number.isNaN(known[name])}
            .value=${known[name] === undefined || Number.isNaN(known[name]) ? '' : String(known[name])}
            ?disabled=${disabled}
            @change=${(event: Event) => {
              const text = (event.target as HTMLInputElement).value.trim();
              const size = Number(text);
              const wrong = !Number.isInteger(size) || size < 0;
              const next = withValue(known, name, text === '' ? undefined : wrong ? Number.NaN : size);
              set(parts, Object.keys(next).length === 0 ? undefined : next);
            }}
        /></label>`,
    )}
  </div>`;
}

/** A path to read: what lies at hand in a list, anything else by a dialog. */
function path(parts: Parts, { offers }: Control & { kind: 'path' }): TemplateResult {
  const { field, id, value, disabled, actions } = parts;
  const current = typeof value === 'string' ? value : '';
  const list = current === '' || offers.includes(current) ? offers : [current, ...offers];
  return html`<div class="with-button">
    <select
      id=${id}
      class="input"
      title=${current === '' ? nothing : fullText(current)}
      aria-describedby=${described(parts)}
      ?disabled=${disabled}
      @change=${(event: Event) => {
        const at = Number((event.target as HTMLSelectElement).value);
        set(parts, at < 0 ? undefined : list[at]);
      }}
    >
      <option value="-1" .selected=${current === ''}>${field.required ? 'Choose…' : 'None'}</option>
      ${list.map((one, i) => html`<option value=${i} .selected=${one === current}>${elide(fileName(one), 44)}</option>`)}
    </select>
    ${browse(parts, (picked) => actions.change(field.name, picked))}
  </div>`;
}

function browse({ field, disabled, actions }: Parts, use: (picked: string) => void): TemplateResult {
  return iconButton(
    'folder-opened',
    `Browse for ${field.label.toLowerCase()}`,
    () =>
      void actions.pick(field.name).then((picked) => {
        if (picked !== null) use(picked);
      }),
    { disabled },
  );
}

/** A path to write: a name beside the model, or anywhere by a dialog. */
function newPath(parts: Parts, { placeholder }: Control & { kind: 'path' }): TemplateResult {
  const { field, actions } = parts;
  return html`<div class="with-button">
    ${textInput(parts, 'text', (text) => text.trim() || undefined, placeholder ?? 'Nowhere')}
    ${browse(parts, (picked) => actions.change(field.name, picked))}
  </div>`;
}

/** Files that are offered at once; the others fold away. */
const shownOffers = 6;

function paths(parts: Parts, { offers }: Control & { kind: 'paths' }): TemplateResult {
  const { field, value, disabled, actions } = parts;
  const chosen = Array.isArray(value) ? value.map(String) : [];
  const list = [...offers, ...chosen.filter((one) => !offers.includes(one))];
  const isFirst = (one: string, at: number) => at < shownOffers || !offers.includes(one);
  const first = list.length <= shownOffers + 1 ? list : list.filter(isFirst);
  const others = list.filter((one) => !first.includes(one));
  const box = (one: string) =>
    html`<label class="check" title=${fullText(one)}
      ><input
        type="checkbox"
        aria-describedby="form-help"
        .checked=${chosen.includes(one)}
        ?disabled=${disabled}
        @change=${(event: Event) => {
          const on = (event.target as HTMLInputElement).checked;
          const next = list.filter((other) => (other === one ? on : chosen.includes(other)));
          set(parts, next.length === 0 ? undefined : next);
        }}
      />${elide(fileName(one), 44)}</label
    >`;
  return html`<div class="checks column">
    ${first.map(box)}
    ${
      others.length === 0
        ? nothing
        : html`<details class="more-offers" ?open=${others.some((one) => chosen.includes(one))}>
            <summary>
              ${icon('chevron-right', 'fold')}
              <span class="muted">${plural(others.length, 'other model')} of the folder</span>
            </summary>
            <div class="checks column">${others.map(box)}</div>
          </details>`
    }
    <button
      type="button"
      class="link"
      ?disabled=${disabled}
      @click=${() =>
        void actions.pick(field.name).then((picked) => {
          if (picked !== null && !chosen.includes(picked)) actions.change(field.name, [...chosen, picked]);
        })}
    >
      Add another…
    </button>
  </div>`;
}
