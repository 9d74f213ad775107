// The slim bar above the graph: what the model is, search, and the one primary button.

import { html, nothing, type TemplateResult } from 'lit';
import type { EditorCommand } from '../../daemon/protocol/page';
import type { EditorState } from '../state/editorState';
import { bytes, count, exactBytes, plural, whole } from './format';
import { icon, iconButton } from './icon';
import { jobMenu } from './jobMenu';
import { elide, fullText, visible } from './text';

export interface TopBarActions {
  command: (command: EditorCommand) => void;
  search: (query: string) => void;
  /** Goes to the next (1) or previous (-1) hit. */
  cycle: (step: 1 | -1) => void;
  leaveSearch: () => void;
  toggleInspector: () => void;
  showModel: () => void;
}

const needsTrust = 'It runs the model, so the workspace must be trusted first.';

export function topBar(state: EditorState, actions: TopBarActions): TemplateResult {
  const { inspection } = state;
  const mayRun = state.trusted && inspection !== undefined && inspection.nodes > 0;
  const why = state.trusted ? '' : needsTrust;
  return html`<header class="top-bar">
    <div class="model-facts">
      <h1 title=${fullText(inspection?.file ?? state.fileName)}>${elide(state.fileName, 40)}</h1>
      ${inspection === undefined ? nothing : modelFacts(state, actions)}
    </div>
    ${searchBox(state, actions)}
    <button
      type="button"
      class="secondary"
      title="Serve this model on this machine. ${why}"
      ?disabled=${!mayRun}
      @click=${() => actions.command('deploy')}
    >
      Deploy…
    </button>
    <button
      type="button"
      class="primary"
      title="Make int8 versions of this model, measure them beside it, and choose. ${why}"
      ?disabled=${!mayRun}
      @click=${() => actions.command('compress')}
    >
      Compress and Benchmark
    </button>
    ${jobMenu(mayRun ? 'all' : state.trusted && /\.ort$/i.test(state.fileName) ? 'measuring' : 'none', actions.command)}
    ${iconButton(
      state.inspectorOpen ? 'layout-sidebar-right' : 'layout-sidebar-right-off',
      state.inspectorOpen ? 'Hide the inspector' : 'Show the inspector',
      actions.toggleInspector,
      { pressed: state.inspectorOpen },
    )}
  </header>`;
}

function modelFacts({ inspection }: EditorState, actions: TopBarActions): TemplateResult {
  if (inspection === undefined) return html``;
  const errors = inspection.diagnostics.filter(({ severity }) => severity === 'error').length;
  const warnings = inspection.diagnostics.filter(({ severity }) => severity === 'warning').length;
  const size = inspection.fileBytes + inspection.externalBytes;
  const opset = inspection.opsets['ai.onnx'];
  const assumed = Object.entries(inspection.assumed)
    .map(([name, value]) => `${visible(name)} = ${value}`)
    .join(', ');
  const list: [string, string][] = [];
  if (opset !== undefined) list.push([`opset ${opset}`, `IR version ${inspection.irVersion}`]);
  list.push([bytes(size), exactBytes(size)]);
  list.push([`${count(inspection.parameters)} parameters`, whole(inspection.parameters)]);
  if (inspection.macs !== null) {
    list.push([
      `${count(inspection.macs)} MACs`,
      `${whole(inspection.macs)} multiply-accumulates of one run${assumed === '' ? '' : `, assumed ${assumed}`}`,
    ]);
  }
  return html`<ul class="fact-line muted">
      ${list.map(([text, title]) => html`<li class="tabular" title=${title}>${text}</li>`)}
    </ul>
    ${
      errors + warnings === 0
        ? nothing
        : html`<button
            type="button"
            class="problem-count"
            title="Show the problems of this model"
            aria-label="${plural(errors, 'error')}, ${plural(warnings, 'warning')}"
            @click=${actions.showModel}
          >
            ${errors > 0 ? html`${icon('error', 'severity-error')}${errors}` : nothing}
            ${warnings > 0 ? html`${icon('warning', 'severity-warning')}${warnings}` : nothing}
          </button>`
    }`;
}

function searchBox(state: EditorState, actions: TopBarActions): TemplateResult {
  const searching = state.query.trim() !== '';
  const found =
    state.hits.length === 0 ? 'No results' : `${whole(state.hit + 1)} of ${whole(state.hits.length)}`;
  const onKey = (event: KeyboardEvent) => {
    if (event.key === 'Enter') actions.cycle(event.shiftKey ? -1 : 1);
    else if (event.key === 'Escape') actions.leaveSearch();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return html`<div class="search ${searching && state.hits.length === 0 ? 'no-results' : ''}" role="search">
    ${icon('search')}
    <input
      type="text"
      id="search"
      placeholder="Find node"
      title="Name or operator; also op:Conv, type:float16, shape:64×56, attr:stride, scope:layers.0"
      aria-label="Find a node by name or operator"
      aria-describedby="search-count"
      autocomplete="off"
      spellcheck="false"
      .value=${state.query}
      ?disabled=${state.table === undefined}
      @input=${(event: InputEvent) => actions.search((event.target as HTMLInputElement).value)}
      @keydown=${onKey}
    />
    <span id="search-count" class="muted tabular" role="status">${searching ? found : ''}</span>
    ${
      searching && state.hits.length > 1
        ? html`${iconButton('arrow-up', 'Previous match (Shift+Enter)', () => actions.cycle(-1))}
          ${iconButton('arrow-down', 'Next match (Enter)', () => actions.cycle(1))}`
        : nothing
    }
  </div>`;
}
