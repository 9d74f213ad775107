// What a recipe gave: size, accuracy and time after every step, the model itself first.

import { html, type TemplateResult } from 'lit';
import type { RunRecipeResult } from '../../../daemon/protocol/runRecipe';
import { bytes, exactBytes, inUnit, percent, plural, three } from '../../ui/format';
import { factList, table, type Fact } from './facts';

interface Row {
  readonly name: string;
  readonly fileBytes: number;
  readonly top1: number | null;
  readonly seconds: number | null;
}

export function recipeParts({ before, after, steps, speed }: RunRecipeResult): TemplateResult {
  const facts: Fact[] = [{ name: 'Steps', value: plural(steps.length, 'step') }];
  if (speed)
    facts.push({
      name: 'Speed',
      value: `${three(speed.p50Ratio)}× (${three(speed.low)}–${three(speed.high)})`,
      title: "The model's median time over the result's, measured in turn, with the 95 % interval",
    });
  if (before.top1 !== null && after.top1 !== null)
    facts.push({ name: 'Top-1', value: `${percent(after.top1)} of ${percent(before.top1)} before` });
  const rows: Row[] = [
    { name: 'the model', ...before, seconds: null },
    ...steps.map(({ step, ...rest }) => ({ name: step, ...rest })),
  ];
  return html`${factList(facts)}
  ${table(
    [
      { name: 'After', cell: ({ name }) => name },
      {
        name: 'Size',
        number: true,
        cell: ({ fileBytes }) => html`<span title=${exactBytes(fileBytes)}>${bytes(fileBytes)}</span>`,
      },
      { name: 'Top-1', number: true, cell: ({ top1 }) => (top1 === null ? '–' : percent(top1)) },
      {
        name: 'Took',
        number: true,
        cell: ({ seconds }) => (seconds === null ? '' : inUnit(seconds * 1e6, 'µs')),
      },
    ],
    rows,
    'Steps of the recipe',
  )}`;
}
