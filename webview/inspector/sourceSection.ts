// Where a node comes from: the frames of the stack trace that the exporter left, own code first to the eye.

import { html, nothing, type TemplateResult } from 'lit';
import type { NodeDetails } from '../../daemon/protocol/graph';
import { elide, fullText } from '../ui/text';
import { section } from './parts';

export interface SourceActions {
  /** Lets the host show a line of a file. */
  openSource: (file: string, line: number) => void;
}

const fileName = (path: string) => path.split(/[\\/]/).pop() ?? path;

/** The section; nothing where the exporter left no trace. */
export function sourceSection(
  { frames = [] }: NodeDetails,
  { openSource }: SourceActions,
): TemplateResult | typeof nothing {
  if (frames.length === 0) return nothing;
  return section(
    'Source',
    html`<ul class="plain frames">
      ${frames.map(
        ({ file, line, function: within, code, library }) =>
          html`<li class="typed ${library ? 'library' : ''}">
            <button
              type="button"
              class="link"
              title="Open ${fullText(file)}, line ${line}"
              @click=${() => openSource(file, line)}
            >
              ${elide(fileName(file), 32)}:${line}
            </button>
            ${within === '' ? nothing : html`<span class="muted small">${elide(within, 32)}</span>`}
            ${code === '' ? nothing : html`<div class="frame-code small" title=${fullText(code)}>${elide(code, 120)}</div>`}
          </li>`,
      )}
    </ul>`,
    String(frames.length),
  );
}
