// Beside the form: what will come out, then progress, then the result, all in one place. Earlier runs stand below.

import { html, nothing, type TemplateResult } from 'lit';
import type { JobPage, JobRun, MethodForm } from '../../daemon/protocol/jobPage';
import { jobProgress } from '../compare/jobProgress';
import { bytes, three } from '../ui/format';
import { icon } from '../ui/icon';
import { elide, fullText, visible } from '../ui/text';
import { overview } from './overview';
import { fileName, runResult, written, type Tell } from './result';
import { sizeBars } from './sizes';
import { shownRun, type JobState } from './state';

export interface OutcomeActions {
  tell: Tell;
  cancel: () => void;
  show: (run: number) => void;
  /** Takes another method. */
  choose: (method: string) => void;
}

export function outcomeView(
  state: JobState,
  page: JobPage,
  method: MethodForm,
  width: number,
  actions: OutcomeActions,
): TemplateResult {
  const run = shownRun(state);
  return html`<div class="outcome">
    ${run === undefined ? before(state, page, method, width, actions) : nothing}
    ${
      run?.state === 'running'
        ? html`<h2 class="run-title">${visible(run.title)}</h2>
            ${jobProgress(run.progress, state.cancelling, actions.cancel)}`
        : nothing
    }
    ${run === undefined ? nothing : runResult(page, run, width, actions.tell)}
    ${page.runs.length > 1 ? earlier(page, run, actions.show) : nothing}
  </div>`;
}

/** Before the first run: what it will give. */
function before(
  { estimates }: JobState,
  page: JobPage,
  method: MethodForm,
  width: number,
  { choose }: OutcomeActions,
): TemplateResult {
  const estimate = estimates[method.id];
  const last = estimate?.last;
  const size = last?.before ?? page.model.bytes;
  return html`<h2 class="run-title">${method.estimates ? 'What it will give' : visible(method.title)}</h2>
    ${
      size === null || !method.estimates
        ? nothing
        : sizeBars(
            [
              { label: page.model.name, bytes: size, colour: 'series-a' },
              ...(last === undefined
                ? []
                : [
                    {
                      label: 'Expected',
                      bytes: last.after,
                      between: { low: last.low, high: last.high },
                      colour: 'series-b' as const,
                    },
                  ]),
            ],
            width,
          )
    }
    ${
      last === undefined
        ? nothing
        : html`<p class="muted small tabular">
            ${bytes(last.low) === bytes(last.high) ? '' : `${bytes(last.low)} to ${bytes(last.high)}. `}${visible(last.note)}
            Nothing is run for this estimate.
          </p>`
    }
    ${
      estimate?.state === 'failed'
        ? html`<p class="muted small">
            ${icon('warning', 'severity-warning')} ${visible(estimate.error.message)}
          </p>`
        : nothing
    }
    <p class="muted">
      ${
        method.fields.some(({ name, control }) => name === 'output' && control.kind === 'path')
          ? 'The original is never written over: the result is a new file beside it.'
          : `Press ${visible(method.verb)}: numbers and plots appear here while they are measured, and stay in the history. No file is written.`
      }
    </p>
    ${overview(page, estimates, method, false, choose)}`;
}

const states: Readonly<Record<JobRun['state'], string>> = {
  running: 'running',
  done: '',
  failed: 'failed',
  cancelled: 'cancelled',
};

/** All runs of this panel, the newest first. */
function earlier(
  { runs, model }: JobPage,
  shown: JobRun | undefined,
  show: (run: number) => void,
): TemplateResult {
  // Files beside the model go by their names: there is little room.
  const folder = model.file.slice(0, model.file.length - fileName(model.file).length);
  const why = ({ error }: JobRun) => visible(error === null ? '' : error.message.replaceAll(folder, ''));
  return html`<h3>Runs in this panel</h3>
    <ul class="runs">
      ${runs.map((run) => {
        const file = written(run.result);
        const error = run.result !== null && 'error' in run.result.value ? run.result.value.error : null;
        return html`<li>
          <button
            type="button"
            class="run-row"
            aria-current=${run === shown ? 'true' : 'false'}
            @click=${() => show(run.id)}
            title=${file === undefined ? (run.error === null ? nothing : fullText(run.error.message)) : fullText(file.output)}
          >
            <span class="one-line"
              >${file === undefined ? visible(run.title) : elide(fileName(file.output), 40)}</span
            >
            <span class="muted one-line">${file === undefined ? why(run) : visible(run.title)}</span>
            <span class="tabular">${file === undefined ? states[run.state] : bytes(file.after)}</span>
            <span class="tabular muted"
              >${error === null ? '' : error.sqnrDb >= 200 ? 'exact' : `${three(error.sqnrDb)} dB`}</span
            >
          </button>
        </li>`;
      })}
    </ul>`;
}
