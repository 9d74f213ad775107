// Paths of the Open Inference Protocol, version 2, to what they ask for.

import { invalid, RequestError } from './requestError';

export type Route =
  | { readonly kind: 'server' | 'live' | 'ready' | 'metrics' }
  | {
      readonly kind: 'model' | 'modelReady' | 'infer';
      readonly model: string;
      readonly version?: string;
    };

/** The route of a request; throws 404 for an unknown path and 405 for another method. */
export function route(method: string, url: string): Route {
  const found = match(url.split('?', 1)[0] ?? '');
  if (!found) {
    throw new RequestError(404, 'There is nothing at this path. GET /v2 describes the server.');
  }
  const allowed = found.kind === 'infer' ? ['POST'] : ['GET', 'HEAD'];
  if (!allowed.includes(method)) {
    throw new RequestError(405, `This path takes ${allowed.join(' or ')}, not ${method}.`, {
      Allow: allowed.join(', '),
    });
  }
  return found;
}

const fixed: Readonly<Record<string, 'server' | 'live' | 'ready' | 'metrics'>> = {
  '/v2': 'server',
  '/v2/health/live': 'live',
  '/v2/health/ready': 'ready',
  '/metrics': 'metrics',
};

function match(path: string): Route | undefined {
  const plain = path.length > 1 ? path.replace(/\/$/, '') : path;
  const kind = Object.hasOwn(fixed, plain) ? fixed[plain] : undefined;
  if (kind) return { kind };
  const parts = /^\/v2\/models\/([^/]+)(?:\/versions\/([^/]+))?(?:\/(ready|infer))?$/.exec(plain);
  if (!parts?.[1]) return undefined;
  const model = decode(parts[1]);
  const version = parts[2] === undefined ? {} : { version: decode(parts[2]) };
  const action = parts[3];
  return {
    kind: action === 'ready' ? 'modelReady' : action === 'infer' ? 'infer' : 'model',
    model,
    ...version,
  };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw invalid('The path holds a broken percent escape.');
  }
}
