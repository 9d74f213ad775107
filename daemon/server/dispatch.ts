// One connection's requests: checks params, makes the Task, runs the handler, answers. A handler that throws
// costs its request and nothing else; a cancelled request is answered within a second, whatever the handler does.

import { createMessageConnection, type CancellationToken, type MessageConnection } from 'vscode-jsonrpc/node';
import { cancelled, messageOf } from '../base/errors';
import type { Progress, Task } from '../base/task';
import { describeDeployment } from '../handlers/deploy';
import type { AnyHandler, Client, Context } from '../handlers/handler';
import type { Log } from '../host/log';
import type { FrameRef } from '../protocol/common';
import { ProgressNotification } from '../protocol/daemon';
import { DeploymentChanged } from '../protocol/deploy';
import { RunChanged } from '../protocol/runs';
import type { Workspace } from '../workspace/workspace';
import { LanguageSession } from './language/session';
import { LanguageServer, problems } from './languageServer';
import { ProgressReporter } from './progress';
import { errorOf, responseError } from './responseError';
import { refusal, type Transport } from './transport';
import { complaint } from './validate';

/** A cancelled handler gets this long to stop by itself before the client is answered anyway. */
const cancelGraceMs = 700;

export interface Service {
  readonly handlers: ReadonlyMap<string, AnyHandler>;
  readonly workspace: Workspace;
  readonly log: Log;
}

export interface Served {
  readonly client: Client;
  /** Resolves when the connection is closed and its requests have ended. */
  readonly closed: Promise<void>;
  /** Requests that are being worked on. */
  running(): number;
  close(): void;
}

let nextClient = 1;
let nextFrame = 1;

