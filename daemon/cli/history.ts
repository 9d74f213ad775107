// slipway history: the runs that were kept, of this command and of the editor's daemon, which share one folder.

import { basename, join, resolve } from 'node:path';
import { badRequest, notFound } from '../base/errors';
import { omit } from '../base/omit';
import { compareFigures, type ComparedFigure } from '../protocol/compareFigures';
import type { RunFigure, RunRecord, RunSummary } from '../protocol/runs';
import { stateFolder } from '../server/daemonFile';
import { RunStore } from '../workspace/runs';
import { choiceOption, countOption, textOption, UsageError } from './args';
import type { Command, Outcome } from './command';
import { byteText, percent, significant } from './format';
import { renderList, renderTable } from './table';

/** Commands, and the requests that their runs answered. */
const jobs = {
  benchmark: ['benchmark'],
  profile: ['profile'],
  evaluate: ['evaluate'],
  compress: ['compress'],
  optimize: ['optimize'],
  quantize: ['quantize', 'quantizeWeights', 'convertPrecision'],
  prune: ['prune', 'pruneWeights'],
  'low-rank': ['lowRank'],
  cluster: ['cluster'],
  sensitivity: ['sensitivity', 'pruneSensitivity'],
  run: ['runRecipe'],
} as const;
type Job = keyof typeof jobs;

export const historyCommand: Command = {
  spec: {
    name: 'history',
    summary: 'Lists what was run, here and in the editor, shows single runs, and compares two of them',
    usage: 'history [MODEL]',
    options: {
      job: {
        type: 'string',
        value: 'COMMAND',
        help: `Runs of one command only: ${Object.keys(jobs).join(', ')}`,
      },
      limit: { type: 'string', value: 'N', help: 'The newest N; 20 when absent' },
      show: { type: 'string', value: 'ID', help: 'One run with what was asked; with --json also its result' },
      compare: { type: 'string', value: 'ID,ID', help: 'The figures of two runs side by side' },
      remove: { type: 'string', value: 'ID,…', help: 'Remove runs; one that is going on stays' },
    },
    positionals: { min: 0, max: 1, what: 'A model: its runs only' },
    examples: [
      'slipway history',
      'slipway history resnet.onnx --job benchmark',
      'slipway history --compare 3fa2c1,9b04de',
      'slipway history --show 9b04de --json',
    ],
    notes: ['An ID may be shortened to any part that only one run has: its last six letters, say.'],
  },
  async run(args, { note }) {
    const store = new RunStore({ folder: join(stateFolder(), 'runs'), client: 'cli', warn: note });
    const [show, compare, remove] = ['show', 'compare', 'remove'].map((name) => textOption(args, name));
    if ([show, compare, remove].filter((one) => one !== undefined).length > 1)
      throw new UsageError('--show, --compare and --remove are three different things: name one of them.');
    if (show !== undefined) return shown(await store.get(await idOf(store, show)));
    if (compare !== undefined) return compared(store, compare.split(','));
    if (remove !== undefined) return removed(store, remove.split(','));
    const [path] = args.positionals;
    const job = choiceOption(args, 'job', Object.keys(jobs) as Job[]);
    const runs = await store.list({
      path: path === undefined ? undefined : resolve(path),
      methods: job && jobs[job].map((name) => `slipway/${name}`),
      limit: countOption(args, 'limit') ?? 20,
    });
    return { result: { runs, folder: store.folder }, text: listed(runs, path, store.folder) };
  },
};

/** The whole id of the one run that has this part. */
async function idOf(store: RunStore, part: string): Promise<string> {
  const ids = (await store.list({ limit: Number.POSITIVE_INFINITY })).map(({ id }) => id);
  if (ids.includes(part)) return part;
  const found = part === '' ? [] : ids.filter((id) => id.includes(part));
  const [only] = found;
  if (only === undefined)
    throw notFound(`There is no run "${part}". slipway history lists them with their ids.`);
  if (found.length > 1)
    throw badRequest(`${found.length} runs have "${part}" in their ids. Give more of it, ${only} say.`);
  return only;
}

async function compared(store: RunStore, parts: readonly string[]): Promise<Outcome> {
  if (parts.length !== 2) throw new UsageError('--compare takes two ids, as in --compare 3fa2c1,9b04de.');
  const [one, other] = [await idOf(store, parts[0]!), await idOf(store, parts[1]!)];
  if (one === other) throw badRequest('Both ids are those of the same run.');
  // Ids sort by time.
  const [before, after] = [
    await store.get(one < other ? one : other),
    await store.get(one < other ? other : one),
  ];
  const summary = (run: RunRecord): RunSummary => omit(run, 'params', 'result', 'rows');
  const figures = compareFigures(before, after);
  const result = { before: summary(before), after: summary(after), figures };
  return { result, text: comparedText(before, after, figures) };
}

async function removed(store: RunStore, parts: readonly string[]): Promise<Outcome> {
  const ids: string[] = [];
  for (const part of parts) ids.push(await idOf(store, part));
  const gone = await store.remove(ids);
  const stayed = ids.length - gone.length;
  const text = `${gone.length} removed.${stayed === 0 ? '' : ` ${stayed} still going on.`}`;
  return { result: { removed: gone }, text };
}

