// slipway sensitivity --prune: what pruning costs, one group of channels at a time.

import type { PruneSensitivityResult } from '../protocol/pruneSensitivity';
import { pruneSensitivity } from '../recipes/prune/pruneSensitivity';
import { choiceOption, countOption, textOption, type ParsedArgs } from './args';
import type { CommandContext, Outcome } from './command';
import { diagnosticLine } from './diagnosticLine';
import { plural, significant } from './format';
import { inHistory, jobOn } from './inHistory';
import { share } from './pruneGoal';
import { renderTable } from './table';

export async function pruneSensitivityOutcome(
  args: ParsedArgs,
  model: string,
  context: CommandContext,
): Promise<Outcome> {
  const options = {
    ratio: share(args, 'prune'),
    calibration: textOption(args, 'calibration'),
    validation: textOption(args, 'validation'),
    samples: countOption(args, 'samples'),
    importance: choiceOption(args, 'importance', ['l1', 'l2', 'bn-scale', 'energy', 'error']),
  };
  const job = jobOn('slipway/pruneSensitivity', 'Pruning sensitivity of', model, options);
  const result: PruneSensitivityResult = await inHistory(args, context, job, (task) =>
    pruneSensitivity(model, options, task),
  );
  return { result, text: describe(result) };
}

function describe({ units, locked, ratio, samples, top1, diagnostics }: PruneSensitivityResult): string {
  const percent = (value: number) => `${(value * 100).toFixed(2)} %`;
  const scored = top1 !== null;
  const table = renderTable(
    [
      { title: 'Width of' },
      { title: 'Width', align: 'right' },
      { title: 'SQNR of the outputs, dB', align: 'right' },
      { title: 'Cosine', align: 'right' },
      ...(scored ? [{ title: 'Top-1', align: 'right' } as const] : []),
    ],
    units.map(({ name, from, to, alone, top1: own }) => [
      name,
      `${from} → ${to}`,
      significant(alone.sqnrDb),
      alone.cosine.toFixed(6),
      ...(scored ? [own === null ? '–' : percent(own)] : []),
    ]),
  );
  const stays = renderTable(
    [{ title: 'Locked' }, { title: 'Width', align: 'right' }, { title: 'Why' }],
    locked.map(({ name, width, reason }) => [name, String(width), reason]),
  );
  return [
    `Each group alone without ${percent(ratio)} of its channels, not repaired, on ${plural(samples, 'sample')}${top1 === null ? '' : `; the original has ${percent(top1)} top-1`}.`,
    '',
    table,
    ...(locked.length > 0 ? ['', stays] : []),
    ...diagnostics.map(diagnosticLine),
  ].join('\n');
}
