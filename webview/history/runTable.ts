// The runs of a model as a table: two can be picked to be compared, each can be opened or removed.

import { html, nothing, type TemplateResult } from 'lit';
import type { RunSummary } from '../../daemon/protocol/runs';
import { duration, three } from '../ui/format';
import { icon, iconButton } from '../ui/icon';
import { elide, fullText, visible } from '../ui/text';
import { figureName, figureValue } from './figures';
import { longWhen } from './when';

export interface RunActions {
  pick: (run: string, on: boolean) => void;
  open: (run: string) => void;
  remove: (runs: string[]) => void;
}

const states: Readonly<Record<RunSummary['state'], { icon: string; severity: string; words: string }>> = {
  running: { icon: 'sync', severity: '', words: 'running' },
  done: { icon: 'pass', severity: 'verdict-better', words: 'done' },
  failed: { icon: 'error', severity: 'severity-error', words: 'failed' },
  cancelled: { icon: 'circle-slash', severity: '', words: 'cancelled' },
  interrupted: { icon: 'debug-disconnect', severity: '', words: 'interrupted' },
};

export function runTable(
  runs: readonly RunSummary[],
  picked: readonly string[],
  titleOf: (run: RunSummary) => string,
  actions: RunActions,
): TemplateResult {
  return html`<div class="table-scroll" tabindex="0" role="region" aria-label="Runs">
    <table class="run-table">
      <thead>
        <tr>
          <th scope="col"><span class="sr-only">Compare</span></th>
          <th scope="col">Run</th>
          <th scope="col">Figures</th>
          <th scope="col">Began</th>
          <th scope="col" class="number">Took</th>
          <th scope="col"><span class="sr-only">Actions</span></th>
        </tr>
      </thead>
      <tbody>
        ${runs.map((run) => row(run, picked.includes(run.id), picked.length, titleOf(run), actions))}
      </tbody>
    </table>
  </div>`;
}

function row(
  run: RunSummary,
  isPicked: boolean,
  pickedCount: number,
  title: string,
  { pick, open, remove }: RunActions,
): TemplateResult {
  const state = states[run.state];
  const running = run.state === 'running';
  const full = pickedCount >= 2 && !isPicked;
  return html`<tr class=${isPicked ? 'compared' : ''}>
    <td class="pick">
      <input
        type="checkbox"
        aria-label="Compare ${visible(run.title)} of ${longWhen(run.startedAt)}"
        title=${full ? 'Two are picked already' : 'Pick two to compare them'}
        .checked=${isPicked}
        ?disabled=${running || full}
        @change=${(event: Event) => pick(run.id, (event.target as HTMLInputElement).checked)}
      />
    </td>
    <td>
      <span class="run-name"
        >${icon(state.icon, state.severity)}<span class="sr-only">${state.words}</span>
        <button type="button" class="link" title=${fullText(run.title)} @click=${() => open(run.id)}>
          ${visible(title)}
        </button>
        ${
          run.client === 'cli'
            ? html`<span class="run-client muted" title="Run by the command line"
                >${icon('terminal')}<span class="sr-only">by the command line</span></span
              >`
            : nothing
        }</span
      >
    </td>
    <td class="wrap">${figures(run)}</td>
    <td class="tabular nowrap muted">${longWhen(run.startedAt)}</td>
    <td class="number muted">${run.durationMs === null ? '–' : took(run.durationMs)}</td>
    <td class="number">
      ${iconButton('trash', `Remove ${title} from the history`, () => remove([run.id]), { disabled: running })}
    </td>
  </tr>`;
}

/** Figures in a line, each with its name; what failed says why instead. */
function figures({ figures: found, error, state }: RunSummary) {
  if (error !== null) return html`<span class="muted">${elide(error, 160)}</span>`;
  if (found.length === 0)
    return html`<span class="muted">${state === 'done' ? 'no figure' : states[state].words}</span>`;
  return html`<span class="run-figures tabular"
    >${found
      .slice(0, 3)
      .map(
        (one) =>
          html`<span
            title=${fullText([one.model, one.setting].filter((text) => text !== undefined).join(', '))}
            ><span class="muted">${figureName(one.name)}</span> ${figureValue(one, one.value)}</span
          > `,
      )}${found.length > 3 ? html`<span class="muted">and ${found.length - 3} more</span>` : nothing}</span
  >`;
}

const took = (ms: number) =>
  ms < 1000 ? `${three(ms)} ms` : ms < 10_000 ? `${three(ms / 1000)} s` : duration(ms);
