// The inspector with nothing selected: the model as a whole.

import { html, nothing, svg, type TemplateResult } from 'lit';
import type { Inspection } from '../../daemon/protocol/inspect';
import { familyOf } from '../graph/families';
import { bytes, count, exactBytes, whole } from '../ui/format';
import { diagnosticList } from '../ui/diagnostics';
import { elide, fullText, visible } from '../ui/text';
import { dimensionFields, freeDimensions } from './dimensions';
import { facts, metadataFacts, nameText, section, typedName, typeText, type Fact } from './parts';

const mostOps = 12;

export interface ModelActions {
  /** Selects the node of a problem. */
  goTo: (where: NonNullable<Inspection['diagnostics'][number]['where']>) => void;
  /** Searches for an operator. */
  find: (op: string) => void;
  /** Opens the text of the graph that is shown. */
  openText: () => void;
  /** Shows what the model costs by operator and scope. */
  showCost: () => void;
  /** Gives free dimensions values. */
  bind: (bound: Record<string, number>) => void;
}

export function modelInspector(
  inspection: Inspection,
  bound: Readonly<Record<string, number>>,
  actions: ModelActions,
): TemplateResult {
  const free = freeDimensions(inspection.inputs);
  const metadata = Object.entries(inspection.metadata);
  const values = (list: Inspection['inputs']) =>
    html`<ul class="plain">
      ${list.map(({ name, dtype, shape }) => typedName(nameText(name), typeText(dtype, shape)))}
    </ul>`;
  const diagnostics = inspection.diagnostics;
  return html`
    <header class="inspector-head">
      <h2>Model</h2>
    </header>
    ${
      diagnostics.length === 0
        ? nothing
        : section('Problems', diagnosticList(diagnostics, actions.goTo), String(diagnostics.length))
    }
    ${section(
      'Properties',
      html`${facts(properties(inspection, bound))}
      ${
        inspection.nodes === 0
          ? nothing
          : html`<p class="links">
              <button type="button" class="link" @click=${actions.showCost}>
                Cost by operator and scope
              </button>
              <button
                type="button"
                class="link"
                title="The graph that is shown, in ONNX's textual form"
                @click=${actions.openText}
              >
                Open as text
              </button>
            </p>`
      }`,
    )}
    ${free.length === 0 ? nothing : section('Free dimensions', dimensionFields(free, bound, actions.bind))}
    ${inspection.inputs.length === 0 ? nothing : section('Inputs', values(inspection.inputs), whole(inspection.inputs.length))}
    ${inspection.outputs.length === 0 ? nothing : section('Outputs', values(inspection.outputs), whole(inspection.outputs.length))}
    ${inspection.nodes === 0 ? nothing : section('Operators', operators(inspection.ops, actions), whole(inspection.nodes))}
    ${metadata.length === 0 ? nothing : section('Metadata', metadataFacts(metadata))}
  `;
}

function properties(inspection: Inspection, bound: Readonly<Record<string, number>>): Fact[] {
  const valuesOf = (values: Readonly<Record<string, number>>) =>
    Object.entries(values)
      .map(([name, value]) => `${visible(name)} = ${value}`)
      .join(', ');
  const [given, assumed] = [valuesOf(bound), valuesOf(inspection.assumed)];
  const words = [given, assumed === '' ? '' : `assumed ${assumed}`].filter((part) => part !== '').join(', ');
  const note = words === '' ? {} : { note: words };
  const fileName = inspection.file.split(/[\\/]/).pop() ?? inspection.file;
  const opsets = Object.entries(inspection.opsets).map(
    ([domain, version]) => `${domain === '' ? 'ai.onnx' : elide(domain)} ${version}`,
  );
  const list: Fact[] = [
    { label: 'File', value: nameText(fileName, 32), title: fullText(inspection.file) },
    { label: 'Size', value: bytes(inspection.fileBytes), title: exactBytes(inspection.fileBytes) },
  ];
  if (inspection.externalBytes > 0) {
    list.push({
      label: 'External data',
      value: bytes(inspection.externalBytes),
      title: exactBytes(inspection.externalBytes),
    });
  }
  // Of a file that is no model there is nothing more to say.
  if (inspection.irVersion === 0 && inspection.nodes === 0) return list;
  list.push(
    { label: 'IR version', value: String(inspection.irVersion) },
    {
      label: opsets.length > 1 ? 'Opsets' : 'Opset',
      value: opsets.length === 0 ? 'none' : opsets.join(', '),
    },
    {
      label: 'Producer',
      value: inspection.producer === '' ? 'not stated' : elide(inspection.producer),
      title: fullText(inspection.producer),
    },
    { label: 'Nodes', value: whole(inspection.nodes) },
    { label: 'Initializers', value: whole(inspection.initializers) },
    { label: 'Parameters', value: count(inspection.parameters), title: whole(inspection.parameters) },
    { label: 'Weights', value: bytes(inspection.weightBytes), title: exactBytes(inspection.weightBytes) },
  );
  list.push(
    inspection.macs === null
      ? {
          label: 'MACs',
          value: 'unknown',
          title: 'A shape that the count depends on is not known.',
        }
      : {
          label: 'MACs',
          value: count(inspection.macs),
          title: `${whole(inspection.macs)} multiply-accumulates of one run`,
          ...note,
        },
  );
  if (inspection.flops !== null) {
    list.push({
      label: 'FLOPs',
      value: count(inspection.flops),
      title: `${whole(inspection.flops)} operations of one run: 2 for a multiply-accumulate, and those of other operators`,
      ...note,
    });
  }
  if (inspection.peakActivationBytes !== null) {
    list.push({
      label: 'Peak activations',
      value: bytes(inspection.peakActivationBytes),
      title: exactBytes(inspection.peakActivationBytes),
      ...note,
    });
  }
  if (inspection.functions > 0) list.push({ label: 'Functions', value: whole(inspection.functions) });
  return list;
}

/** Operator counts as bars; the colour is that of the boxes. */
function operators(ops: Inspection['ops'], actions: ModelActions): TemplateResult {
  const sorted = Object.entries(ops).sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  const largest = sorted[0]?.[1] ?? 1;
  const rest = sorted.slice(mostOps);
  const row = ([op, n]: [string, number]) =>
    html`<li>
      <button
        type="button"
        class="op-row"
        title="Find ${fullText(op)} in the graph"
        @click=${() => actions.find(op.slice(op.lastIndexOf('.') + 1))}
      >
        <span class="name">${elide(op, 28)}</span>
        <svg class="bar" aria-hidden="true" preserveAspectRatio="none">
          ${svg`<rect class="family-${familyOf(op)}" width="${Math.max(2, (100 * n) / largest)}%" height="8" rx="1"></rect>`}
        </svg>
        <span class="tabular">${whole(n)}</span>
      </button>
    </li>`;
  return html`<ul class="plain ops">
      ${sorted.slice(0, mostOps).map(row)}
    </ul>
    ${
      rest.length === 0
        ? nothing
        : html`<details class="more">
            <summary>
              <span class="codicon codicon-chevron-right fold" aria-hidden="true"></span>${rest.length} more
            </summary>
            <ul class="plain ops">
              ${rest.map(row)}
            </ul>
          </details>`
    }`;
}
