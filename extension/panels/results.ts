// The results panel: one per job. It keeps the job as far as it is known and sends the whole of it to the page.

import * as vscode from 'vscode';
import { basename } from 'node:path';
import type { JobView, RequestMap, ResultsFromPage, ResultsToPage } from '../../daemon/protocol/page';
import { Channel } from '../../daemon/protocol/pageChannel';
import type { Context } from '../context';
import { followPanel } from './activeModel';
import { mountPage, panelIcon } from './page';

/** Sends to the page at most this often, milliseconds. */
const refreshMs = 100;

export class ResultsPanel {
  private readonly panel: vscode.WebviewPanel;
  private readonly channel: Channel<ResultsToPage, ResultsFromPage>;
  private readonly closed = new vscode.EventEmitter<void>();
  private readonly cancelled = new vscode.EventEmitter<void>();
  private timer: NodeJS.Timeout | undefined;
  private alive = true;
  private job: JobView;

  /** The user asked to cancel the job, by the button or by closing the panel. */
  readonly onCancel = this.cancelled.event;

  constructor(context: Context, title: string, model: vscode.Uri, planned: string[]) {
    this.job = {
      title,
      model: { name: basename(model.fsPath), file: model.fsPath },
      progress: { stage: 'Starting' },
      rows: [],
      planned,
      result: null,
      error: null,
      cancelled: false,
    };
    this.panel = vscode.window.createWebviewPanel(
      'slipway.results',
      title,
      { viewColumn: vscode.ViewColumn.Active },
      { retainContextWhenHidden: false },
    );
    this.panel.iconPath = panelIcon(context);
    followPanel(this.panel, model);
    const port = mountPage(context, this.panel.webview, 'results', title);
    this.channel = new Channel<ResultsToPage, ResultsFromPage, RequestMap, RequestMap>(port, {
      onNote: (note) => this.receive(note),
      onError: (error) => context.log.error(`results panel: ${String(error)}`),
      requests: {},
    });
    this.panel.onDidDispose(() => {
      this.alive = false;
      clearTimeout(this.timer);
      this.channel.dispose();
      this.cancelled.fire();
      this.cancelled.dispose();
      this.closed.dispose();
    });
  }

  /** Changes the job and shows it soon. */
  update(change: Partial<JobView>): void {
    this.job = { ...this.job, ...change };
    if (!this.alive) return;
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.send();
    }, refreshMs);
  }

  /** Adds a row, or replaces the row of the same file. */
  row(row: JobView['rows'][number]): void {
    const rows = [...this.job.rows];
    const at = rows.findIndex(({ file }) => file === row.file);
    if (at < 0) rows.push(row);
    else rows[at] = row;
    this.update({ rows });
  }

  private send(): void {
    if (this.alive) this.channel.notify({ kind: 'job', job: this.job });
  }

  private receive(note: ResultsFromPage): void {
    switch (note.kind) {
      case 'ready':
        this.send();
        return;
      case 'cancel':
        this.cancelled.fire();
        return;
      case 'deploy':
        void vscode.commands.executeCommand('slipway.deploy', vscode.Uri.file(note.file));
        return;
      case 'openModel':
        void vscode.commands.executeCommand('slipway.inspect', vscode.Uri.file(note.file));
        return;
      case 'differences':
        void vscode.commands.executeCommand('slipway.compare', {
          a: vscode.Uri.file(this.job.model.file),
          b: vscode.Uri.file(note.file),
        });
        return;
      case 'keep':
        void this.keep(note.file);
        return;
      case 'copyRecipe':
      case 'exportReport':
        void vscode.env.clipboard
          .writeText(note.text)
          .then(() => vscode.window.setStatusBarMessage('Slipway: copied to the clipboard', 4000));
    }
  }

  /** Keeps one variant and moves the other files that this job made to the trash, after a question. */
  private async keep(file: string): Promise<void> {
    const others = this.job.rows
      .map((row) => row.file)
      .filter((path) => path !== file && path !== this.job.model.file);
    if (others.length === 0) {
      await vscode.window.showInformationMessage(`${basename(file)} is kept: ${file}`);
      return;
    }
    const remove = 'Move to Trash';
    const answer = await vscode.window.showWarningMessage(
      `Keep ${basename(file)} and move ${others.map((path) => basename(path)).join(', ')} to the trash? The original stays.`,
      { modal: true },
      remove,
    );
    if (answer !== remove) return;
    for (const path of others) await vscode.workspace.fs.delete(vscode.Uri.file(path), { useTrash: true });
    this.update({ rows: this.job.rows.filter((row) => !others.includes(row.file)) });
  }
}
