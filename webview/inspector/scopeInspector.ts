// The inspector of one scope: what is in it, and for a repeat which of its members is shown.

import { html, nothing, type TemplateResult } from 'lit';
import type { ModelTable } from '../graph/modelTable';
import { GroupKind, membersOf, scopeTitle, type GraphTable, type Opening } from '../graph/table';
import { bytes, exactBytes, whole } from '../ui/format';
import { iconButton } from '../ui/icon';
import { elide, fullText } from '../ui/text';
import { facts, nameText, section, type Fact } from './parts';

export interface ScopeActions {
  toggle: () => void;
  step: (by: 1 | -1) => void;
  selectRow: (row: number) => void;
  find: (op: string) => void;
  /** Opens the text of the scope. */
  openText: () => void;
  /** Saves the scope as a model of its own; undefined inside functions. */
  extract: (() => void) | undefined;
  close: () => void;
}

const mostOps = 16;

export function scopeInspector(
  table: GraphTable,
  scope: number,
  opening: Opening,
  actions: ScopeActions,
): TemplateResult {
  const { model } = table;
  const row = model.rows + scope;
  const isRepeat = model.groupKind[scope] === GroupKind.repeat;
  const open = opening.open.has(scope);
  const weights = model.weights[row]!;
  const list: Fact[] = [{ label: 'Name', value: nameText(model.name[row]!) }];
  if (model.groupClass[scope] !== '')
    list.push({ label: 'Class', value: nameText(model.groupClass[scope]!) });
  list.push({ label: 'Nodes', value: whole(model.groupNodes[scope]!) });
  if (isRepeat)
    list.push({ label: 'Members', value: `${whole(model.groupChildren[scope]!)}, of equal structure` });
  if (weights > 0) list.push({ label: 'Weights', value: bytes(weights), title: exactBytes(weights) });
  if (model.groupKind[scope] === GroupKind.chunk) {
    list.push({ label: 'Made from', value: 'the order of nodes, as the model names no scopes' });
  }
  const ops = operatorCounts(table, scope);
  return html`
    <header class="inspector-head">
      <h2 title=${fullText(model.name[row]!)}>${scopeTitle(model, scope)}</h2>
      ${iconButton('close', 'Back to the model', actions.close)}
    </header>
    <div class="pad buttons">
      <button type="button" class="secondary" @click=${actions.toggle}>
        ${open ? 'Close Scope' : 'Open Scope'}
      </button>
    </div>
    ${section(
      'Scope',
      html`${facts(list)}
        <p class="links">
          <button
            type="button"
            class="link"
            title="The nodes of this scope as a graph of its own, in ONNX's textual form"
            @click=${actions.openText}
          >
            Open as text
          </button>
          ${
            actions.extract === undefined
              ? nothing
              : html`<button
                  type="button"
                  class="link"
                  title="The nodes of this scope as a model of their own"
                  @click=${actions.extract}
                >
                  Save as model…
                </button>`
          }
        </p>`,
    )}
    ${isRepeat ? section('Member shown', members(table, scope, opening, actions)) : nothing}
    ${section(
      'Operators',
      html`<ul class="plain">
        ${ops.slice(0, mostOps).map(
          ([op, count]) =>
            html`<li class="typed">
              <button
                type="button"
                class="link"
                title="Find ${fullText(op)}"
                @click=${() => actions.find(op)}
              >
                ${elide(op, 28)}
              </button>
              <span class="muted small tabular"> ${whole(count)}</span>
            </li>`,
        )}
      </ul>`,
      whole(model.groupNodes[scope]!),
    )}
  `;
}

function members(
  { model }: GraphTable,
  scope: number,
  opening: Opening,
  actions: ScopeActions,
): TemplateResult {
  const all = membersOf(model, scope);
  const at = Math.min(all.length - 1, opening.steps.get(scope) ?? 0);
  const shown = all[at];
  return html`<div class="stepper">
    ${iconButton('chevron-left', 'Previous member ([)', () => actions.step(-1))}
    <span class="tabular" role="status">
      ${shown === undefined ? '' : elide(model.name[model.rows + shown]!, 24)}
      <span class="muted">${whole(at + 1)} of ${whole(all.length)}</span>
    </span>
    ${iconButton('chevron-right', 'Next member (])', () => actions.step(1))}
  </div>`;
}

const counted = new WeakMap<ModelTable, Map<number, [string, number][]>>();

/** Operators inside a scope at any depth, the most frequent first; counted once. */
function operatorCounts({ model }: GraphTable, scope: number): [string, number][] {
  const known = counted.get(model) ?? new Map<number, [string, number][]>();
  counted.set(model, known);
  let counts = known.get(scope);
  if (counts === undefined) known.set(scope, (counts = countOperators(model, scope)));
  return counts;
}

function countOperators(model: ModelTable, scope: number): [string, number][] {
  const inside = new Uint8Array(model.groups);
  const counts = new Map<string, number>();
  inside[scope] = 1;
  for (let g = scope + 1; g < model.groups; g++) {
    const parent = model.groupParent[g]!;
    if (parent >= 0 && inside[parent] === 1) inside[g] = 1;
  }
  for (let row = 0; row < model.rows; row++) {
    const g = model.group[row]!;
    if (g < 0 || inside[g] === 0 || model.foldedInto[row] !== -1) continue;
    counts.set(model.op[row]!, (counts.get(model.op[row]!) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1]);
}
