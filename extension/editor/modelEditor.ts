// The custom editor of *.onnx: read-only, one page per tab, every question of the page forwarded to the daemon.

import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import * as vscode from 'vscode';
import { FindNodes, GetGraph, GetNode, GetTensorStatistics, ReadTensor } from '../../daemon/protocol/graph';
import { GetCost } from '../../daemon/protocol/cost';
import { Close, ModelChanged, Open } from '../../daemon/protocol/inspect';
import type {
  EditorCommand,
  EditorFromPage,
  EditorRequests,
  EditorToPage,
  RequestMap,
} from '../../daemon/protocol/page';
import { Channel, PageFailure, type Interest } from '../../daemon/protocol/pageChannel';
import { Check } from '../../daemon/protocol/check';
import { ruleSettings } from '../commands/check';
import { saveCostTable } from '../commands/cost';
import type { Context } from '../context';
import { openTextAt } from '../language/openText';
import { mountPage } from '../panels/page';
import { bindDimensions } from './bindings';
import { shownCost } from './costTables';
import { askEarly } from './earlyGraph';
import { exportTensor } from './exportTensor';
import { extractPart } from './extractPart';
import { openSource } from './openSource';
import { exportOverlay, importOverlay } from './overlays';

export const viewType = 'slipway.model';
/** The same editor for models as text, which open as text unless the user asks for the graph. */
export const textViewType = 'slipway.textModel';

/** A model up to this size has its weights looked at when it is opened. */
const mostWeightBytes = 256 * 2 ** 20;

/** Commands that are not about the model of the editor; the others are `slipway.NAME` and take its URI. */
const general: Partial<Record<EditorCommand, string>> = {
  openSettings: 'workbench.action.openSettings',
  manageTrust: 'workbench.trust.manage',
  showLog: 'slipway.showLog',
};

export class ModelEditor implements vscode.CustomReadonlyEditorProvider {
  private workerSource: Promise<string> | undefined;

  constructor(private readonly context: Context) {}

  openCustomDocument(uri: vscode.Uri): vscode.CustomDocument {
    return {
      uri,
      dispose: () => {
        this.context.daemon.request(Close, { uri: uri.toString() }).catch((error: unknown) => {
          this.context.log.debug(`closing ${uri.toString()}: ${String(error)}`);
        });
      },
    };
  }

