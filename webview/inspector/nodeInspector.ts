// The inspector of one node: an operator, or an input or output of the graph.

import { html, nothing, type TemplateResult } from 'lit';
import type { NodeDetails } from '../../daemon/protocol/graph';
import type { PageError } from '../../daemon/protocol/page';
import { shortName } from '../../daemon/protocol/shortName';
import { familyOf } from '../graph/families';
import { NodeKind, scopeOfRow, shownRow, type GraphTable } from '../graph/table';
import { edgeLists } from '../graph/trace';
import type { TensorPreview } from '../state/editorState';
import { plural } from '../ui/format';
import { icon, iconButton } from '../ui/icon';
import { elide, fullText, visible } from '../ui/text';
import { quantizationSection } from './quantizationSection';
import { sourceSection, type SourceActions } from './sourceSection';
import { operatorSection } from './operatorSection';
import { tensorView, type TensorActions } from './tensorView';
import { facts, metadataFacts, nameText, section, typedName, typeText } from './parts';

export interface NodeActions extends TensorActions, SourceActions {
  /** Selects a drawn or folded row. */
  selectRow: (row: number) => void;
  openScope: (scope: string) => void;
  /** Opens or closes the function that this node calls. */
  toggle: () => void;
  /** Shows a node by itself, also one that is folded into another. */
  goTo: (row: number) => void;
  /** Marks what feeds this node (up) or what it feeds (down). */
  trace: (side: 'up' | 'down') => void;
  /** Opens the text of the graph at this node. */
  openText: (node: string) => void;
  close: () => void;
}

export interface NodeView {
  table: GraphTable;
  row: number;
  details: NodeDetails | PageError | undefined;
  previews: ReadonlyMap<string, TensorPreview>;
  /** Type of a graph input or output. */
  valueType: string;
  /** Whether the function that it calls is open in its place; undefined where it calls none. */
  callOpen: boolean | undefined;
}

export function nodeInspector(view: NodeView, actions: NodeActions): TemplateResult {
  const { table, row, details } = view;
  const isOperator = table.kind[row] === NodeKind.operator;
  const name = table.name[row]!;
  const kind = table.kind[row] === NodeKind.input ? 'Input' : 'Output';
  return html`
    <header class="inspector-head">
      ${isOperator ? html`<span class="swatch family-${familyOf(table.op[row]!)}" aria-hidden="true"></span>` : nothing}
      <h2 title=${fullText(isOperator ? table.op[row]! : name)}>
        ${isOperator ? elide(table.op[row]!, 28) : `${kind} of the graph`}
      </h2>
      ${iconButton('close', 'Back to the model', actions.close)}
    </header>
    ${
      !isOperator
        ? graphValue(view, actions)
        : details === undefined
          ? html`<p class="pad muted" role="status">Reading node…</p>`
          : 'message' in details
            ? html`<p class="pad wrap">${icon('error', 'severity-error')} ${visible(details.message)}</p>`
            : operator(view, details, actions)
    }
  `;
}

function graphValue({ table, row, valueType }: NodeView, actions: NodeActions): TemplateResult {
  const isInput = table.kind[row] === NodeKind.input;
  const others = linked(table, row, isInput ? 'targets' : 'sources');
  return html`
    ${section(
      'Properties',
      facts([
        { label: 'Name', value: nameText(table.name[row]!) },
        { label: 'Type', value: valueType === '' ? 'unknown' : valueType },
      ]),
    )}
    ${section(isInput ? 'Read by' : 'Made by', rowLinks(table, others, actions), String(others.length))}
  `;
}

