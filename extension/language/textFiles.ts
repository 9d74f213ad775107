// Texts of models as files of a read-only file system, so that VS Code brings their tabs back with the window, starts the
// extension for them and reads them again when the model behind them changes. What is in them comes from the daemon.

import * as vscode from 'vscode';
import { textScheme } from '../../daemon/protocol/textFace';
import type { DaemonClient } from '../daemon/client';

interface Read {
  readonly bytes: Uint8Array;
  readonly stat: vscode.FileStat;
}

export class TextFiles implements vscode.FileSystemProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<vscode.FileChangeEvent[]>();
  readonly onDidChangeFile = this.changed.event;
  /** Texts whose size was just told and that are read next. */
  private readonly awaited = new Map<string, Read>();
  /** When each text was found to be another one. */
  private readonly changedAt = new Map<string, number>();
  private readonly started = Date.now();
  private readonly subscriptions: vscode.Disposable;

  constructor(private readonly daemon: DaemonClient) {
    const registered = vscode.workspace.registerFileSystemProvider(textScheme, this, {
      isReadonly: new vscode.MarkdownString(
        'The text of a binary model is made by Slipway and cannot be edited.',
      ),
      isCaseSensitive: true,
    });
    this.subscriptions = vscode.Disposable.from(
      registered,
      daemon.onTextChanged((uri) => this.forget([uri])),
      // A new daemon does not watch what the old one was asked for.
      daemon.onRestart(() => this.forget(openTexts())),
      this.changed,
    );
  }

  async stat(uri: vscode.Uri): Promise<vscode.FileStat> {
    const read = await this.read(uri);
    this.awaited.set(uri.toString(), read);
    return read.stat;
  }

  async readFile(uri: vscode.Uri): Promise<Uint8Array> {
    const key = uri.toString();
    const known = this.awaited.get(key);
    this.awaited.delete(key);
    return (known ?? (await this.read(uri))).bytes;
  }

  watch(): vscode.Disposable {
    // The daemon watches the models whose texts it was asked for.
    return new vscode.Disposable(() => undefined);
  }

  readDirectory(): [string, vscode.FileType][] {
    return [];
  }

  createDirectory(uri: vscode.Uri): never {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  writeFile(uri: vscode.Uri): never {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  delete(uri: vscode.Uri): never {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  rename(uri: vscode.Uri): never {
    throw vscode.FileSystemError.NoPermissions(uri);
  }

  dispose(): void {
    this.subscriptions.dispose();
  }

  private forget(uris: readonly vscode.Uri[]): void {
    for (const uri of uris) {
      this.awaited.delete(uri.toString());
      this.changedAt.set(uri.toString(), Date.now());
    }
    this.changed.fire(uris.map((uri) => ({ type: vscode.FileChangeType.Changed, uri })));
  }

  private async read(uri: vscode.Uri): Promise<Read> {
    const text = await this.daemon.text(uri.toString()).catch((error: unknown) => {
      // Its message is what the tab shows.
      throw vscode.FileSystemError.Unavailable(error instanceof Error ? error.message : String(error));
    });
    const bytes = Buffer.from(text, 'utf8');
    const mtime = this.changedAt.get(uri.toString()) ?? this.started;
    return { bytes, stat: { type: vscode.FileType.File, ctime: 0, mtime, size: bytes.length } };
  }
}

const openTexts = (): vscode.Uri[] =>
  vscode.workspace.textDocuments.map(({ uri }) => uri).filter(({ scheme }) => scheme === textScheme);
