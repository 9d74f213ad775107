// The history of one model: its runs as plots and a table, live. One panel for each model.

import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { HistoryFromPage, HistoryPage, HistoryToPage } from '../../daemon/protocol/historyPage';
import type { RequestMap } from '../../daemon/protocol/page';
import { Channel } from '../../daemon/protocol/pageChannel';
import { ListRuns, RunChanged } from '../../daemon/protocol/runs';
import type { Context } from '../context';
import { describeFailure } from '../daemon/failure';
import { jobTitle } from '../jobs/restore';
import { followPanel } from './activeModel';
import { mountPage, panelIcon } from './page';
import { removeRunsAfterQuestion } from './removeRuns';

const panels = new Map<string, HistoryPanel>();
/** Runs that are read. */
const most = 500;

export class HistoryPanel {
  private readonly panel: vscode.WebviewPanel;
  private readonly channel: Channel<HistoryToPage, HistoryFromPage>;
  private page: HistoryPage;
  private timer: NodeJS.Timeout | undefined;
  private alive = true;

  private constructor(
    private readonly context: Context,
    private readonly model: vscode.Uri,
  ) {
    const name = basename(model.fsPath);
    const title = `History ${name}`;
    this.page = {
      model: { name, file: model.fsPath },
      runs: undefined,
      jobs: {},
      compare: undefined,
      error: undefined,
    };
    this.panel = vscode.window.createWebviewPanel(
      'slipway.history',
      title,
      { viewColumn: vscode.ViewColumn.Active },
      { retainContextWhenHidden: false },
    );
    this.panel.iconPath = panelIcon(context);
    followPanel(this.panel, model);
    this.channel = new Channel<HistoryToPage, HistoryFromPage, RequestMap, RequestMap>(
      mountPage(context, this.panel.webview, 'history', title),
      {
        onNote: (note) => void this.receive(note),
        onError: (error) => context.log.error(`history panel: ${String(error)}`),
        requests: {},
      },
    );
    const heard = [
      context.daemon.onNotification(RunChanged, () => this.readSoon()),
      context.daemon.onRestart(() => this.readSoon()),
    ];
    this.panel.onDidDispose(() => {
      this.alive = false;
      clearTimeout(this.timer);
      vscode.Disposable.from(...heard).dispose();
      this.channel.dispose();
      panels.delete(model.toString());
    });
    void this.read();
  }

  /** Opens the history of a model, or brings it to the front; `compare` holds two of its runs against each other. */
  static show(context: Context, model: vscode.Uri, compare?: [string, string]): void {
    const known = panels.get(model.toString());
    const panel = known ?? new HistoryPanel(context, model);
    panels.set(model.toString(), panel);
    if (known) known.panel.reveal();
    if (compare) panel.update({ compare });
  }

  private update(change: Partial<HistoryPage>): void {
    this.page = { ...this.page, ...change };
    if (this.alive) this.channel.notify({ kind: 'page', page: this.page });
  }

  private readSoon(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      void this.read();
    }, 250);
  }

  private async read(): Promise<void> {
    try {
      const { runs } = await this.context.daemon.request(ListRuns, {
        uri: this.model.toString(),
        limit: most,
      });
      const jobs = Object.fromEntries(runs.map(({ method, title }) => [method, jobTitle(method) ?? title]));
      this.update({ runs, jobs, error: undefined });
    } catch (error) {
      this.update({ error: describeFailure(error).message });
    }
  }

  private async receive(note: HistoryFromPage): Promise<void> {
    switch (note.kind) {
      case 'ready':
        this.update({});
        return;
      case 'open':
        await vscode.commands.executeCommand('slipway.openRun', note.run);
        return;
      case 'benchmark':
        await vscode.commands.executeCommand('slipway.benchmark', this.model);
        return;
      case 'remove':
        await removeRunsAfterQuestion(this.context, note.runs);
    }
  }
}
