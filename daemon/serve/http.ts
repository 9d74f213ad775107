// The HTTP front end: connections, timeouts, answers, and an end that loses no request. What the routes say is
// httpRoutes.ts.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Server as TcpServer, type AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { SlipwayError } from '../base/errors';
import { discard } from './body';
import type { FrontEnd, Serving } from './frontEnd';
import { guard, preflightHeaders } from './guard';
import { answerRoute, type Answer, type RouteOptions } from './httpRoutes';
import { RequestError, requestError, unavailable } from './requestError';

export interface HttpOptions extends RouteOptions {
  readonly host: string;
  readonly port: number;
  readonly headerSeconds: number;
  readonly bodySeconds: number;
  readonly allowOrigins: readonly string[];
}

const maxConnections = 4096;
/** Longer than the idle time of common load balancers, which must be the ones to close. */
const keepAliveMs = 75_000;
/** What a refused client may still send, and for how long, before its connection is cut. */
const discardBytes = 64 << 20;
const discardMs = 5000;
/** How long idle connections stay open after the end has begun: a request may be on its way. */
const lingerMs = 300;
/** So long without a connection, a request or an answer is a quiet moment. */
const quietMs = 50;

/** Binds and serves; throws a SlipwayError with a sentence when the address cannot be had. */
export async function listenHttp(serving: Serving, options: HttpOptions): Promise<FrontEnd> {
  /** Requests whose headers have come and whose answer has not gone out. */
  let open = 0;
  /** When somebody last came or was answered. */
  let lastSign = 0;
  let refusing = false;
  const handle = (request: IncomingMessage, response: ServerResponse) => {
    open++;
    lastSign = performance.now();
    response.once('close', () => {
      open--;
      lastSign = performance.now();
    });
    void serve(serving, options, request, response, refusing);
  };
  /** Waits until nobody has come or been answered for a while; false when that does not happen. */
  const quiet = async () => {
    const end = performance.now() + lingerMs;
    while (performance.now() < end) {
      // After the turn in which waiting connections are taken.
      await new Promise((resolve) => setImmediate(resolve));
      if (open === 0 && performance.now() - lastSign > quietMs) return true;
      await delay(5);
    }
    return false;
  };
  const server = createServer({
    headersTimeout: options.headerSeconds * 1000,
    requestTimeout: Math.max(options.headerSeconds, options.bodySeconds) * 1000,
    keepAliveTimeout: keepAliveMs,
    connectionsCheckingInterval: Math.min(1000, options.headerSeconds * 500),
    noDelay: true,
  });
  server.maxConnections = maxConnections;
  server.on('connection', () => (lastSign = performance.now()));
  server.on('request', handle);
  // A client that asks first is told before it sends a body that would be refused.
  server.on('checkContinue', handle);
  await listen(server, options);
  const { port } = server.address() as AddressInfo;
  const name = options.host.includes(':') ? `[${options.host}]` : options.host;
  return {
    url: `http://${name}:${port}`,
    async finish() {
      // Closing the listener resets connections that the system has made and we have not seen yet. So it is
      // done in a quiet moment; where clients keep coming, they are sent away with an answer first.
      if (!(await quiet())) {
        refusing = true;
        await quiet();
      }
      // Only the listener is closed. http.Server.close would also cut idle connections, on which a request
      // may be arriving at this moment.
      TcpServer.prototype.close.call(server);
      const lingering = performance.now() + lingerMs;
      while (open > 0 || (performance.now() < lingering && (await connections(server)) > 0)) await delay(10);
      server.closeIdleConnections();
    },
    close() {
      server.closeAllConnections();
      return open;
    },
  };
}

async function serve(
  serving: Serving,
  options: HttpOptions,
  request: IncomingMessage,
  response: ServerResponse,
  refusing: boolean,
): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  let cors: Record<string, string> = {};
  let finished: ((code: string) => void) | undefined;
  let answer: Answer;
  try {
    cors = guard(request.headers, options);
    if (refusing) throw unavailable('The server is shutting down.');
    if (request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined) {
      answer = { status: 204, headers: preflightHeaders, parts: [] };
    } else {
      const begin = () => {
        if (request.headers.expect !== undefined) response.writeContinue();
      };
      const counted = (done: (code: string) => void) => (finished = done);
      answer = await answerRoute(serving, options, request, gone.signal, { begin, counted });
    }
  } catch (thrown) {
    answer = refusal(serving, request, thrown, gone.signal.aborted);
    // Closing a connection on which a body still arrives would cut off the answer. A client that waits for
    // leave to send one will not send it.
    if (request.headers.expect === undefined) await discard(request, discardBytes, discardMs);
  }
  // 499 is what proxies log for a client that went away.
  finished?.(response.destroyed ? '499' : String(answer.status));
  if (!response.destroyed) send(response, answer, cors, serving.lifecycle.draining || !request.complete);
}

/** The answer to a request that failed; the log gets our own failures, without payload. */
function refusal(serving: Serving, request: IncomingMessage, thrown: unknown, clientGone: boolean): Answer {
  const error = requestError(thrown);
  if (error.status >= 500 && error.status !== 501 && !clientGone && !serving.lifecycle.draining) {
    const where = `${request.method ?? ''} ${(request.url ?? '').slice(0, 200)}`;
    const expected = thrown instanceof RequestError || thrown instanceof SlipwayError;
    if (expected) serving.log.warn(`${where}: ${error.status} ${error.message}`);
    else serving.log.error(`${where}: ${error.status}`, thrown);
  }
  return {
    status: error.status,
    headers: { 'Content-Type': 'application/json', ...error.headers },
    parts: [Buffer.from(JSON.stringify({ error: error.message }))],
  };
}

function send(response: ServerResponse, answer: Answer, cors: Record<string, string>, last: boolean): void {
  const length = answer.parts.reduce((sum, part) => sum + part.length, 0);
  response.writeHead(answer.status, {
    ...answer.headers,
    ...cors,
    'X-Content-Type-Options': 'nosniff',
    ...(answer.status === 204 ? {} : { 'Content-Length': length }),
    ...(last ? { Connection: 'close' } : {}),
  });
  for (const part of answer.parts) response.write(part);
  response.end();
}

const connections = (server: Server): Promise<number> =>
  new Promise((resolve) => server.getConnections((_error, count) => resolve(count)));

function listen(server: Server, { host, port }: HttpOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(listenError(error, host, port)));
    server.listen(port, host, resolve);
  });
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number): SlipwayError {
  const sentences: Readonly<Record<string, string>> = {
    EADDRINUSE: `Port ${port} on ${host} is in use. Stop the program that uses it, choose another with --port, or take any free one with --port 0.`,
    EACCES: `Port ${port} on ${host} may not be used by this account. Choose one above 1023 with --port.`,
    EADDRNOTAVAIL: `${host} is no address of this machine. Choose one with --host, such as 127.0.0.1 or 0.0.0.0.`,
    ENOTFOUND: `The name ${host} is not known. Choose an address of this machine with --host.`,
  };
  const sentence = sentences[error.code ?? ''] ?? `Cannot listen on ${host} port ${port}: ${error.message}`;
  return new SlipwayError(error.code === 'EADDRINUSE' ? 'conflict' : 'fileSystem', sentence, {
    cause: error,
  });
}
