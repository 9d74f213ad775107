// The middle of the model editor: stage, minimap, zoom buttons, way back from nested graphs, and what stands
// there while there is no picture (waiting, empty, failed).

import { html, nothing, type TemplateResult } from 'lit';
import { ErrorCode } from '../../daemon/protocol/errors';
import type { EditorState } from '../state/editorState';
import { diagnosticList } from '../ui/diagnostics';
import { plural, whole } from '../ui/format';
import { icon, iconButton } from '../ui/icon';
import { elide, fullText, visible } from '../ui/text';
import { treeItemId, treeItems } from './graphTree';
import { overlayLegend, type OverlayActions } from './overlayLegend';
import type { Picture } from './picture';

export interface GraphAreaActions {
  zoom: (direction: 1 | -1) => void;
  fit: () => void;
  openLevels: (levels: number) => void;
  setFlat: (flat: boolean) => void;
  /** Shows Q and DQ nodes inside their operators, or as boxes of their own. */
  setFold: (fold: boolean) => void;
  /** Shows the names of nodes and values, or leaves them out. */
  setNames: (names: boolean) => void;
  clearTrace: () => void;
  /** Saves what is traced as a model of its own. */
  saveTrace: () => void;
  /** Copies the names of the nodes that are traced. */
  copyTrace: () => void;
  /** Saves the whole graph as a picture. */
  save: (format: 'png' | 'svg') => void;
  openScope: (scope: string) => void;
  /** Opens again; `whole` draws what was refused as too dense. */
  retry: (whole?: boolean) => void;
  cancelLayout: () => void;
  showLog: () => void;
  overlay: OverlayActions;
}

export function graphArea(
  state: EditorState,
  picture: Picture | undefined,
  actions: GraphAreaActions,
): TemplateResult {
  const drawn =
    state.selected === undefined || state.table === undefined ? -1 : state.table.drawnOf[state.selected]!;
  const nodes = picture === undefined ? '' : `, ${plural(picture.reading.length, 'node')}`;
  return html`<main class="graph-area">
    <div
      class="stage"
      id="stage"
      role="tree"
      tabindex="0"
      aria-label="Graph of ${elide(state.fileName)}${nodes}. Alt with an arrow key walks along edges; arrow keys move the view."
      aria-activedescendant=${drawn >= 0 ? treeItemId(drawn) : nothing}
      aria-busy=${state.phase.name === 'opening' || state.phase.name === 'layingOut'}
    >
      <canvas class="graph" aria-hidden="true"></canvas>
      <div class="sr-only" role="presentation">${treeItems(picture, drawn >= 0 ? drawn : undefined)}</div>
    </div>
    <div class="corner">${breadcrumb(state, actions)}${overlayLegend(state, actions.overlay)}</div>
    ${traceNote(state, actions)}
    <canvas class="minimap" aria-hidden="true" hidden></canvas>
    <div class="zoom-bar" role="toolbar" aria-label="View" ?hidden=${picture === undefined}>
      ${iconButton('zoom-in', 'Zoom in (+)', () => actions.zoom(1))}
      ${iconButton('zoom-out', 'Zoom out (−)', () => actions.zoom(-1))}
      ${iconButton('screen-full', 'Show the whole graph (0)', actions.fit)}
      ${iconButton('file-media', 'Save the graph as PNG', () => actions.save('png'))}
      ${iconButton('file-code', 'Save the graph as SVG', () => actions.save('svg'))}
      ${iconButton(
        'tag',
        state.showNames ? 'Hide the names of nodes and values (n)' : 'Show the names of nodes and values (n)',
        () => actions.setNames(!state.showNames),
        { pressed: state.showNames },
      )}
      ${
        (state.table?.model.foldable ?? 0) === 0
          ? nothing
          : iconButton(
              'fold',
              state.foldQuantization
                ? 'Show QuantizeLinear and DequantizeLinear as boxes'
                : 'Fold quantization into its operators',
              () => actions.setFold(!state.foldQuantization),
              { pressed: state.foldQuantization },
            )
      }
      ${
        (state.table?.model.groups ?? 0) === 0
          ? nothing
          : iconButton(
              'list-tree',
              state.opening.flat ? 'Group nodes into scopes' : 'Show all nodes without scopes',
              () => actions.setFlat(!state.opening.flat),
              { pressed: !state.opening.flat },
            )
      }
      ${
        !hasLevels(state)
          ? nothing
          : html`${iconButton('collapse-all', 'Close all scopes (1)', () => actions.openLevels(0))}
            ${iconButton('expand-all', 'Open one level more (2 to 9: so many levels)', () =>
              actions.openLevels(openDepth(state) + 1),
            )}`
      }
    </div>
    ${instead(state, picture, actions)}
  </main>`;
}

function traceNote({ trace }: EditorState, actions: GraphAreaActions) {
  if (trace === undefined) return nothing;
  return html`<div class="trace-note" role="status">
    <span>${trace.words}${trace.rows.size === 0 ? '' : `, ${plural(trace.rows.size, 'node')}`}</span>
    ${
      trace.part === undefined
        ? nothing
        : html`<button
            type="button"
            class="link"
            title="These nodes as a model of their own"
            @click=${actions.saveTrace}
          >
            Save as Model…
          </button>`
    }
    ${
      trace.rows.size === 0
        ? nothing
        : html`<button
            type="button"
            class="link"
            title="The names of these nodes, one a line"
            @click=${actions.copyTrace}
          >
            Copy Names
          </button>`
    }
    <button type="button" class="link" title="Clear the trace (Escape)" @click=${actions.clearTrace}>
      Clear
    </button>
  </div>`;
}

