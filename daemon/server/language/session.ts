// The language features of one connection: its open texts, their problems, and answers to requests.

import { checkText } from '../../analysis/language/check';
import type { LanguageDocument } from '../../analysis/language/document';
import type { Severities } from '../../analysis/checks/severity';
import { badRequest } from '../../base/errors';
import type { Diagnostic } from '../../base/diagnostic';
import { silentTask, type Task } from '../../base/task';
import type { Workspace } from '../../workspace/workspace';
import { parseTextUri } from '../../protocol/textFace';
import { features, plainFeatures } from './features';
import { placesInText, type RelatedPlace } from './located';
import { OpenTexts, type TextChange } from './openTexts';
import { modelSymbols, placeOf, textSymbols, type FoundSymbol } from './workspaceSymbols';

/** After the last change of a text, its problems are told. */
const patienceMs = 250;
/** A model that was just opened is shown before its problems are looked up in its text. */
const modelPatienceMs = 1000;

/** Numbers of the Language Server Protocol. */
const severities = { error: 1, warning: 2, info: 3 } as const;

export interface SessionHost {
  readonly workspace: Workspace;
  readonly notify: (method: string, params: unknown) => void;
  /** Asks the client to ask again for a text. */
  readonly refresh: (uri: string) => void;
  /** URIs of the models that the client has open. */
  readonly openModels: () => Iterable<string>;
  readonly warn: (sentence: string) => void;
}

export class LanguageSession {
  private readonly texts = new OpenTexts();
  /** How to stop what is going to be told of a text or model. */
  private readonly pending = new Map<string, () => void>();
  /** Texts of models that the client was given, by URI, with how to stop watching the file. */
  private readonly watched = new Map<string, () => void>();
  /** What the user wants to hear of which rule. */
  private rules: Severities = {};

  constructor(private readonly host: SessionHost) {}

  /** True for requests that are answered here. */
  answers(method: string): boolean {
    return (
      features.has(method) ||
      method === 'workspace/textDocumentContent' ||
      method === 'workspace/symbol' ||
      method === 'workspaceSymbol/resolve'
    );
  }

  async request(method: string, params: unknown, task: Task): Promise<unknown> {
    const given = (params ?? {}) as {
      uri?: unknown;
      query?: unknown;
      textDocument?: { uri?: unknown };
      item?: { uri?: unknown };
    };
    if (method === 'workspace/textDocumentContent')
      return { text: (await this.document(textOf(given.uri, method), task, true)).text };
    if (method === 'workspace/symbol') return this.symbols(textOf(given.query ?? '', method), task);
    if (method === 'workspaceSymbol/resolve') return this.resolve(params as FoundSymbol, task);
    const uri = textOf(given.textDocument?.uri ?? given.item?.uri, method);
    const document = await this.document(uri, task);
    if (!plainFeatures.has(method)) await document.prepare(task);
    const context = { document: (other: string) => this.document(other, task), task };
    try {
      return (await features.get(method)!(document, params as never, context)) ?? null;
    } catch (error) {
      // Params of another shape than the protocol's end up here.
      if (error instanceof TypeError && !hasPosition(params))
        throw badRequest(`The params of ${method} are not those of the Language Server Protocol.`);
      throw error;
    }
  }

  notification(method: string, params: unknown): void {
    if (method === 'workspace/didChangeConfiguration') {
      this.rules = rulesOf(params);
      for (const uri of this.texts.uris())
        this.later(uri, patienceMs, (task) => this.tellProblems(uri, task));
      return;
    }
    const given = params as {
      textDocument?: { uri?: string; text?: string };
      contentChanges?: readonly TextChange[];
    } | null;
    const uri = given?.textDocument?.uri;
    // The texts of models are ours.
    if (typeof uri !== 'string' || parseTextUri(uri)) return;
    if (method === 'textDocument/didOpen') this.texts.open(uri, given?.textDocument?.text ?? '');
    else if (method === 'textDocument/didChange') this.texts.change(uri, given?.contentChanges ?? []);
    else if (method === 'textDocument/didClose') {
      this.texts.close(uri);
      this.stop(uri);
      this.host.notify('textDocument/publishDiagnostics', { uri, diagnostics: [] });
      return;
    } else return;
    this.later(uri, patienceMs, (task) => this.tellProblems(uri, task));
  }

