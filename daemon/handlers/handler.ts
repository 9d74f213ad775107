// What a handler is: a request type and the function that answers it. A handler converts between the protocol
// and the rooms to its left, and does nothing else.

import type { TSchema } from 'typebox';
import type { Diagnostic } from '../base/diagnostic';
import type { Task } from '../base/task';
import type { FrameRef } from '../protocol/common';
import type { AnyRequest, NotificationType, ParamsOf, RequestType, ResultOf, RowOf } from '../protocol/core';
import type { Workspace } from '../workspace/workspace';

/** One connection, as handlers see it. */
export interface Client {
  readonly id: number;
  /** Sends a notification; silently nothing once the connection is closed. */
  notify<Params extends TSchema>(
    type: NotificationType<Params>,
    params: ParamsOf<NotificationType<Params>>,
  ): void;
  /** The models that this connection has open: URI as the client wrote it, and how to let go of it. */
  readonly open: Map<string, () => void>;
  /** Shows what is wrong with a model in a language client's list of problems; for other clients nothing. */
  publishDiagnostics(uri: string, diagnostics: readonly Diagnostic[]): void;
}

/** What a request is answered with. */
export interface Context {
  readonly workspace: Workspace;
  readonly client: Client;
  /** Queues bulk data; it is sent just before the response, which holds the reference. */
  readonly frame: (payload: Uint8Array) => FrameRef;
}

export interface Handler<M extends AnyRequest = AnyRequest> {
  readonly type: M;
  handle(params: ParamsOf<M>, task: Task<RowOf<M>>, context: Context): Promise<ResultOf<M>> | ResultOf<M>;
}

/** A handler whose types are forgotten, for a table of all of them; the dispatcher has checked the params. */
export interface AnyHandler {
  readonly type: AnyRequest;
  handle(params: unknown, task: Task, context: Context): unknown;
}

/** Declares a handler. */
export function handler<Params extends TSchema, Result extends TSchema, Row extends TSchema>(
  type: RequestType<Params, Result, Row>,
  handle: Handler<RequestType<Params, Result, Row>>['handle'],
): AnyHandler {
  return { type, handle: handle };
}
