// The pieces that inspectors are made of: sections, facts (label and value), typed names.

import { html, nothing, type TemplateResult } from 'lit';
import { elide, fullText, shapeText, visible } from '../ui/text';

type Content = TemplateResult | string | typeof nothing;

/** A section that folds. */
export const section = (title: string, content: Content, badge = ''): TemplateResult =>
  html`<details class="section" open>
    <summary>
      <span class="codicon codicon-chevron-right fold" aria-hidden="true"></span>
      <h3>${title}</h3>
      ${badge === '' ? nothing : html`<span class="badge">${badge}</span>`}
    </summary>
    <div class="section-body">${content}</div>
  </details>`;

export interface Fact {
  label: string;
  value: Content;
  title?: string;
  /** Said in small words after the value. */
  note?: string;
}

/** Labels and values in two columns, or each value under its label. */
export const facts = (list: readonly Fact[], stacked = false): TemplateResult =>
  html`<dl class=${stacked ? 'facts stacked' : 'facts'}>
    ${list.map(
      ({ label, value, title, note }) =>
        html`<dt title=${fullText(label)}>${elide(label, 32)}</dt>
          <dd title=${title ?? nothing}>
            ${value}${note === undefined ? nothing : html` <span class="muted note">${note}</span>`}
          </dd>`,
    )}
  </dl>`;

/** `float 1×3×224×224`. */
export const typeText = (dtype: string, shape: readonly (number | string | null)[] | null): string =>
  [visible(dtype), shapeText(shape)].filter((part) => part !== '').join(' ');

/** A name as untrusted text: shortened, with all of it in the tooltip. */
export const nameText = (name: string, most = 40): TemplateResult =>
  html`<span class="name" title=${fullText(name)}>${elide(name, most)}</span>`;

/** A name with its type under it. */
export const typedName = (name: Content, type: string, extra: Content = nothing): TemplateResult =>
  html`<li class="typed">
    <div class="typed-name">${name}</div>
    <div class="muted small tabular">${type === '' ? 'type unknown' : type}</div>
    ${extra}
  </li>`;

/** Line feeds break lines again, which in a value of its own fools nobody. */
const lines = (text: string): string => text.replaceAll('\u240a', '\n');

/** Key and value pairs from the file: long ones, so that one stands under the other. */
export const metadataFacts = (pairs: readonly (readonly [string, string])[]): TemplateResult =>
  facts(
    pairs.map(([label, value]) => ({
      label,
      value: html`<span class="wrap pre">${lines(elide(value, 240))}</span>`,
      title: fullText(value),
    })),
    true,
  );