function listed(runs: readonly RunSummary[], path: string | undefined, folder: string): string {
  if (runs.length === 0)
    return path === undefined
      ? `Nothing was run yet. Runs are kept in ${folder}.`
      : `Nothing was run on ${path} yet. slipway history lists the runs of all models.`;
  return renderTable(
    [
      { title: 'Id' },
      { title: 'Began' },
      { title: 'Run' },
      { title: 'State' },
      { title: 'Figures' },
      { title: 'Took', align: 'right' },
      { title: 'By' },
    ],
    runs.map((run) => [
      run.id.slice(-6),
      when(run.startedAt),
      run.title,
      run.state,
      run.error === null ? mainFigures(run) : short(run.error),
      took(run.durationMs),
      client(run),
    ]),
  );
}

/** The figures of what a job chose, else the first ones. */
function mainFigures({ figures }: RunSummary): string {
  const chosen = figures.filter((figure) => figure.chosen === true);
  const told = chosen.length > 0 ? chosen : figures;
  const more = told.length > 3 ? `, ${told.length - 3} more` : '';
  return told.slice(0, 3).map((figure) => `${figure.name} ${valueText(figure)}`).join(', ') + more; // prettier-ignore
}

function shown(run: RunRecord): Outcome {
  const models = run.models.map(({ role, path, digest, fileBytes }): [string, string] => [
    role === 'model' ? 'Model' : role === 'against' ? 'Against' : 'Reference',
    [
      path,
      ...(fileBytes === null ? [] : [byteText(fileBytes)]),
      ...(digest === null ? [] : [digest.slice(0, 19)]),
    ].join(', '),
  ]);
  const asked = Object.entries((run.params ?? {}) as Record<string, unknown>)
    .filter(([name]) => !['uri', 'uris', 'against', 'reference'].includes(name))
    .map(([name, value]) => `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const rows: [string, string][] = [
    ['Id', run.id],
    ['State', run.error === null ? run.state : `${run.state}: ${run.error}`],
    ['Began', when(run.startedAt)],
    ['Took', took(run.durationMs)],
    ['By', `${client(run)}, Slipway ${run.version}`],
    ...models,
    ['Asked', asked.length === 0 ? 'nothing more' : asked.join(', ')],
  ];
  const table = renderTable(
    [{ title: 'Figure' }, { title: 'Value', align: 'right' }, { title: '95 % interval' }, { title: 'Of' }],
    run.figures.map((one) => [one.name, valueText(one), interval(one), subject(one.model, one.setting)]),
  );
  const text = [run.title, '', renderList(rows), ...(run.figures.length > 0 ? ['', table] : [])].join('\n');
  return { result: run, text };
}

function comparedText(before: RunSummary, after: RunSummary, figures: readonly ComparedFigure[]): string {
  const told = (run: RunSummary): string => `${run.title}, ${when(run.startedAt)}`;
  const [was, is] = [before.models[0]?.digest, after.models[0]?.digest];
  const cell = (one: RunFigure | undefined) =>
    one === undefined ? '–' : [valueText(one), interval(one)].filter((text) => text !== '').join(' ');
  const right = 'right' as const;
  return [
    renderList([
      ['Before', told(before)],
      ['After', told(after)],
    ]),
    ...(was && is && was !== is ? ['', 'The model has changed between the two.'] : []),
    '',
    figures.length === 0
      ? 'Neither of the two has a figure.'
      : renderTable(
          [
            { title: 'Figure' },
            ...['Before', 'After', 'After / before'].map((title) => ({ title, align: right })),
            { title: '' },
            { title: 'Of' },
          ],
          figures.map(({ name, before: a, after: b, ratio, verdict, model, setting }) => [
            name,
            cell(a),
            cell(b),
            ratio === undefined ? '–' : `${significant(ratio)}×`,
            verdict === 'same' ? 'no difference' : (verdict ?? 'in one only'),
            subject(model, setting),
          ]),
        ),
  ].join('\n');
}

/** Scores from 0 to 1 that are shares. */
const shares = new Set(['top1', 'topk', 'precision', 'recall', 'f1', 'agreement', 'map']);

function valueText({ name, unit, value }: Pick<RunFigure, 'name' | 'unit' | 'value'>): string {
  if (shares.has(name)) return percent(value);
  if (name === 'cosine') return value.toFixed(5);
  return `${significant(value)}${unit === '' ? '' : unit === '×' ? unit : ` ${unit}`}`;
}

const interval = ({ low, high, ...figure }: RunFigure): string =>
  low === undefined || high === undefined
    ? ''
    : `(${valueText({ ...figure, value: low })}–${valueText({ ...figure, value: high })})`;

const subject = (model: string | undefined, setting: string | undefined): string =>
  [model === undefined ? '' : basename(model), setting ?? ''].filter((text) => text !== '').join(', ');

const client = ({ client: by }: RunSummary): string => (by === 'cli' ? 'command' : 'editor');

const short = (text: string): string => (text.length > 60 ? `${text.slice(0, 59)}…` : text);

const took = (ms: number | null): string =>
  ms === null ? '–' : ms < 1000 ? `${significant(ms)} ms` : `${significant(ms / 1000)} s`;

/** "2026-11-29 20:25:12", as the clock on the wall says. */
function when(startedAt: string): string {
  const at = new Date(startedAt);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}
