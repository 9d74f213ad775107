// Two runs side by side: every figure of both, with what became better and what worse.

import { html, nothing, type TemplateResult } from 'lit';
import type { RunFigure, RunSummary } from '../../daemon/protocol/runs';
import { table } from '../job/results/facts';
import { three } from '../ui/format';
import { elide, fullText, visible } from '../ui/text';
import { compareFigures, type ComparedFigure } from '../../daemon/protocol/compareFigures';
import { figureName, figureValue } from './figures';
import { longWhen } from './when';

const fileName = (path: string) => path.split(/[\\/]/).pop() ?? path;
const words = { better: 'better', worse: 'worse', same: 'no difference' } as const;

export function compareView(
  before: RunSummary,
  after: RunSummary,
  titleOf: (run: RunSummary) => string,
  close: () => void,
): TemplateResult {
  const rows = compareFigures(before, after);
  const settings = rows.some(({ setting }) => setting !== '');
  const digest = (run: RunSummary) => run.models[0]?.digest ?? null;
  const changed = digest(before) !== null && digest(after) !== null && digest(before) !== digest(after);
  const cell = (figure: RunFigure | undefined) =>
    figure === undefined
      ? '–'
      : html`${figureValue(figure, figure.value)}
        ${
          figure.low === undefined || figure.high === undefined
            ? nothing
            : html`<span class="interval"
                >${figureValue(figure, figure.low)}–${figureValue(figure, figure.high)}</span
              >`
        }`;
  return html`<section class="two-runs" aria-label="Two runs compared">
    <div class="two-runs-head">
      <h2>${visible(titleOf(after))} against ${visible(titleOf(before))}</h2>
      <button type="button" class="secondary" @click=${close}>Close Comparison</button>
    </div>
    <p class="muted small">
      <span class="mark series-a" aria-hidden="true"></span> Before: ${longWhen(before.startedAt)}
      <span class="mark series-b" aria-hidden="true"></span> After: ${longWhen(after.startedAt)}.
      ${
        changed
          ? 'The file of the model changed between the two.'
          : digest(before) === null
            ? ''
            : 'The file of the model is the same in both.'
      }
    </p>
    ${
      rows.length === 0
        ? html`<p class="muted">Neither of the two came to a figure.</p>`
        : table<ComparedFigure>(
            [
              { name: 'Figure', cell: ({ name }) => figureName(name) },
              {
                name: 'Model',
                cell: ({ model }) =>
                  html`<span class="nowrap" title=${fullText(model)}>${elide(fileName(model), 36)}</span>`,
              },
              ...(settings
                ? [{ name: 'Measured with', cell: ({ setting }: ComparedFigure) => visible(setting) }]
                : []),
              { name: 'Before', number: true, cell: (row) => cell(row.before) },
              { name: 'After', number: true, cell: (row) => cell(row.after) },
              {
                name: 'After ÷ before',
                number: true,
                cell: ({ ratio, verdict }) =>
                  ratio === undefined || verdict === undefined
                    ? '–'
                    : html`<span class="verdict-${verdict}">${three(ratio)}</span>
                        <span class="muted small">${words[verdict]}</span>`,
              },
            ],
            rows,
            'Figures of both runs',
          )
    }
  </section>`;
}
