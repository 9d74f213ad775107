// Free dimensions of a model, each with a field for its value: what cost, memory and shapes are told for.

import { html, type TemplateResult } from 'lit';
import type { Inspection } from '../../daemon/protocol/inspect';
import { fullText } from '../ui/text';
import { nameText } from './parts';

/** Names of the free dimensions; one without a name goes by `input[axis]`, as everywhere in the protocol. */
export function freeDimensions(inputs: Inspection['inputs']): string[] {
  const names = new Set<string>();
  for (const { name, shape } of inputs) {
    shape?.forEach((dim, axis) => {
      if (typeof dim === 'string') names.add(dim);
      else if (dim === null) names.add(`${name}[${axis}]`);
    });
  }
  return [...names];
}

/** One field for each dimension. An empty field leaves its dimension free, which counts as 1. */
export const dimensionFields = (
  names: readonly string[],
  bound: Readonly<Record<string, number>>,
  change: (bound: Record<string, number>) => void,
): TemplateResult => {
  const set = (name: string, field: HTMLInputElement) => {
    const rest = Object.fromEntries(Object.entries(bound).filter(([other]) => other !== name));
    const value = Number(field.value);
    if (field.value !== '' && !(Number.isSafeInteger(value) && value >= 1)) {
      field.value = Object.hasOwn(bound, name) ? String(bound[name]) : '';
      return;
    }
    change(field.value === '' ? rest : { ...rest, [name]: value });
  };
  return html`<dl class="facts dimensions">
    ${names.map(
      (name) =>
        html`<dt>${nameText(name, 32)}</dt>
          <dd>
            <input
              type="number"
              min="1"
              step="1"
              class="dimension"
              placeholder="1"
              aria-label="Value of the dimension ${fullText(name)}"
              title="Shapes, MACs and memory are told for this value; where the field is empty, shapes keep the name and the rest counts 1."
              .value=${Object.hasOwn(bound, name) ? String(bound[name]) : ''}
              @change=${(event: Event) => set(name, event.target as HTMLInputElement)}
            />
          </dd>`,
    )}
  </dl>`;
};