  resolveCustomEditor(document: vscode.CustomDocument, panel: vscode.WebviewPanel): void {
    const { daemon, overlays, links } = this.context;
    const uri = document.uri.toString();
    const early = askEarly(async (params, interest) => {
      requireFile(document.uri);
      const result = await cancellable(interest, (token) =>
        daemon.request(GetGraph, { uri, ...params }, { token }),
      );
      const { revision, inferred } = result;
      return { revision, inferred, columns: exactBuffer(daemon.takeFrame(result.columns)) };
    });
    const port = mountPage(this.context, panel.webview, 'editor', basename(document.uri.fsPath));
    this.workerSource ??= readFile(this.context.built('webview', 'layoutWorker.js').fsPath, 'utf8');
    const { workerSource } = this;
    // Nothing is awaited before the channel listens: the page says once that it is ready.
    // A hidden tab has no page: what is to be painted waits until there is one again.
    let listening = false;
    const channel = new Channel<EditorToPage, EditorFromPage, RequestMap, EditorRequests>(port, {
      onNote: (note) => {
        if (note.kind === 'ready') {
          void this.tell(
            workerSource.then((source) => {
              listening = true;
              channel.notify({
                kind: 'init',
                workerSource: source,
                trusted: vscode.workspace.isTrusted,
                fileName: basename(document.uri.fsPath),
              });
              const first = overlays.takeShown(uri);
              const show = first === undefined ? {} : { show: first };
              channel.notify({ kind: 'overlays', overlays: overlays.of(uri), ...show });
            }),
          );
        } else if (note.kind === 'command') {
          const command = general[note.command];
          const argument =
            command === undefined
              ? document.uri
              : note.command === 'openSettings'
                ? '@ext:slipway.slipway'
                : undefined;
          void vscode.commands.executeCommand(command ?? `slipway.${note.command}`, argument);
        } else if (note.kind === 'savePicture') {
          void savePicture(document.uri, note.name, note.data);
        } else if (note.kind === 'saveCost') {
          void this.tell(saveCostTable(this.context, document.uri, note.by));
        } else if (note.kind === 'openText') {
          void this.tell(openTextAt(this.context, document.uri, note.scope, note.node));
        } else if (note.kind === 'selected') {
          links.selected(uri, note);
        } else if (note.kind === 'copy') {
          void vscode.env.clipboard.writeText(note.text);
        } else if (note.kind === 'importOverlay') {
          void this.tell(importOverlay(overlays, daemon, document.uri));
        } else if (note.kind === 'openSource') {
          void this.tell(openSource(note.file, note.line));
        } else if (note.kind === 'exportTensor') {
          void this.tell(exportTensor(daemon, document.uri, note.scope, note.name));
        } else if (note.kind === 'extract') {
          void this.tell(extractPart(daemon, document.uri, note.scope, note));
        } else if (note.kind === 'exportOverlay') {
          void this.tell(exportOverlay(daemon, document.uri, note.overlay, note.format));
        }
      },
      onError: (error) => this.context.log.error(`model editor: ${String(error)}`),
      requests: {
        open: async ({ bind = {} }, interest) => {
          bindDimensions(uri, bind);
          requireFile(document.uri);
          const opened = await cancellable(interest, (token) =>
            daemon.request(Open, { uri, bind, rules: ruleSettings() }, { token }),
          );
          if (opened.inspection.fileBytes + opened.inspection.externalBytes <= mostWeightBytes)
            this.check(uri);
          return opened;
        },
        graph: early.graph,
        findNodes: (params, interest) =>
          cancellable(interest, (token) => daemon.request(FindNodes, { uri, ...params }, { token })),
        node: (params) => daemon.request(GetNode, { uri, ...params }),
        cost: async (params) => shownCost(await daemon.request(GetCost, { uri, ...params })),
        statistics: (params, interest) =>
          cancellable(interest, (token) =>
            daemon.request(GetTensorStatistics, { uri, ...params }, { token }),
          ),
        tensor: async (params) => {
          const { data, ...rest } = await daemon.request(ReadTensor, { uri, ...params });
          return { ...rest, data: exactBuffer(daemon.takeFrame(data)) };
        },
      },
    });
    const subscriptions = [
      panel.onDidChangeViewState(() => {
        if (!panel.visible) listening = false;
      }),
      daemon.onNotification(ModelChanged, (changed) => {
        if (changed.uri === uri) channel.notify({ kind: 'modelChanged', exists: changed.exists });
      }),
      overlays.onChanged((changed) => {
        if (changed.uri !== uri || !listening) return;
        overlays.takeShown(uri);
        const show = changed.show === undefined ? {} : { show: changed.show };
        channel.notify({ kind: 'overlays', overlays: overlays.of(uri), ...show });
      }),
      vscode.workspace.onDidChangeConfiguration((changed) => {
        if (changed.affectsConfiguration('slipway.check.rules')) this.check(uri);
      }),
      // A new daemon knows nothing of this model: let the page open it again.
      daemon.onRestart(() => channel.notify({ kind: 'modelChanged', exists: true })),
      vscode.workspace.onDidGrantWorkspaceTrust(() =>
        channel.notify({ kind: 'trustChanged', trusted: true }),
      ),
    ];
    const unlink = links.add(uri, (place) => channel.notify({ ...place, kind: 'select' }));
    panel.onDidDispose(() => {
      unlink();
      early.dispose();
      channel.dispose();
      vscode.Disposable.from(...subscriptions).dispose();
    });
  }

  /** The whole check, behind what is shown already; the daemon puts what it finds into the Problems view. */
  private check(uri: string): void {
    this.context.daemon
      .request(Check, { uri, rules: ruleSettings(), weights: true })
      .catch((error: unknown) => this.context.log.warn(`checking ${uri}: ${String(error)}`));
  }

  /** Says why something that the user asked for failed. */
  private async tell(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.context.log.error(`model editor: ${String(error)}`);
      void vscode.window.showErrorMessage(error instanceof Error ? error.message : String(error));
    }
  }
}

/** Asks where, and writes the picture there. */
async function savePicture(model: vscode.Uri, name: string, data: Uint8Array): Promise<void> {
  const defaultUri = vscode.Uri.joinPath(model, '..', name);
  const target = await vscode.window.showSaveDialog({ defaultUri });
  if (target === undefined) return;
  try {
    await vscode.workspace.fs.writeFile(target, data);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    void vscode.window.showErrorMessage(`The picture cannot be saved at ${target.fsPath}: ${why}`);
  }
}

function requireFile(uri: vscode.Uri): void {
  if (uri.scheme === 'file') return;
  throw new PageFailure({
    message: `Slipway reads models from disk, and this one comes from "${uri.scheme}:". Save a copy in a folder and open that.`,
  });
}

/** Runs a request that is cancelled when the page no longer wants the answer. */
async function cancellable<T>(
  interest: Interest,
  run: (token: vscode.CancellationToken) => Promise<T>,
): Promise<T> {
  const source = new vscode.CancellationTokenSource();
  interest.onLost(() => source.cancel());
  try {
    return await run(source.token);
  } finally {
    source.dispose();
  }
}

/**
 * postMessage copies the whole buffer behind a view, and a payload is a view into a larger message: cut it out.
 * Not by `slice`, which on Node's Buffer gives another view.
 */
function exactBuffer(payload: Uint8Array): ArrayBuffer {
  return new Uint8Array(payload).buffer;
}