function operator(
  { table, row, previews, callOpen }: NodeView,
  details: NodeDetails,
  actions: NodeActions,
): TemplateResult {
  const producers = producersByValue(table, row);
  const readers = linked(table, row, 'targets');
  return html`
    ${
      callOpen === undefined
        ? nothing
        : html`<div class="pad buttons">
            <button type="button" class="secondary" @click=${actions.toggle}>
              ${callOpen ? 'Close Function' : 'Open Function'}
            </button>
          </div>`
    }
    <div class="pad small trace-links">
      <button
        type="button"
        class="link"
        title="Mark all that feeds this node (u)"
        @click=${() => actions.trace('up')}
      >
        Trace inputs
      </button>
      <button
        type="button"
        class="link"
        title="Mark all that this node feeds (d)"
        @click=${() => actions.trace('down')}
      >
        Trace outputs
      </button>
      <button
        type="button"
        class="link"
        title="The graph in ONNX's textual form, at this node"
        @click=${() => actions.openText(details.name)}
      >
        Show in text
      </button>
    </div>
    ${section(
      'Properties',
      facts([
        { label: 'Name', value: details.name === '' ? 'unnamed' : nameText(details.name) },
        {
          label: 'Operator',
          value: elide(details.op),
          note: details.domain === '' ? 'ai.onnx' : elide(details.domain),
        },
        ...(table.scope[row] === '' ? [] : [{ label: 'Scope', value: nameText(table.scope[row]!) }]),
      ]),
    )}
    ${details.docString === '' ? nothing : section('Description', html`<p class="wrap pre">${elide(details.docString, 2000)}</p>`)}
    ${operatorSection(details)} ${quantizationSection(details, actions.goTo)}
    ${sourceSection(details, actions)}
    ${
      details.attributes.length === 0
        ? nothing
        : section(
            'Attributes',
            facts(
              details.attributes.map((attribute) => ({
                label: attribute.name,
                value: html`<span class="wrap tabular">${elide(attribute.value, 240)}</span>`,
                title: attribute.type,
              })),
            ),
            String(details.attributes.length),
          )
    }
    ${
      details.subgraphs.length === 0
        ? nothing
        : section(
            'Nested graphs',
            html`<ul class="plain">
              ${details.subgraphs.map(
                (scope) =>
                  html`<li class="typed">
                    <button
                      type="button"
                      class="link"
                      title="Show ${fullText(scope)}"
                      @click=${() => actions.openScope(scope)}
                    >
                      ${elide(scope)}
                    </button>
                  </li>`,
              )}
            </ul>`,
          )
    }
    ${section(
      'Inputs',
      html`<ul class="plain">
        ${details.inputs.map((input) => {
          if (input.name === '' && input.initializer === undefined) {
            return html`<li class="typed muted">not given</li>`;
          }
          const producer = producers.get(shortName(input.name));
          return typedName(
            producer === undefined
              ? nameText(input.name)
              : html`<button
                  type="button"
                  class="link"
                  title="Go to the producer of ${fullText(input.name)}"
                  @click=${() => actions.selectRow(producer)}
                >
                  ${elide(input.name)}
                </button>`,
            typeText(input.dtype, input.shape),
            input.initializer === undefined
              ? nothing
              : tensorView(input.initializer, previews.get(input.initializer.name), actions),
          );
        })}
      </ul>`,
      String(details.inputs.length),
    )}
    ${section(
      'Outputs',
      html`<ul class="plain">
        ${details.outputs.map((output) =>
          output.name === ''
            ? html`<li class="typed muted">not asked for</li>`
            : typedName(nameText(output.name), typeText(output.dtype, output.shape)),
        )}
      </ul>`,
      String(details.outputs.length),
    )}
    ${readers.length === 0 ? nothing : section('Read by', rowLinks(table, readers, actions), String(readers.length))}
    ${
      details.metadata.length === 0
        ? nothing
        : section('Metadata', metadataFacts(details.metadata.map(({ key, value }) => [key, value] as const)))
    }
  `;
}

/** Rows that a row reads from or feeds, each once, wherever they are drawn. */
function linked(table: GraphTable, row: number, side: 'sources' | 'targets'): number[] {
  const { model } = table;
  // A call that is open has given its edges to what it calls: its frame is linked.
  if (row >= model.rows || scopeOfRow(model, model.foldedInto[row]!) >= 0) return linkedAs(table, row, side);
  const { start, items } = edgeLists(model)[side === 'sources' ? 'into' : 'out'];
  const ends = side === 'sources' ? model.source : model.target;
  const rows = Array.from(items.subarray(start[row], start[row + 1]), (e) => ends[e]!);
  return [...new Set(rows)].sort((a, b) => a - b);
}

/** The same by what is drawn. */
function linkedAs(table: GraphTable, row: number, side: 'sources' | 'targets'): number[] {
  const n = table.drawnOf[shownRow(table, row)]!;
  if (n < 0) return [];
  const lists = side === 'sources' ? table.into : table.out;
  const ends = side === 'sources' ? table.source : table.target;
  return Array.from(
    lists.items.subarray(lists.start[n], lists.start[n + 1]),
    (e) => table.drawn[ends[e]!]!,
  ).sort((a, b) => a - b);
}

/** Row that makes each value that a row reads, by the name that it has there. */
function producersByValue({ model }: GraphTable, row: number): Map<string, number> {
  const found = new Map<string, number>();
  const { start, items } = edgeLists(model).into;
  for (let i = start[row]!; i < start[row + 1]!; i++) {
    const e = items[i]!;
    found.set(model.reads[e]!, model.source[e]!);
  }
  return found;
}

const mostLinks = 50;

function rowLinks(table: GraphTable, rows: readonly number[], actions: NodeActions): TemplateResult {
  return html`<ul class="plain">
    ${rows.slice(0, mostLinks).map((row) => {
      const name = table.name[row]!;
      const op = table.op[row]!;
      return html`<li class="typed">
        <button type="button" class="link" title=${fullText(name)} @click=${() => actions.selectRow(row)}>
          ${elide(name === '' ? op : name)}
        </button>
        ${name !== '' && op !== '' ? html`<span class="muted small"> ${elide(op, 24)}</span>` : nothing}
      </li>`;
    })}
    ${rows.length > mostLinks ? html`<li class="typed muted">and ${plural(rows.length - mostLinks, 'other')}</li>` : nothing}
  </ul>`;
}
