// The one connection of this window to the daemon: a LanguageClient over our WebSocket, started on first use,
// restarted when the daemon dies, with typed requests, progress and binary frames.

import * as vscode from 'vscode';
import {
  CloseAction,
  ErrorAction,
  LanguageClient,
  ProgressType,
  RevealOutputChannelOn,
  State,
  type LanguageClientOptions,
  type MessageTransports,
} from 'vscode-languageclient/node';
import type { TSchema } from 'typebox';
import type { FrameRef, ProgressValue } from '../../daemon/protocol/common';
import type { NotificationType, ParamsOf, RequestType, ResultOf, RowOf } from '../../daemon/protocol/core';
import { textLanguage, textScheme } from '../../daemon/protocol/textFace';
import { FrameStore } from './frameStore';
import { launchDaemon } from './launch';
import { connect } from './transport';

/** Progress with the row typed by its request. */
export type ProgressOf<M> = Omit<ProgressValue, 'row'> & { row?: RowOf<M> };

const progressType = new ProgressType<ProgressValue>();
const isOurs = ({ uri }: vscode.TextDocument) => uri.scheme === textScheme;
const restartsWithin = { count: 5, ms: 120_000 };

export class DaemonClient implements vscode.Disposable {
  private readonly frames = new FrameStore();
  private readonly changed = new vscode.EventEmitter<void>();
  private readonly listeners: { method: string; handle: (params: unknown) => void }[] = [];
  private readonly closings: number[] = [];
  private client: LanguageClient | undefined;
  private starting: Promise<LanguageClient> | undefined;
  private readonly settings: vscode.Disposable;
  private readonly methods = new Set<string>();
  private nextToken = 1;

  constructor(
    private readonly script: string,
    private readonly log: vscode.LogOutputChannel,
  ) {
    this.settings = vscode.workspace.onDidChangeConfiguration((changed) => {
      if (changed.affectsConfiguration('slipway.check.rules')) this.tellRules();
    });
  }

  /** Fires after the daemon was started again: what it knew of this window is gone. */
  readonly onRestart = this.changed.event;
  private readonly textChanged = new vscode.EventEmitter<vscode.Uri>();
  /** Fires with the URI of a model's text that is another one now. */
  readonly onTextChanged = this.textChanged.event;

  /** Sends a request; long ones report to `onProgress` and are cancelled by `token`. */
  async request<Params extends TSchema, Result extends TSchema, Row extends TSchema>(
    type: RequestType<Params, Result, Row>,
    params: ParamsOf<RequestType<Params, Result, Row>>,
    options: {
      token?: vscode.CancellationToken;
      onProgress?: (progress: ProgressOf<RequestType<Params, Result, Row>>) => void;
    } = {},
  ): Promise<ResultOf<RequestType<Params, Result, Row>>> {
    const client = await this.connected();
    const { onProgress, token } = options;
    // A token that is `undefined` would be sent as a second parameter.
    const send = (sent: object): Promise<ResultOf<RequestType<Params, Result, Row>>> =>
      token ? client.sendRequest(type.method, sent, token) : client.sendRequest(type.method, sent);
    if (!onProgress) return send(params);
    const progressToken = `window-${process.pid}-${this.nextToken++}`;
    const subscription = client.onProgress(progressType, progressToken, (value) =>
      onProgress(value as ProgressOf<RequestType<Params, Result, Row>>),
    );
    try {
      return await send({ ...(params as object), progressToken });
    } finally {
      subscription.dispose();
    }
  }

  /** Listens to a notification, across restarts. */
  onNotification<Params extends TSchema>(
    type: NotificationType<Params>,
    handle: (params: ParamsOf<NotificationType<Params>>) => void,
  ): vscode.Disposable {
    const listener = { method: type.method, handle: handle as (params: unknown) => void };
    this.listeners.push(listener);
    this.listen(type.method);
    return new vscode.Disposable(() => this.listeners.splice(this.listeners.indexOf(listener), 1));
  }

  /** The payload that a result refers to. */
  takeFrame(ref: FrameRef): Uint8Array {
    return this.frames.take(ref.frame);
  }

