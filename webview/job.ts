// The page of a job: a form on the left, what comes of it on the right. The host sends everything that it knows; the
// page adds what the user is filling in.

import { html, nothing, render } from 'lit';
import type { FieldValue, MethodForm } from '../daemon/protocol/jobPage';
import { PageFailure } from '../daemon/protocol/pageChannel';
import { watchTheme } from './graph/theme';
import { connectJob, keepState, keptState } from './host';
import { formView } from './job/form';
import { outcomeView } from './job/outcome';
import {
  formProblem,
  methodOf,
  readKept,
  sentValues,
  valuesOf,
  withValue,
  type EstimateState,
  type JobState,
} from './job/state';
import { Store } from './state/store';
import { bytes, exactBytes } from './ui/format';
import { applyPalette } from './ui/palette';
import { elide, fullText, visible } from './ui/text';

const kept = readKept(keptState());
const store = new Store<JobState>({
  page: undefined,
  method: kept.method,
  values: kept.values ?? {},
  moreOpen: kept.moreOpen ?? false,
  helped: undefined,
  estimates: {},
  shown: undefined,
  cancelling: false,
  width: document.body.clientWidth,
});

const host = connectJob(({ page }) => {
  const running = page.runs.some(({ state }) => state === 'running');
  const brought = page.front !== undefined && page.front !== store.state.page?.front;
  const before = store.state.page;
  const filled = before !== undefined && page.filled !== before.filled;
  store.update({
    page,
    cancelling: store.state.cancelling && running,
    ...(brought ? { shown: page.front, method: page.method } : {}),
    ...(filled ? { method: page.method, values: withValue(store.state.values, page.method, undefined) } : {}),
  });
  estimateSoon();
});

function keep(): void {
  const { method, values, moreOpen } = store.state;
  keepState({ method, values, moreOpen });
}

/** The values that a method's size was asked for last: the same are not asked again. */
const asked = new Map<string, string>();
let timer: number | undefined;

/** Asks for sizes once the form has been still for a moment. */
function estimateSoon(): void {
  clearTimeout(timer);
  timer = window.setTimeout(() => void estimateAll(), 150);
}

/** The shown method first; the others are there to choose by. */
async function estimateAll(): Promise<void> {
  const { state } = store;
  const shown = methodOf(state);
  if (shown === undefined) return;
  const others = (state.page?.methods ?? []).filter(({ id }) => id !== shown.id);
  for (const method of [shown, ...others]) if (method.estimates) await estimate(method);
}

async function estimate(method: MethodForm): Promise<void> {
  const values = sentValues(method, valuesOf(store.state, method));
  const key = JSON.stringify(values);
  if (asked.get(method.id) === key) return;
  asked.set(method.id, key);
  const update = (next: EstimateState) =>
    store.update({ estimates: { ...store.state.estimates, [method.id]: next } });
  update({ state: 'asking', last: store.state.estimates[method.id]?.last });
  try {
    const last = await host.request('estimate', { method: method.id, values });
    if (asked.get(method.id) === key) update({ state: 'known', last });
  } catch (error) {
    if (asked.get(method.id) !== key || !(error instanceof PageFailure)) return;
    update({ state: 'failed', error: error.error, last: undefined });
  }
}

/** A run was asked for, and is not to be seen yet. */
let outcomeWanted = false;

function change(method: MethodForm, name: string, value: FieldValue | undefined): void {
  const values = withValue(valuesOf(store.state, method), name, value);
  store.update({ values: { ...store.state.values, [method.id]: values }, helped: name });
  keep();
  estimateSoon();
}

function run(method: MethodForm): void {
  const values = valuesOf(store.state, method);
  if (formProblem(method, values) !== undefined) return;
  store.update({ shown: undefined });
  outcomeWanted = true;
  host.notify({ kind: 'run', method: method.id, values: sentValues(method, values) });
}

/**
 * Brings the run to where it can be seen: in a narrow panel it is below the form, beside a long form it is above what is in
 * sight when the button is pressed.
 */
function bringOutcome(): void {
  const outcome = document.querySelector('.outcome');
  if (outcome === null) return;
  const { top } = outcome.getBoundingClientRect();
  if (top < 0 || top > 0.6 * window.innerHeight) outcome.scrollIntoView();
}

function view(state: JobState) {
  const { page } = state;
  const method = methodOf(state);
  if (page === undefined || method === undefined)
    return html`<main class="results job" aria-busy="true"></main>`;
  const running = page.runs.some((one) => one.state === 'running');
  const choose = (id: string) => {
    store.update({ method: id, helped: undefined });
    keep();
    estimateSoon();
  };
  const wide = state.width >= 760;
  const outcomeWidth = Math.min(state.width, 1280) - 48 - (wide ? 320 + 40 : 0);
  return html`<main class="results job ${wide ? 'wide' : ''}">
    <header class="job-head">
      <h1>
        ${visible(page.title)} <span title=${fullText(page.model.file)}>${elide(page.model.name, 60)}</span>
      </h1>
      ${
        page.model.bytes === null
          ? nothing
          : html`<p class="muted tabular" title=${exactBytes(page.model.bytes)}>
              ${bytes(page.model.bytes)}
            </p>`
      }
    </header>
    ${formView(state, method, running, {
      choose,
      unfold(moreOpen) {
        if (moreOpen === store.state.moreOpen) return;
        store.update({ moreOpen });
        keep();
      },
      change: (name, value) => change(method, name, value),
      help: (helped) => store.update({ helped }),
      pick: (field) => host.request('pick', { method: method.id, field }),
      run: () => run(method),
      copyCommand: () =>
        void host
          .request('command', {
            method: method.id,
            values: sentValues(method, valuesOf(store.state, method)),
          })
          .then((text) => host.notify({ kind: 'copy', text })),
      manageTrust: () => host.notify({ kind: 'manageTrust' }),
    })}
    ${outcomeView(state, page, method, outcomeWidth, {
      tell: (note) => host.notify(note),
      cancel() {
        store.update({ cancelling: true });
        host.notify({ kind: 'cancel' });
      },
      show(shown) {
        store.update({ shown });
        bringOutcome();
      },
      choose,
    })}
  </main>`;
}

document.body.classList.add('results-page');
applyPalette();
watchTheme(applyPalette);
const update = (state: JobState) => {
  render(view(state), document.body);
  if (!outcomeWanted || !state.page?.runs.some((one) => one.state === 'running')) return;
  outcomeWanted = false;
  bringOutcome();
};
update(store.state);
store.subscribe(update);
new ResizeObserver(() => store.update({ width: document.body.clientWidth })).observe(document.body);
host.notify({ kind: 'ready' });
