// The page of the results panel: one job, live while it runs. The host sends the whole job whenever it
// changes; the page adds only which variant is compared with the original.

import { html, nothing, render } from 'lit';
import type { JobView } from '../daemon/protocol/page';
import type { Variant } from '../daemon/protocol/compress';
import { distributionChart, paretoChart } from './compare/charts';
import { baselineOf, comparedOf, jobState, rowsOf } from './compare/comparison';
import { floatNodes } from './compare/floatNodes';
import { jobProgress } from './compare/jobProgress';
import { dataText, machineText } from './compare/machine';
import { csvReport, jsonReport, markdownReport, recipeCommand } from './compare/report';
import { headline } from './compare/sentence';
import { variantTable } from './compare/variantTable';
import { watchTheme } from './graph/theme';
import { connectResults, keepState, keptState } from './host';
import { Store } from './state/store';
import { diagnosticList, furtherDiagnostics } from './ui/diagnostics';
import { icon } from './ui/icon';
import { applyPalette } from './ui/palette';
import { menuButton } from './ui/menu';
import { elide, fullText, visible } from './ui/text';

interface ResultsState {
  job: JobView | undefined;
  /** File of the variant that is compared with the original; the chosen one when undefined. */
  picked: string | undefined;
  cancelling: boolean;
  /** Width of the content, pixels. */
  width: number;
}

const store = new Store<ResultsState>({
  job: undefined,
  picked: readPicked(keptState()),
  cancelling: false,
  width: document.body.clientWidth,
});

const host = connectResults(({ job }) => {
  store.update({ job, cancelling: store.state.cancelling && jobState(job) === 'running' });
});

function readPicked(state: unknown): string | undefined {
  const picked = typeof state === 'object' && state !== null && 'picked' in state ? state.picked : undefined;
  return typeof picked === 'string' ? picked : undefined;
}

function page({ job, picked, cancelling, width }: ResultsState) {
  if (job === undefined) return html`<main class="results" aria-busy="true"></main>`;
  const state = jobState(job);
  const rows = rowsOf(job);
  const base = baselineOf(rows);
  const compared = comparedOf(job, rows, picked);
  const running = state === 'running';
  const variants = rows.flatMap(({ variant }) => (variant === undefined ? [] : [variant]));
  const pick = (file: string) => {
    store.update({ picked: file });
    keepState({ picked: file });
  };
  // Two charts side by side where each has 360 px at the least.
  const content = Math.min(width, 1200) - 48;
  const chartWidth = Math.max(280, content >= 760 ? (content - 24) / 2 : content);
  return html`<main class="results">
    <header class="results-head">
      <p class="muted" title=${fullText(job.model.file)}>${elide(job.model.name, 60)}</p>
      <h1 aria-live="polite">
        ${headline(job, compared).map(
          ({ text, verdict, title }) =>
            html`<span class=${verdict === undefined ? '' : `verdict-${verdict}`} title=${title ?? nothing}
              >${text}</span
            >`,
        )}
      </h1>
      ${
        running
          ? jobProgress(job.progress, cancelling, () => {
              store.update({ cancelling: true });
              host.notify({ kind: 'cancel' });
            })
          : ended(job, compared ?? base, picked !== undefined && compared?.file === picked)
      }
    </header>
    ${
      running || variants.length > 0
        ? html`${variantTable(job, rows, compared, pick, width)}
            <div class="charts">
              ${distributionChart(base, compared, chartWidth, running)}
              ${paretoChart(variants, base, compared, chartWidth, running)}
            </div>`
        : nothing
    }
    ${floatNodes(compared)}
    <footer class="muted small tabular">
      <p>${machineText(job)}</p>
      <p>${dataText(job)}</p>
    </footer>
  </main>`;
}

/** What stands below the headline of a job that has ended: why, and what can be done with what it made. */
function ended(job: JobView, subject: Variant | undefined, picked: boolean) {
  return html`${
    job.error === null
      ? nothing
      : html`<div class="failure" role="alert">
          ${icon('error', 'severity-error')}
          <div>
            <p class="wrap">${visible(job.error.message)}</p>
            ${diagnosticList(furtherDiagnostics(job.error), undefined, 8)}
            ${rowsOf(job).length > 0 ? html`<p class="muted">What was found until then stays below.</p>` : nothing}
          </div>
        </div>`
  }
  ${subject === undefined || !exists(subject) ? nothing : buttons(job, subject, picked)}`;
}

/** A variant has a row before it has a file; it may never get one. */
const exists = ({ failed, fileBytes }: Variant): boolean => failed === undefined && fileBytes > 0;

const nameOf = ({ file }: Variant) => elide(file.split(/[\\/]/).pop() ?? file, 40);

/** Serves one variant; the button says which. */
const deployButton = (variant: Variant, primary: boolean) =>
  html`<button
    type="button"
    class=${primary ? 'primary' : 'secondary'}
    title="Serve ${nameOf(variant)} on this machine"
    @click=${() => host.notify({ kind: 'deploy', file: variant.file })}
  >
    Deploy ${variant.recipe === 'original' ? 'the Original' : visible(variant.recipe)}
  </button>`;

/** What to do with `subject`; what the job chose is the one to deploy first, unless the user has picked another. */
function buttons(job: JobView, subject: Variant, picked: boolean) {
  const { file } = subject;
  const name = nameOf(subject);
  const isOriginal = subject.recipe === 'original';
  const report = (format: 'markdown' | 'csv' | 'json', text: string) => () =>
    host.notify({ kind: 'exportReport', format, text });
  const command = recipeCommand(job, subject);
  const chosen = job.rows.find((row) => row.file === job.result?.chosen);
  const other = picked || chosen === undefined || chosen.file === file ? undefined : chosen;
  return html`<div class="buttons" role="group" aria-label="Actions on ${name}">
    ${other === undefined ? nothing : deployButton(other, true)} ${deployButton(subject, other === undefined)}
    <button
      type="button"
      class="secondary"
      title="Keep ${name} and remove the other variants; the original stays"
      ?disabled=${isOriginal}
      @click=${() => host.notify({ kind: 'keep', file })}
    >
      Keep
    </button>
    <button
      type="button"
      class="secondary"
      title="Open ${name} in the model editor"
      @click=${() => host.notify({ kind: 'openModel', file })}
    >
      Open
    </button>
    <button
      type="button"
      class="secondary"
      title="Open the original and ${name} side by side, with what changed between them"
      ?disabled=${isOriginal}
      @click=${() => host.notify({ kind: 'differences', file })}
    >
      Show Differences
    </button>
    ${menuButton('Copy Report', [
      { label: 'As Markdown', run: report('markdown', markdownReport(job)) },
      { label: 'As CSV', run: report('csv', csvReport(job)) },
      { label: 'As JSON', run: report('json', jsonReport(job)) },
      {
        label: 'Command Line of This Variant',
        disabled: command === undefined,
        run: () => command !== undefined && host.notify({ kind: 'copyRecipe', text: command }),
      },
    ])}
    <span class="muted small">${name}</span>
  </div>`;
}

document.body.classList.add('results-page');
applyPalette();
watchTheme(applyPalette);
const update = (state: ResultsState) => render(page(state), document.body);
update(store.state);
store.subscribe(update);
new ResizeObserver(() => store.update({ width: document.body.clientWidth })).observe(document.body);
host.notify({ kind: 'ready' });
