// Side bar: the services that the daemon runs, with state, URL and target.

import * as vscode from 'vscode';
import { DeploymentChanged, ListDeployments, type Deployment } from '../../daemon/protocol/deploy';
import type { DaemonClient } from '../daemon/client';
import { sayListed } from './listed';

const icons: Readonly<Record<Deployment['state'], vscode.ThemeIcon>> = {
  starting: new vscode.ThemeIcon('sync~spin'),
  ready: new vscode.ThemeIcon('circle-filled', new vscode.ThemeColor('charts.green')),
  draining: new vscode.ThemeIcon('sync~spin'),
  stopped: new vscode.ThemeIcon('circle-outline'),
  failed: new vscode.ThemeIcon('error', new vscode.ThemeColor('charts.red')),
};

export class DeploymentsView implements vscode.TreeDataProvider<Deployment>, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<undefined>();
  private readonly subscriptions: vscode.Disposable[];
  readonly onDidChangeTreeData = this.changed.event;

  constructor(private readonly daemon: DaemonClient) {
    this.subscriptions = [
      daemon.onNotification(DeploymentChanged, () => this.changed.fire(undefined)),
      daemon.onRestart(() => this.changed.fire(undefined)),
      new vscode.Disposable(() => this.changed.dispose()),
    ];
  }

  refresh(): void {
    this.changed.fire(undefined);
  }

  async getChildren(parent?: Deployment): Promise<Deployment[]> {
    if (parent) return [];
    const deployments = await this.daemon.request(ListDeployments, {});
    sayListed('deployments');
    return deployments;
  }

  getTreeItem(deployment: Deployment): vscode.TreeItem {
    const item = new vscode.TreeItem(deployment.model);
    item.iconPath = icons[deployment.state];
    item.description = deployment.state === 'ready' ? deployment.url : deployment.state;
    item.tooltip = [
      `${deployment.model}: ${deployment.state}`,
      deployment.url,
      deployment.file,
      deployment.digest,
      ...deployment.checks.map((check) => check.message),
    ].join('\n');
    item.contextValue = deployment.state;
    item.accessibilityInformation = { label: `${deployment.model}, ${deployment.state}, ${deployment.url}` };
    return item;
  }

  dispose(): void {
    vscode.Disposable.from(...this.subscriptions).dispose();
  }
}
