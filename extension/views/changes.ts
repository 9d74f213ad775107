// Side bar: what changed from one model to another, in groups; a click selects the nodes in both editors.

import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { DiffNode, DiffReport } from '../../daemon/protocol/diff';
import type { EditorLinks } from '../editor/editorLinks';

interface Change {
  readonly title: string;
  readonly detail: string;
  readonly icon: string;
  readonly children?: readonly Change[];
  readonly a?: DiffNode | undefined;
  readonly b?: DiffNode | undefined;
}

/** Entries of one group that are listed; the command line has them all. */
const most = 500;

export class ChangesView implements vscode.TreeDataProvider<Change>, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<undefined>();
  readonly onDidChangeTreeData = this.changed.event;
  private readonly view: vscode.TreeView<Change>;
  private groups: readonly Change[] = [];
  private models: { a: vscode.Uri; b: vscode.Uri } | undefined;

  constructor(private readonly links: EditorLinks) {
    this.view = vscode.window.createTreeView('slipway.changes', { treeDataProvider: this });
  }

  /** Lists a comparison in place of the last one, and brings the list to where it is seen, without the focus. */
  async show(a: vscode.Uri, b: vscode.Uri, report: DiffReport): Promise<void> {
    this.models = { a, b };
    this.groups = groupsOf(report);
    this.view.description = `${basename(a.fsPath)} → ${basename(b.fsPath)}`;
    this.view.message = report.summary;
    await vscode.commands.executeCommand('setContext', 'slipway.comparing', true);
    this.changed.fire(undefined);
    const [first] = this.groups;
    // A window that is closing has no view any more.
    if (first)
      await this.view.reveal(first, { select: false, focus: false }).then(undefined, () => undefined);
  }

  /** All that is revealed is a group. */
  getParent(): undefined {
    return undefined;
  }

  /** Selects the nodes of a change in both editors. */
  select({ a, b }: Change): void {
    if (!this.models) return;
    if (a) this.links.select(this.models.a.toString(), a);
    if (b) this.links.select(this.models.b.toString(), b);
  }

  getChildren(parent?: Change): Change[] {
    return [...(parent ? (parent.children ?? []) : this.groups)];
  }

  getTreeItem(change: Change): vscode.TreeItem {
    const isGroup = change.children !== undefined;
    const item = new vscode.TreeItem(
      change.title,
      isGroup ? vscode.TreeItemCollapsibleState.Collapsed : vscode.TreeItemCollapsibleState.None,
    );
    item.description = change.detail;
    item.tooltip = change.detail === '' ? change.title : `${change.title}\n${change.detail}`;
    item.iconPath = new vscode.ThemeIcon(change.icon);
    item.accessibilityInformation = { label: `${change.title}, ${change.detail}` };
    if (change.a ?? change.b)
      item.command = { command: 'slipway.showChange', title: 'Show in Graph', arguments: [change] };
    return item;
  }

  dispose(): void {
    this.changed.dispose();
    this.view.dispose();
  }
}

const titleOf = ({ op, name, scope }: DiffNode) => `${op} ${name}${scope === '' ? '' : ` in ${scope}`}`;

function groupsOf({ nodes, initializers, io, model }: DiffReport): Change[] {
  const group = (title: string, icon: string, children: readonly Change[]): Change[] =>
    children.length === 0
      ? []
      : [
          {
            title,
            icon,
            detail: children.length.toLocaleString('en'),
            children:
              children.length <= most
                ? children
                : [
                    ...children.slice(0, most),
                    {
                      title: `${(children.length - most).toLocaleString('en')} more`,
                      detail: 'slipway diff --all lists them',
                      icon: 'ellipsis',
                    },
                  ],
          },
        ];
  const changed = nodes.changed.map((each): Change & { readonly weightsOnly: boolean } => ({
    title: titleOf(each.b),
    detail: [...each.attributes, ...each.inputs, ...each.weights].map(({ words }) => words).join('; '),
    icon: 'diff-modified',
    a: each.a,
    b: each.b,
    weightsOnly: each.attributes.length + each.inputs.length === 0,
  }));
  return [
    ...group('Model', 'file', model.map(({ words }) => ({ title: words, detail: '', icon: 'diff-modified' }))),
    ...group('Inputs and outputs', 'symbol-interface', [...io.inputs, ...io.outputs].map(({ words }) => ({ title: words, detail: '', icon: 'diff-modified' }))),
    ...group('Fused, folded and rewritten', 'combine', nodes.replaced.map(({ how, from, to, into, constant }) => ({
      title: from.length === 1 ? titleOf(from[0]!) : `${from.length} nodes: ${from.map(({ op }) => op).join(', ')}`,
      detail: `${how} → ${constant ?? (into ? titleOf(into) : to.map(titleOf).join(', '))}`,
      icon: 'diff-renamed',
      a: from[0],
      b: into ?? to[0],
    }))),
    ...group('Attributes and inputs', 'symbol-property', changed.filter(({ weightsOnly }) => !weightsOnly)),
    ...group('Weights', 'symbol-numeric', changed.filter(({ weightsOnly }) => weightsOnly)),
    ...group('Removed', 'diff-removed', nodes.removed.map((node) => ({ title: titleOf(node), detail: '', icon: 'diff-removed', a: node }))),
    ...group('Added', 'diff-added', nodes.added.map((node) => ({ title: titleOf(node), detail: '', icon: 'diff-added', b: node }))),
    ...group('Initializers removed', 'diff-removed', initializers.removed.map(({ name, type }) => ({ title: name, detail: type, icon: 'diff-removed' }))),
    ...group('Initializers added', 'diff-added', initializers.added.map(({ name, type }) => ({ title: name, detail: type, icon: 'diff-added' }))),
  ]; // prettier-ignore
}
