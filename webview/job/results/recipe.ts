// What a recipe gave: size, accuracy and time after every step, the model itself first, and what the step did.

import { html, type TemplateResult } from 'lit';
import type { RunRecipeResult } from '../../../daemon/protocol/runRecipe';
import { speedVerdict } from '../../compare/comparison';
import { bytes, exactBytes, inUnit, percent, plural, three } from '../../ui/format';
import { elide, fullText } from '../../ui/text';
import { factList, table, type Fact } from './facts';

const fileName = (path: string) => path.split(/[\\/]/).pop() ?? path;

interface Row {
  readonly name: string;
  readonly fileBytes: number;
  readonly top1: number | null;
  readonly seconds: number | null;
  readonly did: string;
}

/** What a step did, in a few words, from what its own request would answer; empty for a form that is not known. */
function didWords(step: Step, result: unknown): string {
  const found = (result ?? {}) as {
    readonly before?: { readonly macs?: number | null; readonly nodes?: number };
    readonly after?: { readonly macs?: number | null; readonly nodes?: number };
    readonly repaired?: number;
    readonly layers?: readonly unknown[];
    readonly tensors?: readonly unknown[];
    readonly fusion?: { readonly integer: number; readonly float: number };
  };
  const { before, after, repaired, tensors, fusion } = found;
  const words: string[] = [];
  if (step === 'optimize' && before?.nodes !== undefined && after?.nodes !== undefined)
    words.push(`${before.nodes} → ${after.nodes} nodes`);
  if (before?.macs && after?.macs && after.macs !== before.macs)
    words.push(`${three(after.macs / before.macs)} of the MACs`);
  if (repaired) words.push(`${plural(repaired, 'layer')} refitted`);
  if (tensors) words.push(plural(tensors.length, 'weight'));
  if (fusion) words.push(`${fusion.integer} of ${fusion.integer + fusion.float} compute nodes in integers`);
  return words.join(', ');
}

type Step = RunRecipeResult['steps'][number]['step'];

const stepTitles: Readonly<Record<Step, string>> = {
  optimize: 'Optimize',
  prune: 'Prune',
  'low-rank': 'Split layers',
  'prune-weights': 'Prune weights',
  cluster: 'Share weights',
  quantize: 'Quantize',
};

export function recipeParts({ recipe, model, before, after, steps, speed }: RunRecipeResult): TemplateResult {
  const facts: Fact[] = [{ name: 'Recipe', value: fileName(recipe), title: fullText(recipe) }];
  if (speed)
    facts.push({
      name: 'Speed',
      value: html`<span class="verdict-${speedVerdict(speed)}">${three(speed.p50Ratio)}× as fast</span
        ><span class="muted"> (${three(speed.low)}–${three(speed.high)})</span>`,
      title: "The model's median time over the result's, measured in turn, with the 95 % interval",
    });
  if (before.top1 !== null && after.top1 !== null)
    facts.push({ name: 'Top-1', value: `${percent(after.top1)} of ${percent(before.top1)} before` });
  const rows: Row[] = [
    { name: fileName(model), ...before, seconds: null, did: '' },
    ...steps.map(({ step, fileBytes, top1, seconds, result }, i) => ({
      name: `${i + 1}. ${stepTitles[step]}`,
      fileBytes,
      top1,
      seconds,
      did: didWords(step, result),
    })),
  ];
  return html`${factList(facts)}
  ${table(
    [
      { name: 'Step', cell: ({ name }) => elide(name, 40) },
      { name: 'What it did', cell: ({ did }) => did },
      {
        name: 'Size',
        number: true,
        cell: ({ fileBytes }) => html`<span title=${exactBytes(fileBytes)}>${bytes(fileBytes)}</span>`,
      },
      ...(rows.some(({ top1 }) => top1 !== null)
        ? [{ name: 'Top-1', number: true, cell: ({ top1 }: Row) => (top1 === null ? '–' : percent(top1)) }]
        : []),
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
