// A list of what is wrong with a model: severity, sentence, place. Used by the inspector and by failures.

import { html, nothing, type TemplateResult } from 'lit';
import type { Inspection } from '../../daemon/protocol/inspect';
import { severityIcon } from './icon';
import { whole } from './format';
import { elide, fullText, visible } from './text';

export type DiagnosticView = Inspection['diagnostics'][number];

const severities = ['error', 'warning', 'info'] as const;

type Where = NonNullable<DiagnosticView['where']>;

/** Errors first. `goTo` is offered for places that name a node. */
export function diagnosticList(
  diagnostics: readonly DiagnosticView[],
  goTo?: (where: Where) => void,
  most = 100,
): TemplateResult {
  const sorted = [...diagnostics].sort(
    (a, b) => severities.indexOf(a.severity) - severities.indexOf(b.severity),
  );
  return html`<ul class="diagnostics">
      ${sorted.slice(0, most).map(
        (diagnostic) =>
          html`<li>
            ${severityIcon(diagnostic.severity)}
            <div>
              <div class="wrap">${visible(diagnostic.message)}</div>
              ${place(diagnostic, goTo)}
            </div>
          </li>`,
      )}
    </ul>
    ${sorted.length > most ? html`<p class="muted">… and ${whole(sorted.length - most)} more.</p>` : nothing}`;
}

/** What a failure lists beside its message: nothing that the message says itself. */
export const furtherDiagnostics = ({
  message,
  diagnostics = [],
}: {
  message: string;
  diagnostics?: readonly DiagnosticView[];
}): readonly DiagnosticView[] => diagnostics.filter((one) => !message.includes(one.message));

function place({ id, where }: DiagnosticView, goTo?: (where: Where) => void): TemplateResult {
  const parts: (string | TemplateResult)[] = [];
  // A node without a name goes by what it gives.
  const node = where?.node ?? where?.output ?? (where?.index === undefined ? '' : `#${where.index}`);
  if (where?.scope !== undefined && where.scope !== '') parts.push(`in ${elide(where.scope)}`);
  if (where !== undefined && node !== '') {
    parts.push(
      goTo === undefined
        ? `node ${elide(node)}`
        : html`<button type="button" class="link" title=${fullText(node)} @click=${() => goTo(where)}>
            ${elide(node)}
          </button>`,
    );
  }
  if (where?.value !== undefined && where.value !== '') parts.push(`value ${elide(where.value)}`);
  if (where?.byteOffset !== undefined) parts.push(`at byte ${whole(where.byteOffset)}`);
  parts.push(id);
  return html`<div class="muted small">
    ${parts.map((part, i) => html`${i > 0 ? ' · ' : nothing}${part}`)}
  </div>`;
}