/** Serves one connection until it closes. `onExit` is called when a language client says `exit`. */
export function serve(transport: Transport, service: Service, onExit?: (code: number) => void): Served {
  const { workspace, log } = service;
  const id = nextClient++;
  const running = new Map<AbortController, Promise<void>>();
  const connection = createMessageConnection(transport.reader, transport.writer, {
    error: (message) => log.warn(`connection ${id}: ${message}`),
    warn: (message) => log.warn(`connection ${id}: ${message}`),
    info: () => undefined,
    log: () => undefined,
  });
  let open = true;
  const notify = (method: string, params: unknown) => {
    if (open) connection.sendNotification(method, params).catch(() => undefined);
  };
  const language = new LanguageServer((code) => {
    transport.close();
    onExit?.(code);
  });
  const client: Client = {
    id,
    open: new Map(),
    notify: (type, params) => notify(type.method, params),
    publishDiagnostics: (uri, diagnostics) => {
      if (!language.initialized) return;
      const tell = (related?: Parameters<typeof problems>[2]) =>
        notify('textDocument/publishDiagnostics', problems(uri, diagnostics, related));
      tell();
      if (language.showsRelated) texts.locate(uri, diagnostics, tell);
    },
  };
  const texts = new LanguageSession({
    workspace,
    notify,
    refresh: (uri) => {
      if (open)
        connection.sendRequest('workspace/textDocumentContent/refresh', { uri }).catch(() => undefined);
    },
    openModels: () => client.open.keys(),
    warn: (sentence) => log.warn(sentence),
  });
  let frames: Promise<void> = Promise.resolve();
  /** One frame at a time: a client that reads slowly holds back its own answers, not our memory. */
  const sendFrames = (queued: { ref: FrameRef; payload: Uint8Array }[]) =>
    (frames = queued.reduce(
      (sent, { ref, payload }) => sent.then(() => transport.sendFrame(ref.frame, payload)),
      frames.catch(() => undefined),
    ));

  const answer = async (method: string, given: unknown, token: CancellationToken): Promise<unknown> => {
    const refused = language.refusal(method);
    if (refused) return refused;
    const asked = language.request(method, given);
    if (asked) return asked.result;
    const isFeature = language.initialized && texts.answers(method);
    const handler = isFeature ? undefined : service.handlers.get(method);
    if (!handler && !isFeature) return responseError('methodNotFound', `There is no method ${method}.`);
    const params = withoutPositions(given);
    const wrong = handler && complaint(method, handler.type.params, params);
    if (wrong !== undefined) return responseError('invalidParams', wrong);

    const controller = new AbortController();
    const stop = () => controller.abort();
    if (token.isCancellationRequested) stop();
    token.onCancellationRequested(stop);
    const progress = progressOf(params, notify, transport);
    const queued: { ref: FrameRef; payload: Uint8Array }[] = [];
    const context: Context = {
      workspace,
      client,
      frame: (payload) => {
        const ref = { frame: nextFrame++, byteLength: payload.byteLength };
        queued.push({ ref, payload });
        return ref;
      },
    };
    const task: Task = { signal: controller.signal, report: (p: Progress) => progress?.report(p) };
    // What is thrown before the first await is caught the same way.
    const work = Promise.resolve().then(() =>
      handler ? handler.handle(params, task, context) : texts.request(method, params, task),
    );
    running.set(
      controller,
      work.then(
        () => undefined,
        () => undefined,
      ),
    );
    void running.get(controller)?.then(() => running.delete(controller));
    try {
      const result = await unlessCancelled(work, controller.signal, () =>
        log.warn(`${method} went on after it was cancelled; its result is dropped.`),
      );
      progress?.close();
      if (queued.length > 0) await sendFrames(queued);
      return result;
    } catch (error) {
      progress?.close();
      if (controller.signal.aborted) return errorOf(cancelled(), method, log);
      return errorOf(error, method, log);
    }
  };

  connection.onRequest(answer);
  connection.onNotification((method: string, params: unknown) => {
    language.notification(method);
    texts.notification(method, params);
  });
  connection.onError(([error]) => {
    log.warn(`connection ${id}: ${messageOf(error)}`);
    if (error instanceof SyntaxError) {
      const message = refusal('parseError', `The text is not JSON: ${error.message}.`);
      transport.writer.write(message as never).catch(() => undefined);
    }
  });
  const stopDeploymentNews = workspace.deployments.onChanged((deployment) =>
    client.notify(DeploymentChanged, describeDeployment(deployment)),
  );
  const stopRunNews = workspace.runs?.onChanged((id, run) => client.notify(RunChanged, { id, run }));
  const closed = whenClosed(connection).then(async () => {
    open = false;
    stopDeploymentNews();
    stopRunNews?.();
    for (const controller of running.keys()) controller.abort();
    await Promise.all(running.values());
    texts.dispose();
    for (const letGo of client.open.values()) letGo();
    client.open.clear();
    connection.dispose();
  });
  connection.listen();
  return { client, closed, running: () => running.size, close: () => transport.close() };
}

const whenClosed = (connection: MessageConnection) =>
  new Promise<void>((resolve) => {
    connection.onClose(() => resolve());
  });

/** Params go by name; libraries that know only positions send nothing as `[]` or `[null]`. */
function withoutPositions(params: unknown): unknown {
  if (params === undefined || params === null) return {};
  if (Array.isArray(params) && params.every((value) => value === null)) return {};
  return params;
}

function progressOf(
  params: unknown,
  notify: (method: string, params: unknown) => void,
  transport: Transport,
): ProgressReporter | undefined {
  const { progressToken } = params as { progressToken?: string | number };
  if (progressToken === undefined) return undefined;
  return new ProgressReporter(
    (value) => notify(ProgressNotification.method, { token: progressToken, value }),
    () => transport.congested(),
  );
}

/** The work's outcome, or `cancelled` when it does not stop in time after the signal. */
function unlessCancelled<T>(work: Promise<T>, signal: AbortSignal, tooLate: () => void): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    const stop = () => {
      timer = setTimeout(() => {
        tooLate();
        reject(cancelled());
      }, cancelGraceMs);
    };
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    });
  });
}
