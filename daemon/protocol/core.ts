// How a message is declared: once, as a value that both ends take as argument, so that a wrong payload
// does not compile. The value carries its JSON Schemas; docs/protocol.md is checked against them.

import type { Static, TSchema } from 'typebox';

/** Who may send a message. */
export type Direction = 'clientToDaemon' | 'daemonToClient';

export interface RequestType<Params extends TSchema, Result extends TSchema, Row extends TSchema = TSchema> {
  readonly kind: 'request';
  readonly method: string;
  readonly direction: Direction;
  /** One sentence for docs/protocol.md. */
  readonly description: string;
  readonly params: Params;
  readonly result: Result;
  /** Shape of `row` in this request's progress reports; absent when it reports none. */
  readonly row?: Row;
}

export interface NotificationType<Params extends TSchema> {
  readonly kind: 'notification';
  readonly method: string;
  readonly direction: Direction;
  readonly description: string;
  readonly params: Params;
}

export type AnyRequest = RequestType<TSchema, TSchema>;
export type AnyNotification = NotificationType<TSchema>;

export type ParamsOf<M extends { params: TSchema }> = Static<M['params']>;
export type ResultOf<M extends { result: TSchema }> = Static<M['result']>;
export type RowOf<M> = M extends { row?: infer Row } ? (Row extends TSchema ? Static<Row> : never) : never;

/** Declares a request that a client sends to the daemon. */
export function request<Params extends TSchema, Result extends TSchema, Row extends TSchema = TSchema>(
  method: string,
  parts: { description: string; params: Params; result: Result; row?: Row },
): RequestType<Params, Result, Row> {
  return { kind: 'request', method, direction: 'clientToDaemon', ...parts };
}

/** Declares a notification. */
export function notification<Params extends TSchema>(
  method: string,
  parts: { description: string; params: Params; direction: Direction },
): NotificationType<Params> {
  return { kind: 'notification', method, ...parts };
}
