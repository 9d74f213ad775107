// One run of the job: its headline, what can be done with it, and the parts that belong to its kind.

import { html, nothing, type TemplateResult } from 'lit';
import type { JobFromPage, JobPage, JobResult, JobRun } from '../../daemon/protocol/jobPage';
import type { Measurement } from '../../daemon/protocol/benchmark';
import type { ProfileResult } from '../../daemon/protocol/profile';
import type { GroupSensitivity } from '../../daemon/protocol/pruneSensitivity';
import type { LayerSensitivity } from '../../daemon/protocol/sensitivity';
import { diagnosticList, furtherDiagnostics } from '../ui/diagnostics';
import { speedVerdict } from '../compare/comparison';
import { count, inUnit, milliseconds, percent, plural, signed, three } from '../ui/format';
import { icon } from '../ui/icon';
import { menuButton } from '../ui/menu';
import { elide, fullText, visible } from '../ui/text';
import { benchmarkCsv, benchmarkParts, type Benchmarked } from './results/benchmark';
import { evaluateHeadline, evaluateParts } from './results/evaluate';
import { profileParts } from './results/profile';
import { lowRankParts } from './results/lowRank';
import { clusterParts, optimizeParts } from './results/others';
import { pruneParts } from './results/prune';
import { pruneSensitivityParts } from './results/pruneSensitivity';
import { quantizeParts, speedOf } from './results/quantize';
import { recipeParts } from './results/recipe';
import { sensitivityParts } from './results/sensitivity';
import { zerosParts } from './results/zeros';
import { sizeBars } from './sizes';

export type Tell = (note: JobFromPage) => void;

export const fileName = (path: string) => path.split(/[\\/]/).pop() ?? path;

/** The file that a run wrote, with its size. */
export function written(result: JobResult | null) {
  if (result === null || !('output' in result.value)) return undefined;
  const { output, before, after } = result.value;
  return { output, before: before.fileBytes, after: after.fileBytes };
}

export function runResult(page: JobPage, run: JobRun, width: number, tell: Tell): TemplateResult {
  return html`<section class="run" aria-label="Result">
    ${run.state === 'failed' || run.state === 'cancelled' ? ended(run, tell) : nothing}
    ${run.result === null ? partial(run, width) : whole(page, run, run.result, width, tell)}
  </section>`;
}

/** Why a run has no result, and what it has left. */
function ended({ state, title, error, rows, left }: JobRun, tell: Tell): TemplateResult {
  const kept =
    rows.length > 0 ? html`<p class="muted">What was measured until then stays below.</p>` : nothing;
  const heading = html`<h2 class="run-title" aria-live="polite">
    ${visible(title)}: ${state === 'cancelled' ? 'cancelled' : 'failed'}
  </h2>`;
  const file =
    left === null
      ? html`<p class="muted">Nothing was written.</p>`
      : html`<p>
          The best version until then is kept:
          <button
            type="button"
            class="link"
            title=${fullText(left)}
            @click=${() => tell({ kind: 'open', file: left })}
          >
            ${elide(fileName(left), 48)}
          </button>
        </p>`;
  if (state === 'cancelled') return html`${heading} ${file} ${kept}`;
  return html`${heading}
    <div class="failure" role="alert">
      ${icon('error', 'severity-error')}
      <div>
        <p class="wrap">${visible(error?.message ?? 'It failed.')}</p>
        ${error === null ? nothing : diagnosticList(furtherDiagnostics(error), undefined, 8)} ${kept}
      </div>
    </div>
    ${left === null ? nothing : file}`;
}

/** What has come while it runs, or until it ended. */
function partial({ rows, state }: JobRun, width: number) {
  const groups = rows.filter((row): row is GroupSensitivity => 'alone' in row && 'from' in row);
  if (groups.length > 0) return pruneSensitivityParts(groups, undefined);
  const layers = rows.filter((row): row is LayerSensitivity => 'alone' in row && 'node' in row);
  if (layers.length > 0) return sensitivityParts(layers, undefined);
  const measured = rows.filter((row): row is Measurement => 'latencyMs' in row);
  return measured.length === 0
    ? nothing
    : benchmarkParts({ results: newest(measured), ratios: [] }, width, state === 'running');
}

/** A later row of the same model and setting replaces the earlier one. */
function newest(rows: readonly Measurement[]): Measurement[] {
  const known = new Map<string, Measurement>();
  for (const row of rows) known.set([row.model, row.device, row.threads, row.batch].join('\0'), row);
  return [...known.values()];
}

