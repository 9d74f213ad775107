// Codicons: decoration only; the words beside them, or the button's label, say the same.

import { html, nothing, type TemplateResult } from 'lit';

export const icon = (name: string, extra = ''): TemplateResult =>
  html`<span class="codicon codicon-${name} ${extra}" aria-hidden="true"></span>`;

/** A button that shows an icon only; its label is its tooltip. */
export const iconButton = (
  name: string,
  label: string,
  onClick: () => void,
  options: { pressed?: boolean; disabled?: boolean } = {},
): TemplateResult =>
  html`<button
    type="button"
    class="icon-button"
    title=${label}
    aria-label=${label}
    aria-pressed=${options.pressed ?? nothing}
    ?disabled=${options.disabled === true}
    @click=${onClick}
  >
    ${icon(name)}
  </button>`;

/** Icon and words of a severity. */
export const severityIcon = (severity: 'error' | 'warning' | 'info'): TemplateResult =>
  html`${icon(severity, `severity-${severity}`)}<span class="sr-only"
      >${severity === 'error' ? 'Error' : severity === 'warning' ? 'Warning' : 'Information'}:</span
    >`;