  /** Looks the problems of a model up in its text, and gives those that were found there to `tell`. */
  locate(
    uri: string,
    diagnostics: readonly Diagnostic[],
    tell: (places: ReadonlyMap<Diagnostic, RelatedPlace>) => void,
  ): void {
    this.stop(uri);
    if (diagnostics.length === 0) return;
    this.later(uri, modelPatienceMs, async (task) => {
      const places = await placesInText(uri, diagnostics, this.host.workspace, task);
      if (places && places.size > 0) tell(places);
    });
  }

  dispose(): void {
    for (const stop of this.pending.values()) stop();
    this.pending.clear();
    for (const stop of this.watched.values()) stop();
    this.watched.clear();
  }

  private async document(uri: string, task: Task, watch = false): Promise<LanguageDocument> {
    const open = await this.texts.get(uri, task);
    if (open) return open;
    const named = parseTextUri(uri);
    if (!named) throw badRequest(`The text "${uri.slice(0, 300)}" is not open.`);
    const document = await this.host.workspace.texts.get(uri, task);
    if (watch && !this.watched.has(uri)) await this.watch(uri, named.model);
    return document;
  }

  private async watch(uri: string, model: string): Promise<void> {
    const { models } = this.host.workspace;
    const { path } = await models.get(model, undefined, silentTask);
    const stopWatching = models.watchFile(path);
    const stopListening = models.onChanged((changed, exists) => {
      if (changed === path && exists) this.host.refresh(uri);
    });
    this.watched.set(uri, () => {
      stopListening();
      stopWatching();
    });
  }

  private async symbols(query: string, task: Task): Promise<unknown[]> {
    const uris = new Set(this.host.openModels());
    for (const uri of this.watched.keys()) uris.add(parseTextUri(uri)!.model);
    const models = [];
    for (const uri of uris) {
      const opened = await this.host.workspace.models.get(uri, undefined, task).catch(() => undefined);
      if (opened?.read.model) models.push({ uri, model: opened.read.model });
    }
    const texts = [];
    for (const uri of this.texts.uris()) {
      const text = await this.texts.get(uri, task);
      await text?.prepare(task);
      if (text) texts.push(...textSymbols(query, text));
    }
    return [...texts, ...(await modelSymbols(query, models, task))];
  }

  private async resolve(symbol: FoundSymbol, task: Task): Promise<unknown> {
    const { uri } = symbol.location;
    const document = await this.document(uri, task);
    return { ...symbol, location: { uri, range: placeOf(document, symbol) } };
  }

  private stop(uri: string): void {
    this.pending.get(uri)?.();
    this.pending.delete(uri);
  }

  /** Does something after a while, unless it is asked for again or stopped before its end. */
  private later(uri: string, afterMs: number, work: (task: Task) => Promise<void>): void {
    this.stop(uri);
    const controller = new AbortController();
    const { signal } = controller;
    const timer = setTimeout(() => {
      work({ signal, report: () => undefined }).catch((error: unknown) => {
        if (!signal.aborted)
          this.host.warn(`checking ${uri} failed: ${error instanceof Error ? (error.stack ?? '') : ''}`);
      });
    }, afterMs).unref();
    this.pending.set(uri, () => {
      clearTimeout(timer);
      controller.abort();
    });
  }

  private async tellProblems(uri: string, task: Task): Promise<void> {
    const document = await this.texts.getWhole(uri, task);
    if (!document) return;
    const diagnostics = (await checkText(document, task, this.rules)).map(
      ({ id, severity, message, start, end }) => ({
        range: document.lines.range({ start, end }),
        severity: severities[severity],
        source: 'slipway',
        code: id,
        message,
      }),
    );
    if (!task.signal.aborted) this.host.notify('textDocument/publishDiagnostics', { uri, diagnostics });
  }
}

function textOf(value: unknown, method: string): string {
  if (typeof value === 'string') return value;
  throw badRequest(`The params of ${method} are not those of the Language Server Protocol.`);
}

const levels: ReadonlySet<unknown> = new Set(['off', 'info', 'warning', 'error']);

/** The setting `slipway.check.rules` as clients send it; what is no level is left out. */
function rulesOf(params: unknown): Severities {
  const { settings } = (params ?? {}) as { settings?: { slipway?: { check?: { rules?: unknown } } } };
  const rules = settings?.slipway?.check?.rules;
  if (typeof rules !== 'object' || rules === null) return {};
  return Object.fromEntries(Object.entries(rules).filter(([, level]) => levels.has(level)));
}

/** Whether the params say where in the text they are about, as the protocol's do. */
function hasPosition(params: unknown): boolean {
  const given = params as {
    position?: object;
    range?: { start?: object };
    item?: { selectionRange?: object };
  };
  return (given.position ?? given.range?.start ?? given.item?.selectionRange) !== undefined;
}
