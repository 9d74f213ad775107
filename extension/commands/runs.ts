// What can be done with the history: open a past result, see a model's history as plots, compare two runs, remove.

import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { CompressResult, Variant } from '../../daemon/protocol/compress';
import { GetRun, type RunRecord, type RunSummary } from '../../daemon/protocol/runs';
import type { Context } from '../context';
import { restore } from '../jobs/restore';
import { HistoryPanel } from '../panels/history';
import { removeRunsAfterQuestion } from '../panels/removeRuns';
import { ResultsPanel } from '../panels/results';
import type { RunItem } from '../views/runs';
import { openJob } from './job';
import { pickModel } from './pickModel';

const isRunItem = (one: unknown): one is RunItem =>
  typeof one === 'object' && one !== null && 'kind' in one && (one.kind === 'run' || one.kind === 'model');

const runsOf = (item: RunItem): readonly RunSummary[] => (item.kind === 'run' ? [item.run] : item.runs);

/** What a menu of the tree gives: the item, and all that are selected where there are several. */
function selected(argument: unknown, more: unknown): RunItem[] {
  const several = Array.isArray(more) ? more.filter(isRunItem) : [];
  if (several.length > 0) return several;
  return isRunItem(argument) ? [argument] : [];
}

/** Opens the panel of the job that a run was of, with its result. Takes an item of the view, or an id. */
export async function openRun(context: Context, argument: unknown): Promise<void> {
  const id =
    typeof argument === 'string'
      ? argument
      : isRunItem(argument) && argument.kind === 'run'
        ? argument.run.id
        : undefined;
  if (id === undefined) return;
  const record = await context.daemon.request(GetRun, { id });
  const path = record.models[0]?.path;
  if (path === undefined) throw new Error('This run does not say which model it was of.');
  if (record.method === 'slipway/compress') {
    openCompressed(context, record, path);
    return;
  }
  const restored = restore(record, path, (uri) => vscode.Uri.parse(uri, true).fsPath);
  if (!restored) throw new Error(`Results of ${record.method} have no panel in this version of Slipway.`);
  await openJob(context, restored.job, vscode.Uri.file(path), {
    method: restored.method.id,
    restored: { id, run: restored.run },
  });
}

function openCompressed(context: Context, record: RunRecord, path: string): void {
  const model = vscode.Uri.file(path);
  const panel = new ResultsPanel(context, `Compress ${basename(path)}`, model, []);
  const rows = record.rows as Variant[];
  if (record.state === 'done') {
    const result = record.result as CompressResult;
    panel.update({ progress: null, result, rows: result.variants });
  } else if (record.state === 'cancelled') panel.update({ progress: null, cancelled: true, rows });
  else {
    const message =
      record.error ??
      'It did not come to its end: the process that ran it ended, or it still runs elsewhere.';
    panel.update({ progress: null, rows, error: { message } });
  }
}

/** Opens the history of a model as plots and a table. */
export async function showHistory(context: Context, argument: unknown): Promise<void> {
  const model = isRunItem(argument) ? vscode.Uri.file(argument.path) : await pickModel(argument);
  if (model) HistoryPanel.show(context, model);
}

/** Compares two runs that are selected in the view, figure by figure. */
export async function compareRuns(context: Context, argument: unknown, more: unknown): Promise<void> {
  const runs = selected(argument, more).filter((item) => item.kind === 'run');
  const [first, second] = runs;
  if (runs.length !== 2 || !first || !second) {
    await vscode.window.showInformationMessage(
      'Select two runs in the Runs view (Ctrl or Cmd and click), then compare them.',
    );
    return;
  }
  // The older one is what the newer is held against.
  const [older, newer] = first.run.id < second.run.id ? [first, second] : [second, first];
  HistoryPanel.show(context, vscode.Uri.file(newer.path), [older.run.id, newer.run.id]);
}

/** Removes runs from the history after a question; what they wrote stays. */
export async function removeRuns(context: Context, argument: unknown, more: unknown): Promise<void> {
  const ids = [...new Set(selected(argument, more).flatMap((item) => runsOf(item).map(({ id }) => id)))];
  await removeRunsAfterQuestion(context, ids);
}
