// Who may call: a server bound to loopback is for programs of this machine, and a web page that a browser on
// it shows is not one. Pages are known by their Origin; a page whose name was rebound to 127.0.0.1 by its Host.

import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import { RequestError } from './requestError';

export interface GuardOptions {
  /** The address that the server is bound to. */
  readonly host: string;
  readonly allowOrigins: readonly string[];
}

/** Whether an address can only be reached from this machine. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[|\]$/g, '');
  if (name === 'localhost') return true;
  return isIP(name) === 4 ? name.startsWith('127.') : name === '::1' || name === '::ffff:127.0.0.1';
}

/**
 * Throws a 403 for a request that must not be served. Returns the headers that let a page of an allowed
 * origin read the answer.
 */
export function guard(headers: IncomingHttpHeaders, options: GuardOptions): Record<string, string> {
  if (isLoopback(options.host) && !isLoopback(hostName(headers.host ?? ''))) {
    throw new RequestError(
      403,
      'This server answers only to localhost, 127.0.0.1 or [::1] in the Host header. Bind it with --host to serve other names.',
    );
  }
  const { origin } = headers;
  if (origin === undefined) return {};
  if (!options.allowOrigins.includes(origin) && !options.allowOrigins.includes('*')) {
    throw new RequestError(
      403,
      'Requests of web pages are refused. Allow a page with --allow-origin and its origin.',
    );
  }
  return { 'Access-Control-Allow-Origin': origin, Vary: 'Origin' };
}

/** What a preflight request of an allowed page is told. */
export const preflightHeaders = {
  'Access-Control-Allow-Methods': 'GET, POST',
  'Access-Control-Allow-Headers': 'Content-Type, Content-Encoding, Inference-Header-Content-Length',
  'Access-Control-Expose-Headers': 'Inference-Header-Content-Length',
  'Access-Control-Max-Age': '600',
};

const hostName = (header: string) => /^(\[[^\]]*\]|[^:]*)(?::\d*)?$/.exec(header)?.[1] ?? '';
