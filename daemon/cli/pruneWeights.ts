// slipway prune --method magnitude|n:m: zeros in weights, in a smaller file.

import { basename } from 'node:path';
import type { PruneWeightsResult } from '../protocol/pruneWeights';
import { patternFrom, pruneSparse } from '../recipes/prune/pruneSparse';
import { choiceOption, countOption, numberOption, textOption, UsageError, type ParsedArgs } from './args';
import type { CommandContext, Outcome } from './command';
import { diagnosticLine } from './diagnosticLine';
import { megabytes, plural, significant } from './format';
import { inHistory, jobOn } from './inHistory';
import { renderList, renderTable } from './table';

/** Runs it and says what came out; `groups` counts the numbers that are not zero, as for channels. */
export async function pruneWeights(
  args: ParsedArgs,
  model: string,
  output: string,
  method: 'magnitude' | 'n:m',
  context: CommandContext,
): Promise<Outcome> {
  const ratio = numberOption(args, 'ratio', { min: -1, max: 2 });
  if (method === 'magnitude' && ratio === undefined) throw new UsageError('Say how much: --ratio 0.5.');
  const asked = method === 'n:m' ? { pattern: textOption(args, 'pattern') ?? '2:4' } : { ratio };
  const pattern = patternFrom(asked);
  const options = {
    output,
    overwrite: args.flags.has('overwrite'),
    calibration: textOption(args, 'calibration'),
    calibrationSamples: countOption(args, 'calibration-samples'),
    criterion: choiceOption(args, 'criterion', ['magnitude', 'wanda', 'sparsegpt']),
    scope: choiceOption(args, 'scope', ['global', 'layer']),
    rounds: countOption(args, 'rounds', 20),
    store: choiceOption(args, 'store', ['packed', 'dense']),
  };
  const job = jobOn('slipway/pruneWeights', 'Zeros in', model, { ...options, ...asked });
  const made: PruneWeightsResult = await inHistory(args, context, job, (task) =>
    pruneSparse(model, { ...options, pattern }, task),
  );
  const groups = made.layers.map(({ name, elements, zeros }) => ({
    name,
    from: elements,
    to: elements - zeros,
  }));
  return { result: { ...made, groups }, text: describe(model, made) };
}

function describe(
  model: string,
  { output, before, after, layers, stored, error, diagnostics }: PruneWeightsResult,
) {
  const sum = (numbers: readonly number[]) => numbers.reduce((all, each) => all + each, 0);
  const zeros = sum(layers.map((each) => each.zeros)) / Math.max(1, sum(layers.map((each) => each.elements)));
  const packed = stored.filter(({ form }) => form !== 'dense').length;
  const rows: [string, string][] = [
    [
      'Model',
      `${basename(model)}, ${(zeros * 100).toFixed(1)} % of the weights of ${plural(layers.length, 'layer')} zero`,
    ],
    ['Written', output],
    [
      'Size',
      `${megabytes(after.fileBytes)}, ${significant(after.fileBytes / before.fileBytes)} of ${megabytes(before.fileBytes)}; ${plural(packed, 'weight')} packed`,
    ],
    [
      'Output error',
      error === null
        ? 'not measured'
        : `cosine ${error.cosine.toFixed(5)}, SQNR ${significant(error.sqnrDb)} dB, largest ${significant(error.maxAbs)}, over ${plural(error.samples, 'sample')}`,
    ],
    ['Speed', 'as before: ONNX Runtime has dense kernels and unpacks the weights once, at load'],
  ];
  const table = renderTable(
    [{ title: 'Layer' }, { title: 'Weights', align: 'right' }, { title: 'Zero', align: 'right' }],
    layers.map(({ name, elements, zeros: none }) => [
      name,
      String(elements),
      `${((none / elements) * 100).toFixed(1)} %`,
    ]),
  );
  return [
    renderList(rows),
    '',
    table,
    ...(diagnostics.length > 0 ? ['', ...diagnostics.map(diagnosticLine)] : []),
  ].join('\n');
}
