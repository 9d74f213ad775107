// Side bar: the ONNX models of the workspace with their size. Files are listed, never read.

import * as vscode from 'vscode';
import { basename } from 'node:path';
import { bytesText } from './bytesText';
import { sayListed } from './listed';

const pattern = '**/*.onnx';
const limit = 2000;

export interface ModelItem {
  readonly uri: vscode.Uri;
  readonly size: number;
}

export class ModelsView implements vscode.TreeDataProvider<ModelItem>, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<undefined>();
  private readonly watcher = vscode.workspace.createFileSystemWatcher(pattern);
  private timer: NodeJS.Timeout | undefined;
  readonly onDidChangeTreeData = this.changed.event;

  constructor() {
    this.watcher.onDidCreate(() => this.refresh());
    this.watcher.onDidDelete(() => this.refresh());
    this.watcher.onDidChange(() => this.refresh());
  }

  /** Lists again, at most four times a second. */
  refresh(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.changed.fire(undefined);
    }, 250);
  }

  async getChildren(parent?: ModelItem): Promise<ModelItem[]> {
    if (parent) return [];
    const uris = await vscode.workspace.findFiles(pattern, '**/node_modules/**', limit);
    const items = await Promise.all(
      uris.map(async (uri) => ({ uri, size: (await vscode.workspace.fs.stat(uri)).size })),
    );
    sayListed('models');
    return items.sort((a, b) => a.uri.fsPath.localeCompare(b.uri.fsPath));
  }

  getTreeItem({ uri, size }: ModelItem): vscode.TreeItem {
    const item = new vscode.TreeItem(basename(uri.fsPath));
    item.resourceUri = uri;
    item.iconPath = new vscode.ThemeIcon('type-hierarchy');
    const parent = vscode.Uri.joinPath(uri, '..');
    const folder = vscode.workspace.asRelativePath(parent, false);
    // The workspace's own folder is no relative path of itself: it comes back whole.
    item.description = folder === parent.fsPath ? bytesText(size) : `${bytesText(size)}  ${folder}`;
    item.tooltip = `${uri.fsPath}\n${size.toLocaleString('en')} bytes`;
    item.contextValue = 'model';
    item.command = { command: 'vscode.open', title: 'Open', arguments: [uri] };
    return item;
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.watcher.dispose();
    this.changed.dispose();
  }
}