/** Whether there is anything that opens: scopes, or functions where they are called. */
const hasLevels = ({ table }: EditorState): boolean =>
  table !== undefined && (table.model.groups > 0 || table.model.callee.some((callee) => callee !== ''));

/** Levels of scopes that are open. */
function openDepth({ table, opening }: EditorState): number {
  let deepest = 0;
  for (const scope of opening.open) {
    let depth = 0;
    for (let g = scope; g >= 0 && table !== undefined; g = table.model.groupParent[g]!) depth += 1;
    deepest = Math.max(deepest, depth);
  }
  return deepest;
}

/** Nested graphs that the way shows; of a longer one the last. */
const mostCrumbs = 3;

function breadcrumb({ scope, trail }: EditorState, actions: GraphAreaActions) {
  if (scope === '') return nothing;
  const hidden = trail.length > mostCrumbs ? trail.length - mostCrumbs : 0;
  // Each as far as the one before it does not say it.
  const words = (at: number) => trail[at]!.slice(at === 0 ? 0 : trail[at - 1]!.length + 1);
  return html`<nav class="breadcrumb" aria-label="Nested graph">
    <button type="button" class="link" @click=${() => actions.openScope('')}>main graph</button>
    ${hidden > 0 ? html`${icon('chevron-right')}<span class="muted">${whole(hidden)} more</span>` : nothing}
    ${trail.slice(hidden).map((path, i) => {
      const at = hidden + i;
      return html`${icon('chevron-right')}${
        at === trail.length - 1
          ? html`<span class="here" title=${fullText(path)}>${elide(words(at), 60)}</span>`
          : html`<button
              type="button"
              class="link"
              title=${fullText(path)}
              @click=${() => actions.openScope(path)}
            >
              ${elide(words(at), 32)}
            </button>`
      }`;
    })}
  </nav>`;
}

/** What is shown where no picture can be. */
function instead(state: EditorState, picture: Picture | undefined, actions: GraphAreaActions) {
  const { phase, inspection } = state;
  switch (phase.name) {
    case 'opening':
    case 'layingOut':
      if (!state.slow || (picture !== undefined && phase.name === 'opening')) return nothing;
      return waiting(phase.name === 'opening' ? undefined : phase.nodes, picture === undefined, actions);
    case 'layoutCancelled':
      return message(
        'circle-slash',
        'The graph is not drawn',
        html`<p>Its layout was cancelled. The inspector shows everything else about the model.</p>`,
        html`<button type="button" class="primary" @click=${() => actions.retry()}>
          Draw ${plural(phase.nodes, 'Node')}
        </button>`,
      );
    case 'failed':
      if (phase.error.code === ErrorCode.unsupported)
        return message(
          'circle-slash',
          'Too dense for a picture',
          html`<p class="wrap">${visible(phase.error.message)}</p>`,
          html`<button type="button" class="primary" @click=${() => actions.retry(true)}>
            Draw It Anyway
          </button>`,
        );
      return message(
        'error',
        'This model cannot be shown',
        html`<p class="wrap">${visible(phase.error.message)}</p>
          ${phase.error.diagnostics === undefined ? nothing : diagnosticList(phase.error.diagnostics)}`,
        html`<button type="button" class="primary" @click=${() => actions.retry()}>Try Again</button>
          <button type="button" class="secondary" @click=${actions.showLog}>Show Log</button>`,
      );
    case 'ready':
      if (picture !== undefined && picture.reading.length > 0) return nothing;
      return (inspection?.diagnostics.length ?? 0) > 0
        ? message(
            'warning',
            'There is no graph to draw',
            html`<p>The file was read as far as it goes:</p>
              ${diagnosticList(inspection?.diagnostics ?? [], undefined, 8)}
              <p class="muted">Export or copy the model again and save it here.</p>`,
            html`<button type="button" class="primary" @click=${() => actions.retry()}>Read Again</button>`,
          )
        : message(
            'symbol-structure',
            'This graph is empty',
            html`<p>The model has no operators. The inspector shows its inputs, outputs and metadata.</p>`,
            nothing,
          );
  }
}

function waiting(nodes: number | undefined, first: boolean, actions: GraphAreaActions) {
  return html`<div class="waiting ${first ? '' : 'over-picture'}">
    ${
      first
        ? html`<div class="skeleton" aria-hidden="true">
            <div class="bone"></div>
            <div class="bone wide"></div>
            <div class="pair">
              <div class="bone"></div>
              <div class="bone narrow"></div>
            </div>
            <div class="bone wide"></div>
            <div class="bone"></div>
          </div>`
        : nothing
    }
    <p role="status">
      ${nodes === undefined ? 'Reading the model…' : `Arranging ${plural(nodes, 'node')}…`}
      ${
        nodes === undefined
          ? nothing
          : html`<button type="button" class="link" @click=${actions.cancelLayout}>Cancel</button>`
      }
    </p>
  </div>`;
}

function message(
  name: string,
  title: string,
  body: TemplateResult,
  buttons: TemplateResult | typeof nothing,
): TemplateResult {
  return html`<div class="message">
    <div class="message-body" role="alert">
      ${icon(name, 'large')}
      <h2>${title}</h2>
      ${body}
      <div class="buttons">${buttons}</div>
    </div>
  </div>`;
}