function whole(page: JobPage, run: JobRun, result: JobResult, width: number, tell: Tell): TemplateResult {
  const file = written(result);
  const { diagnostics = [] } = result.value as { diagnostics?: Parameters<typeof diagnosticList>[0] };
  return html`
    <h2 class="run-title" aria-live="polite">${headline(run, result)}</h2>
    <div class="buttons" role="group" aria-label="Actions">
      ${
        file === undefined
          ? html`${onGraph(run, tell)} ${copyTable(result, tell)} ${copyButton(run, tell)}`
          : fileButtons(run, file.output, tell)
      }
    </div>
    ${
      file === undefined || run.overlays.length === 0
        ? nothing
        : html`<div class="buttons" role="group" aria-label="On the graph">${onGraph(run, tell)}</div>`
    }
    ${
      file === undefined
        ? nothing
        : sizeBars(
            [
              { label: page.model.name, bytes: file.before, colour: 'series-a' },
              { label: fileName(file.output), bytes: file.after, colour: 'series-b' },
            ],
            width,
          )
    }
    ${parts(result, width)} ${measuresLayers(result) ? eachLayer(run, tell) : nothing}
    ${
      diagnostics.length === 0
        ? nothing
        : html`<h3>Noticed on the way</h3>
            ${diagnosticList(diagnostics, undefined, 20)}`
    }
  `;
}

/** What the result says of single nodes, to be painted. */
const onGraph = (run: JobRun, tell: Tell): TemplateResult =>
  html`${run.overlays.map(
    (overlay) =>
      html`<button
        type="button"
        class="secondary"
        title="Paint it on the graph in the model editor"
        @click=${() => tell({ kind: 'paint', run: run.id, overlay })}
      >
        ${visible(overlay)} on the graph
      </button>`,
  )}`;

/** What each layer loses is not known yet: said where it would stand, with the button that measures it. */
const eachLayer = (run: JobRun, tell: Tell): TemplateResult =>
  html`<h3>Error of each layer</h3>
    <p>
      Not measured yet. Which layers lose most by rounding is found by rounding one at a time, on the same
      data, and is painted on the graph: those can be kept in float.
    </p>
    <div class="buttons">
      <button
        type="button"
        class="secondary"
        title="Opens Measure Sensitivity and runs it with the data and options of this run"
        @click=${() => tell({ kind: 'layers', run: run.id })}
      >
        Measure Each Layer
      </button>
    </div>`;

/** Static quantization says what runs in integers; what each layer loses by that takes a measurement of its own. */
const measuresLayers = (result: JobResult): boolean =>
  result.kind === 'quantize' &&
  typeof result.value.scheme === 'string' &&
  !('weightOnly' in result.value) &&
  !('search' in result.value);

/** Measured numbers go on into spreadsheets. */
const copyTable = (result: JobResult, tell: Tell) =>
  result.kind === 'benchmark'
    ? html`<button
        type="button"
        class="secondary"
        title="Copy the numbers, one line for each row of the table"
        @click=${() => tell({ kind: 'copy', text: benchmarkCsv(result.value) })}
      >
        Copy as CSV
      </button>`
    : nothing;

const copyButton = (run: JobRun, tell: Tell): TemplateResult =>
  html`<button
    type="button"
    class="secondary"
    title="Copy the command line that does the same"
    @click=${() => tell({ kind: 'copy', text: run.command })}
  >
    Copy Command Line
  </button>`;

function fileButtons(run: JobRun, file: string, tell: Tell): TemplateResult {
  const name = elide(fileName(file), 40);
  if (run.deleted) return html`<span class="muted">${name} is in the trash.</span> ${copyButton(run, tell)}`;
  return html`<button
      type="button"
      class="primary"
      title="Open ${name} in the model editor"
      @click=${() => tell({ kind: 'open', file })}
    >
      Open
    </button>
    <button
      type="button"
      class="secondary"
      title="Open the original and ${name} side by side, with what changed between them"
      @click=${() => tell({ kind: 'differences', file })}
    >
      Show Differences
    </button>
    <button
      type="button"
      class="secondary"
      title="Measure ${name} beside the original"
      @click=${() => tell({ kind: 'compare', file })}
    >
      Benchmark
    </button>
    <button
      type="button"
      class="secondary"
      title="Measure the quality of ${name} beside the original, on labelled data"
      @click=${() => tell({ kind: 'evaluate', file })}
    >
      Evaluate
    </button>
    <button
      type="button"
      class="secondary"
      title="Serve ${name} on this machine"
      @click=${() => tell({ kind: 'deploy', file })}
    >
      Deploy
    </button>
    ${menuButton('More', [
      { label: 'Copy Command Line', run: () => tell({ kind: 'copy', text: run.command }) },
      { label: 'Move to Trash…', run: () => tell({ kind: 'delete', run: run.id }) },
    ])}`;
}