  /** Ends the connection and makes a new one on the next request. */
  async restart(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    this.starting = undefined;
    await client?.dispose(2000).catch(() => undefined);
    await this.connected();
    this.changed.fire();
  }

  /** The text behind a URI of the text scheme. */
  async text(uri: string): Promise<string> {
    const client = await this.connected();
    const { text } = await client.sendRequest<{ text: string }>('workspace/textDocumentContent', { uri });
    return text;
  }

  /** Starts the daemon and the language features, when they are not there yet. */
  async ready(): Promise<void> {
    await this.connected();
  }

  dispose(): void {
    this.settings.dispose();
    this.changed.dispose();
    this.textChanged.dispose();
    void this.client?.dispose(2000).catch(() => undefined);
  }

  private connected(): Promise<LanguageClient> {
    this.starting ??= this.start().catch((error: unknown) => {
      this.starting = undefined;
      throw error;
    });
    return this.starting;
  }

  private async start(): Promise<LanguageClient> {
    const options: LanguageClientOptions = {
      documentSelector: [{ scheme: textScheme }, { language: textLanguage }],
      // The texts of models are the daemon's own: it need not be told what is in them.
      middleware: {
        didOpen: (document, next) => (isOurs(document) ? Promise.resolve() : next(document)),
        didClose: (document, next) => (isOurs(document) ? Promise.resolve() : next(document)),
        didChange: (event, next) => (isOurs(event.document) ? Promise.resolve() : next(event)),
      },
      outputChannel: this.log,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      initializationFailedHandler: () => false,
      errorHandler: {
        error: () => ({ action: ErrorAction.Continue, handled: true }),
        closed: () => this.closed(),
      },
    };
    // The first connection is made here, so that a failure is told once, in our words.
    let first: MessageTransports | undefined = await this.connectToDaemon();
    const client = new LanguageClient(
      'slipway',
      'Slipway',
      async () => {
        const transports = first ?? (await this.connectToDaemon());
        if (!first) setTimeout(() => this.changed.fire(), 0);
        first = undefined;
        return transports;
      },
      options,
    );
    this.client = client;
    // Also when the client connects again by itself.
    client.onDidChangeState(({ newState }) => {
      if (newState === State.Running) this.tellRules();
    });
    this.methods.clear();
    for (const { method } of this.listeners) this.listen(method);
    await client.start();
    const texts = client.getFeature('workspace/textDocumentContent')?.getProviders();
    for (const { onDidChangeEmitter } of texts ?? [])
      onDidChangeEmitter.event((uri) => this.textChanged.fire(uri));
    return client;
  }

  /** Severities of rules, which hold for texts while they are edited. */
  private tellRules(): void {
    const rules = vscode.workspace.getConfiguration('slipway').get('check.rules');
    const settings = { slipway: { check: { rules } } };
    this.client
      ?.sendNotification('workspace/didChangeConfiguration', { settings })
      .catch((error: unknown) => this.log.debug(`telling the severities of rules: ${String(error)}`));
  }

  private async connectToDaemon(): Promise<MessageTransports> {
    return connect(await launchDaemon(this.script, this.log), this.frames);
  }

  /** Registers a method with the client once; listeners come and go. */
  private listen(method: string): void {
    if (!this.client || this.methods.has(method)) return;
    this.methods.add(method);
    this.client.onNotification(method, (params: unknown) => this.deliver(method, params));
  }

  private deliver(method: string, params: unknown): void {
    for (const listener of [...this.listeners]) if (listener.method === method) listener.handle(params);
  }

  private closed(): { action: CloseAction; message?: string; handled?: boolean } {
    const now = Date.now();
    while (this.closings.length > 0 && now - this.closings[0]! > restartsWithin.ms) this.closings.shift();
    this.closings.push(now);
    if (this.closings.length <= restartsWithin.count) return { action: CloseAction.Restart, handled: true };
    this.starting = undefined;
    this.client = undefined;
    return {
      action: CloseAction.DoNotRestart,
      message: `The Slipway daemon ended ${restartsWithin.count} times within two minutes. Run "Slipway: Restart Daemon", and see "Slipway: Show Log" for the reason.`,
    };
  }
}
