// The corner of the graph in which an overlay is chosen and its colours are explained.

import { html, nothing, svg, type TemplateResult } from 'lit';
import type { OverlayFormat } from '../../daemon/protocol/overlay';
import type { EditorState } from '../state/editorState';
import { inUnit, plural } from '../ui/format';
import { iconButton } from '../ui/icon';
import { menuButton } from '../ui/menu';
import { elide, fullText } from '../ui/text';

export interface OverlayActions {
  choose: (name: string | undefined) => void;
  /** Starts what measures values that are not there yet. */
  measure: (command: Measuring) => void;
  importFile: () => void;
  exportFile: (format: OverlayFormat) => void;
  toggleTable: () => void;
}

/** What can be measured and painted, with the command that does it; offered as long as it was not. */
const measurable = [
  { command: 'profile', title: 'Time of each node…', gives: 'profile.time', runs: true },
  { command: 'sensitivity', title: 'Error of each layer in int8…', gives: 'sensitivity.alone', runs: true },
  { command: 'cost', title: 'MACs and memory of each node', gives: 'cost.macs', runs: false },
] as const;
export type Measuring = (typeof measurable)[number]['command'];

const mostCategories = 7;

export function overlayLegend(state: EditorState, actions: OverlayActions): TemplateResult | typeof nothing {
  if (state.table === undefined) return nothing;
  const chosen = state.overlay?.paint.overlay.name ?? '';
  const saves: readonly [string, OverlayFormat][] = [
    ['Save as Model Explorer node data…', 'model-explorer'],
    ['Save as Netron attachment…', 'netron'],
    ['Save as CSV…', 'csv'],
  ];
  return html`<div class="overlay-legend ${chosen === '' ? '' : 'shown'}">
    <div class="overlay-bar">
      <select
        class="overlay-choice"
        aria-label="Values painted on the graph"
        title="Values painted on the graph"
        @change=${(event: Event) => {
          const select = event.target as HTMLSelectElement;
          const wanted = measurable.find(({ command }) => select.value === `measure ${command}`);
          if (wanted === undefined) actions.choose(select.value === '' ? undefined : select.value);
          else {
            // It is painted once it was measured; until then the choice stays.
            select.value = chosen;
            actions.measure(wanted.command);
          }
        }}
      >
        <option value="" ?selected=${chosen === ''}>No values</option>
        ${state.overlays.map(
          ({ name, title }) =>
            html`<option value=${name} ?selected=${name === chosen}>${elide(title, 40)}</option>`,
        )}
        ${measureGroup(state)}
      </select>
      ${iconButton(
        'table',
        state.valueTable.open ? 'Hide the table of nodes' : 'Show the table of nodes',
        actions.toggleTable,
        { pressed: state.valueTable.open },
      )}
      ${menuButton(
        'Values from and to files',
        [
          { label: 'Paint values from a file…', run: actions.importFile },
          ...saves.map(([label, format]) => ({
            label,
            run: () => actions.exportFile(format),
            disabled: chosen === '',
          })),
        ],
        'ellipsis',
      )}
    </div>
    ${state.overlay === undefined ? nothing : scale(state.overlay)}
  </div>`;
}

/** Values that nobody has measured yet: what one may look for here, a choice away. */
function measureGroup({ overlays, trusted }: EditorState): TemplateResult | typeof nothing {
  const missing = measurable.filter(({ gives }) => !overlays.some(({ name }) => name === gives));
  if (missing.length === 0) return nothing;
  return html`<optgroup label="Measure">
    ${missing.map(
      ({ command, title, runs }) =>
        html`<option value="measure ${command}" ?disabled=${runs && !trusted}>${title}</option>`,
    )}
  </optgroup>`;
}

function scale({ values, paint }: NonNullable<EditorState['overlay']>): TemplateResult {
  const { overlay, ramp, categories } = paint;
  const missing = values.unknown;
  const note =
    missing === 0
      ? nothing
      : html`<p class="small muted" title="They have no node of that name in the graph that is shown">
          ${plural(missing, 'value')} of other graphs
        </p>`;
  if (overlay.kind === 'category') {
    const rest = categories.length - mostCategories;
    return html`<ul class="overlay-names small">
        ${categories.slice(0, mostCategories).map(
          ({ name, colour, count }) =>
            html`<li title=${fullText(name)}>
              <svg width="10" height="10" aria-hidden="true">
                <rect width="10" height="10" rx="2" fill=${colour} />
              </svg>
              <span>${elide(name, 32)}</span><span class="muted tabular">${count}</span>
            </li>`,
        )}
      </ul>
      ${rest > 0 ? html`<p class="small muted">and ${plural(rest, 'other')}</p>` : nothing} ${note}`;
  }
  const better =
    overlay.higherIs === undefined ? nothing : html`<span class="muted">higher is ${overlay.higherIs}</span>`;
  return html`<svg
      class="overlay-ramp"
      viewBox="0 0 ${ramp.length} 1"
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      ${ramp.map((colour, i) => svg`<rect x=${i} y="0" width="1.02" height="1" fill=${colour}></rect>`)}
    </svg>
    <div class="overlay-ends small tabular">
      <span>${inUnit(paint.least, overlay.unit)}</span>${better}
      <span>${inUnit(paint.largest, overlay.unit)}</span>
    </div>
    ${note}`;
}