/** The result in a sentence. */
function headline(run: JobRun, result: JobResult): TemplateResult | string {
  const file = written(result);
  if (result.kind === 'optimize') {
    const { before, after } = result.value;
    const name = elide(fileName(result.value.output), 48);
    const fewer = before.nodes - after.nodes;
    const rewrites = result.value.passes.filter(({ changed }) => changed).length;
    if (fewer > 0) return `${name}: ${plural(fewer, 'node')} fewer, computing the same`;
    return rewrites === 0
      ? `${name}: the same nodes as before, there was nothing to simplify`
      : `${name}: as many nodes as before after ${plural(rewrites, 'rewrite')}, computing the same`;
  }
  if (file !== undefined) {
    const share = file.after / Math.max(1, file.before);
    return html`<span title=${fullText(file.output)}>${elide(fileName(file.output), 48)}</span>:
      <span class="verdict-${share < 0.995 ? 'better' : share > 1.005 ? 'worse' : 'same'}"
        >${share > 1.005 ? `${three(share)}× the size` : share < 0.995 ? `${three(share)} of the size` : 'the same size'}</span
      >${tail(result)}`;
  }
  if (result.kind === 'sensitivity') {
    const [first] = result.value.layers;
    return first === undefined
      ? 'No layer can be rounded'
      : `${elide(first.node, 48)} is the most sensitive layer`;
  }
  if (result.kind === 'pruneSensitivity') {
    const [first] = result.value.units;
    return first === undefined
      ? 'No group of channels can be cut'
      : `${elide(first.name, 48)} is the most sensitive group of channels`;
  }
  if (result.kind === 'benchmark') return benchmarkHeadline(result.value);
  if (result.kind === 'evaluate') return evaluateHeadline(result.value);
  if (result.kind === 'profile') return profileHeadline(result.value);
  return visible(run.title);
}

/** The comparison in a sentence, or what one model takes. */
function benchmarkHeadline({ results, ratios }: Benchmarked): TemplateResult | string {
  const [first] = results;
  const [ratio] = ratios;
  if (first === undefined) return 'Nothing could be measured';
  if (ratio === undefined)
    return `${elide(fileName(first.model), 48)}: ${milliseconds(first.latencyMs.p50)} a run, ${first.throughput < 1000 ? three(first.throughput) : count(first.throughput)} per second`;
  const verdict = speedVerdict(ratio);
  const name = elide(fileName(ratio.model), 48);
  const than = elide(fileName(ratio.against), 48);
  if (verdict === 'same') return `${name} is as fast as ${than} within the error`;
  const times = verdict === 'better' ? ratio.p50Ratio : 1 / ratio.p50Ratio;
  const [low, high] = verdict === 'better' ? [ratio.low, ratio.high] : [1 / ratio.high, 1 / ratio.low];
  return html`${name} is
    <span class="verdict-${verdict}">${three(times)}× ${verdict === 'better' ? 'faster' : 'slower'}</span>
    <span class="muted">(${three(low)}–${three(high)})</span> than ${than}`;
}

/** A run's time, and what takes most of it. */
function profileHeadline({
  model,
  runUs,
  byOp,
  difference,
  against,
}: ProfileResult): TemplateResult | string {
  const name = elide(fileName(model), 48);
  if (difference !== undefined && against !== undefined)
    return `${name} takes ${three(difference.runRatio)}× the time of ${elide(fileName(against.model), 48)}`;
  const [first] = byOp;
  return `${name}: ${inUnit(runUs, 'µs')} a run${first === undefined ? '' : `, ${percent(first.share)} of it in ${visible(first.name)}`}`;
}

function tail(result: JobResult): TemplateResult | string {
  if (result.kind === 'prune' || result.kind === 'lowRank') {
    const { before, after } = result.value;
    if (before.macs === null || after.macs === null) return '';
    return `, ${three(after.macs / Math.max(1, before.macs))} of the multiplications`;
  }
  if (result.kind === 'quantize' && !('weightOnly' in result.value)) {
    const { integer, float } = result.value.fusion;
    const share = integer > 0 ? `, ${integer} of ${integer + float} compute nodes run in integers` : '';
    const { speed, accuracy } = result.value;
    const faster = speed === undefined || speed === null ? undefined : speedOf(speed.ratio);
    return html`${share}${faster === undefined ? nothing : html`, <span class="verdict-${faster.verdict}">${faster.text}</span>`}${
      accuracy
        ? html`,
            <span class="nowrap ${accuracy.holds ? '' : 'verdict-worse'}"
              >top-1 ${signed(-100 * accuracy.drop, 2)} points</span
            >`
        : nothing
    }`;
  }
  return '';
}

function parts(result: JobResult, width: number) {
  switch (result.kind) {
    case 'quantize':
      return quantizeParts(result.value);
    case 'prune':
      return pruneParts(result.value);
    case 'zeros':
      return zerosParts(result.value);
    case 'lowRank':
      return lowRankParts(result.value);
    case 'cluster':
      return clusterParts(result.value);
    case 'optimize':
      return optimizeParts(result.value);
    case 'sensitivity':
      return sensitivityParts(result.value.layers, result.value.samples);
    case 'pruneSensitivity':
      return pruneSensitivityParts(result.value.units, result.value);
    case 'recipe':
      return recipeParts(result.value);
    case 'benchmark':
      return benchmarkParts(result.value, width, false);
    case 'profile':
      return profileParts(result.value, width);
    case 'evaluate':
      return evaluateParts(result.value, width);
  }
}
