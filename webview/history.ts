// The page of a model's history: figures over runs as plots, the runs as a table, and two of them compared.

import { html, nothing, render } from 'lit';
import type { HistoryPage } from '../daemon/protocol/historyPage';
import type { RunSummary } from '../daemon/protocol/runs';
import { lineChart } from './charts/lines';
import { watchTheme } from './graph/theme';
import { compareView } from './history/compareView';
import { runTable } from './history/runTable';
import { historyCharts, historyLines, modelOrder, type HistoryChart } from './history/series';
import { shortWhen } from './history/when';
import { connectHistory, keepState, keptState } from './host';
import { Store } from './state/store';
import { icon } from './ui/icon';
import { plural } from './ui/format';
import { applyPalette } from './ui/palette';
import { elide, fullText, visible } from './ui/text';

interface HistoryState {
  page: HistoryPage | undefined;
  /** Ids of the runs that are picked, two at the most. */
  picked: readonly string[];
  /** How figures were measured, by figure; the most frequent way where there is none. */
  settings: Readonly<Record<string, string>>;
  width: number;
}

const store = new Store<HistoryState>({
  page: undefined,
  picked: readPicked(keptState()),
  settings: {},
  width: document.body.clientWidth,
});

const host = connectHistory(({ page }) => {
  const known = new Set(page.runs?.map(({ id }) => id));
  const asked = page.compare !== store.state.page?.compare ? page.compare : undefined;
  const picked = asked ?? store.state.picked;
  store.update({ page, picked: page.runs === undefined ? picked : picked.filter((id) => known.has(id)) });
});

function readPicked(state: unknown): string[] {
  const picked = typeof state === 'object' && state !== null && 'picked' in state ? state.picked : undefined;
  return Array.isArray(picked) ? picked.filter((id): id is string => typeof id === 'string') : [];
}

function pick(picked: readonly string[]): void {
  store.update({ picked });
  keepState({ picked });
}

function view({ page, picked, settings, width }: HistoryState) {
  if (page === undefined) return html`<main class="results history" aria-busy="true"></main>`;
  const { model, runs } = page;
  return html`<main class="results history">
    <header class="job-head">
      <h1>History <span title=${fullText(model.file)}>${elide(model.name, 60)}</span></h1>
      ${runs === undefined ? nothing : html`<p class="muted">${plural(runs.length, 'run')}</p>`}
    </header>
    ${
      page.error === undefined
        ? nothing
        : html`<div class="failure" role="alert">
            ${icon('error', 'severity-error')}
            <p class="wrap">${visible(page.error)}</p>
          </div>`
    }
    ${runs === undefined ? nothing : runs.length === 0 ? empty() : whole(page, runs, picked, settings, width)}
  </main>`;
}

const empty = () =>
  html`<p>
      Nothing was run on this model yet. Every benchmark, profile, evaluation and compression is kept here,
      with its result, whether it was run here or by the command line.
    </p>
    <div class="buttons history-empty">
      <button type="button" class="primary" @click=${() => host.notify({ kind: 'benchmark' })}>
        Benchmark…
      </button>
    </div>`;

function whole(
  { jobs, model }: HistoryPage,
  runs: readonly RunSummary[],
  picked: readonly string[],
  settings: HistoryState['settings'],
  width: number,
) {
  const content = Math.min(width, 1200) - 48;
  const two = content >= 700;
  const chart = Math.max(280, Math.min(two ? (content - 24) / 2 : content, 560));
  const order = modelOrder(runs, model.file);
  // One point is no history: the table has it.
  const plotted = historyCharts(runs)
    .filter((one) => one.runs > 1)
    .slice(0, 6);
  const titleOf = (run: RunSummary) => jobs[run.method] ?? run.title;
  // Ids sort by time: the older of the two is what the newer is held against.
  const [before, after] = [...picked].sort().map((id) => runs.find((run) => run.id === id));
  return html`
    ${
      before === undefined || after === undefined
        ? nothing
        : compareView(before, after, titleOf, () => pick([]))
    }
    ${
      plotted.length === 0
        ? html`<p class="muted">Measure a figure twice, and it is plotted here over the runs.</p>`
        : html`<div class="charts ${two ? 'two' : ''}">
            ${plotted.map((one) => plot(one, runs, order, settings[one.figure], chart))}
          </div>`
    }
    <div class="table-head">
      <h3>Runs</h3>
      <p class="muted small" role="status">
        ${picked.length === 1 ? 'Pick another one to compare the two.' : picked.length === 0 ? 'Pick two to compare them.' : ''}
      </p>
    </div>
    ${runTable(runs, picked, titleOf, {
      pick: (run, on) => pick(on ? [...picked, run] : picked.filter((id) => id !== run)),
      open: (run) => host.notify({ kind: 'open', run }),
      remove: (list) => host.notify({ kind: 'remove', runs: list }),
    })}
  `;
}

function plot(
  chart: HistoryChart,
  runs: readonly RunSummary[],
  order: readonly string[],
  setting: string | undefined,
  width: number,
) {
  const now = new Date();
  const lines = historyLines(chart, runs, order, setting, ({ startedAt }) => shortWhen(startedAt, now));
  return html`<div class="history-chart">
    ${lineChart(lines, width)}
    ${
      chart.settings.length < 2
        ? nothing
        : html`<label class="history-setting small muted"
            >Measured with
            <select
              class="input"
              @change=${(event: Event) =>
                store.update({
                  settings: {
                    ...store.state.settings,
                    [chart.figure]: (event.target as HTMLSelectElement).value,
                  },
                })}
            >
              ${chart.settings.map(
                (one) =>
                  html`<option value=${one} .selected=${one === (setting ?? chart.settings[0])}>
                    ${visible(one)}
                  </option>`,
              )}
            </select></label
          >`
    }
  </div>`;
}

document.body.classList.add('results-page');
applyPalette();
watchTheme(applyPalette);
const update = (state: HistoryState) => render(view(state), document.body);
update(store.state);
store.subscribe(update);
new ResizeObserver(() => store.update({ width: document.body.clientWidth })).observe(document.body);
host.notify({ kind: 'ready' });
