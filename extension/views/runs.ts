// Side bar: the history of jobs, by model, newest first. The daemon keeps it; this only shows it.

import { basename } from 'node:path';
import * as vscode from 'vscode';
import { ListRuns, RunChanged, type RunSummary } from '../../daemon/protocol/runs';
import type { DaemonClient } from '../daemon/client';
import { jobTitle } from '../jobs/restore';
import { sayListed } from './listed';
import { figuresText, whenText } from './runText';

/** The runs of one model, or one of them. */
export type RunItem =
  | { readonly kind: 'model'; readonly path: string; readonly runs: readonly RunSummary[] }
  | { readonly kind: 'run'; readonly path: string; readonly run: RunSummary };

/** Runs that are listed; the history keeps more. */
const most = 500;

const icons: Readonly<Record<RunSummary['state'], vscode.ThemeIcon>> = {
  running: new vscode.ThemeIcon('sync~spin'),
  done: new vscode.ThemeIcon('pass', new vscode.ThemeColor('charts.green')),
  failed: new vscode.ThemeIcon('error', new vscode.ThemeColor('charts.red')),
  cancelled: new vscode.ThemeIcon('circle-slash'),
  interrupted: new vscode.ThemeIcon('debug-disconnect'),
};

export class RunsView implements vscode.TreeDataProvider<RunItem>, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<undefined>();
  private readonly subscriptions: vscode.Disposable[];
  private timer: NodeJS.Timeout | undefined;
  readonly onDidChangeTreeData = this.changed.event;

  constructor(private readonly daemon: DaemonClient) {
    this.subscriptions = [
      daemon.onNotification(RunChanged, () => this.refresh()),
      daemon.onRestart(() => this.refresh()),
      vscode.window.createTreeView('slipway.runs', { treeDataProvider: this, canSelectMany: true }),
      new vscode.Disposable(() => this.changed.dispose()),
    ];
  }

  /** Lists again, at most four times a second. */
  refresh(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.changed.fire(undefined);
    }, 250);
  }

  async getChildren(parent?: RunItem): Promise<RunItem[]> {
    if (parent)
      return parent.kind === 'run' ? [] : parent.runs.map((run) => ({ kind: 'run', path: parent.path, run }));
    const { runs } = await this.daemon.request(ListRuns, { limit: most });
    sayListed('runs');
    const byModel = new Map<string, RunSummary[]>();
    for (const run of runs) {
      const path = run.models[0]?.path;
      if (path === undefined) continue;
      const known = byModel.get(path);
      if (known) known.push(run);
      else byModel.set(path, [run]);
    }
    return [...byModel].map(([path, list]) => ({ kind: 'model', path, runs: list }));
  }

  getTreeItem(item: RunItem): vscode.TreeItem {
    return item.kind === 'model' ? modelItem(item) : runItem(item);
  }

  dispose(): void {
    clearTimeout(this.timer);
    vscode.Disposable.from(...this.subscriptions).dispose();
  }
}

function modelItem({ path, runs }: RunItem & { kind: 'model' }): vscode.TreeItem {
  const item = new vscode.TreeItem(basename(path), vscode.TreeItemCollapsibleState.Expanded);
  item.id = path;
  const count = `${runs.length} ${runs.length === 1 ? 'run' : 'runs'}`;
  item.description = count;
  item.tooltip = `${path}\n${count}`;
  item.iconPath = new vscode.ThemeIcon('type-hierarchy');
  item.contextValue = 'runModel';
  return item;
}

function runItem({ run, path }: RunItem & { kind: 'run' }): vscode.TreeItem {
  const title = jobTitle(run.method) ?? run.title;
  const item = new vscode.TreeItem(title);
  item.id = `${path} ${run.id}`;
  const figures = figuresText(run);
  const when = whenText(run.startedAt, new Date());
  item.description = [run.state === 'done' ? figures : run.state, when]
    .filter((text) => text !== '')
    .join(' · ');
  const by = run.client === 'cli' ? 'Run by the command line' : '';
  item.tooltip = [run.title, run.error ?? figures, new Date(run.startedAt).toLocaleString(), by]
    .filter((text) => text !== '')
    .join('\n');
  item.iconPath = icons[run.state];
  item.contextValue = `run-${run.state}`;
  item.accessibilityInformation = { label: `${title}, ${run.state}, ${figures}, ${when}` };
  item.command = {
    command: 'slipway.openRun',
    title: 'Open Result',
    arguments: [{ kind: 'run', path, run }],
  };
  return item;
}
