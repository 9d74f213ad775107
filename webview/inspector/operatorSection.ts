// What an operator does, takes and gives, beside a node of it: our sentence first, the formal parts folded under it.

import { html, nothing, type TemplateResult } from 'lit';
import type { NodeDetails } from '../../daemon/protocol/graph';
import type { OperatorDocumentation } from '../../daemon/protocol/operator';
import { elide, fullText } from '../ui/text';
import { facts, section, type Fact } from './parts';

type Parameter = OperatorDocumentation['inputs'][number];

/** The section; nothing where the operator is unknown or is a function of the model. */
export function operatorSection({ op, opset, documentation }: NodeDetails): TemplateResult | typeof nothing {
  if (documentation === undefined) return nothing;
  const { words, since, changed, link, inputs, outputs, attributes, signature } = documentation;
  const version = [
    ...(since === undefined ? [] : [`This form since version ${since}`]),
    ...(opset === undefined ? [] : [`the model uses ${opset}`]),
    ...(changed === undefined ? [] : [`changed in ${changed}`]),
  ].join(' · ');
  const lists = [
    { title: 'Inputs', list: inputs.map(parameter) },
    { title: 'Outputs', list: outputs.map(parameter) },
    { title: 'Attributes', list: attributes.map(attribute) },
  ].filter(({ list }) => list.length > 0);
  return section(
    `About ${elide(op, 28)}`,
    html`<div class="operator-words">
      ${words === '' ? nothing : html`<p class="wrap">${words}</p>`}
      <p class="small muted">
        ${version}${
          link === undefined
            ? nothing
            : html`${version === '' ? '' : ' · '}<a href=${link} title="Open ${link}">Specification</a>`
        }
      </p>
      ${
        lists.length === 0
          ? nothing
          : html`<details class="formal">
              <summary class="small" title=${fullText(signature)}>
                <span class="codicon codicon-chevron-right fold" aria-hidden="true"></span>Inputs, outputs and
                attributes
              </summary>
              ${lists.map(
                ({ title, list }) =>
                  html`<h4 class="small muted">${title}</h4>
                    ${facts(list)}`,
              )}
            </details>`
      }
    </div>`,
  );
}

const mostTypes = 4;

function parameter({ name, takes, variable, types }: Parameter): Fact {
  const shown = types.slice(0, mostTypes).join(', ');
  const more = types.length - mostTypes;
  return {
    label: name,
    value: html`<span class="wrap"
      >${takes === 'any' ? 'any number of ' : ''}${shown}${more > 0 ? ` and ${more} more` : ''}</span
    >`,
    title: `${variable === '' ? '' : `${variable}: `}${types.join(', ')}`,
    ...(takes === 'optional' ? { note: 'optional' } : {}),
  };
}

function attribute({
  name,
  type,
  required,
  default: value,
}: OperatorDocumentation['attributes'][number]): Fact {
  return {
    label: name,
    value: html`<span class="wrap">${type}${value === undefined ? '' : ` = ${elide(value, 60)}`}</span>`,
    ...(required ? { note: 'required' } : {}),
  };
}
