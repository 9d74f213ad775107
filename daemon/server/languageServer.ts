// The lifecycle of the Language Server Protocol, so that a language client (an editor's, or any JSON-RPC library's)
// connects without knowing us: initialize, initialized, shutdown, exit. Diagnostics of open models are pushed; the
// features of texts are in language/.

import type { ResponseError } from 'vscode-jsonrpc';
import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { lineOfRule } from '../analysis/checks/document';
import { placeText, type Diagnostic } from '../base/diagnostic';
import { scriptPath } from '../host/scripts';
import { version } from '../host/version';
import { capabilities } from './language/features';
import type { RelatedPlace } from './language/located';
import { responseError } from './responseError';

export class LanguageServer {
  private state: 'new' | 'initialized' | 'shutdown' = 'new';
  /** The client shows related places of problems. */
  showsRelated = false;

  constructor(private readonly exit: (code: number) => void) {}

  /** True between `initialize` and `shutdown`. */
  get initialized(): boolean {
    return this.state === 'initialized';
  }

  /** The error for a request that the lifecycle forbids now. */
  refusal(method: string): ResponseError<object> | undefined {
    if (this.state !== 'shutdown') return undefined;
    return responseError(
      'invalidRequest',
      `${method} came after shutdown; only exit may follow. Connect again.`,
    );
  }

  /** Answers a lifecycle request; undefined for any other. */
  request(method: string, params: unknown): { result: unknown } | undefined {
    if (method === 'initialize') return { result: this.initialize(params) };
    if (method !== 'shutdown') return undefined;
    this.state = 'shutdown';
    return { result: null };
  }

  notification(method: string): void {
    if (method === 'exit') this.exit(this.state === 'shutdown' ? 0 : 1);
  }

  private initialize(params: unknown): unknown {
    if (typeof params !== 'object' || params === null || Array.isArray(params)) {
      return responseError('invalidParams', 'initialize: The params must be an object.');
    }
    if (this.state === 'initialized') {
      return responseError(
        'invalidRequest',
        'initialize may be sent once; this connection is initialized already.',
      );
    }
    this.state = 'initialized';
    const { capabilities: theirs } = params as {
      capabilities?: { textDocument?: { publishDiagnostics?: { relatedInformation?: unknown } } };
    };
    this.showsRelated = theirs?.textDocument?.publishDiagnostics?.relatedInformation === true;
    return { capabilities, serverInfo: { name: 'slipway', version } };
  }
}

/** Numbers of the Language Server Protocol. */
const severities = { error: 1, warning: 2, info: 3 } as const;

/**
 * Params of `textDocument/publishDiagnostics`. A binary model has no lines: everything is at its start, beside a related
 * place in the model's text where that is known.
 */
export function problems(
  uri: string,
  diagnostics: readonly Diagnostic[],
  related?: ReadonlyMap<Diagnostic, RelatedPlace>,
) {
  const start = { line: 0, character: 0 };
  return {
    uri,
    diagnostics: diagnostics.map((each) => {
      const { id, severity, message, where } = each;
      const place = placeText(where);
      const found = related?.get(each);
      return {
        range: { start, end: start },
        severity: severities[severity],
        source: 'slipway',
        code: id,
        ...explained(id),
        message: saysPlace(message, place, where?.node) ? message : `${message} (${place})`,
        ...(found ? { relatedInformation: [found] } : {}),
      };
    }),
  };
}

/** Whether a sentence tells by itself where it is about. */
const saysPlace = (message: string, place: string, node: string | undefined): boolean =>
  message.includes(place) || (place === `node "${node}"` && message.startsWith(`${node} `));

/** Where a rule is explained: its line in docs/checks.md, which lies beside the built files. */
function explained(id: string): { codeDescription: { href: string } } | object {
  const line = lineOfRule(id);
  const page = scriptPath('../docs/checks.md');
  if (line === undefined || !existsSync(page)) return {};
  return { codeDescription: { href: `${pathToFileURL(page).href}#L${line}` } };
}
