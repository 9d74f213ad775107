// Our built pages in a plain headless Chromium: served on loopback under the extension's policy, with a
// stand-in for acquireVsCodeApi whose messages come out here as a Port. What VS Code adds (theme variables
// on the root, a class on the body, its default styles) is added as VS Code does it.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import type { Envelope } from '../../daemon/protocol/page';
import type { Port } from '../../daemon/protocol/pageChannel';
import { distFolder, repository } from './paths';
import { WebSocketServer } from 'ws';
import { openSocket, SocketTunnel } from './socketTunnel';
import { themes, type ThemeName } from './themes';

/** A test waits at most so long for anything, milliseconds: only to end what would never end. */
const patience = 120_000;

const nonce = 'dGVzdA';
const types: Readonly<Record<string, string>> = {
  js: 'text/javascript',
  css: 'text/css',
  ttf: 'font/ttf',
  map: 'application/json',
};

/**
 * Parts of Chromium that no page of ours has around it. The popups of its address bar are pages of 400 scripts that every
 * new window loads beside the first page in it; the others are what Playwright turns off, whose list ours replaces.
 */
const unused = [
  'WebUIOmniboxPopup',
  'WebUIOmniboxAimPopup',
  'AimEnabled',
  'DestroyProfileOnBrowserClose',
  'HttpsUpgrades',
  'LensOverlay',
  'MediaRouter',
  'OptimizationHints',
  'PaintHolding',
];

/** Path of a Chromium; installed where that is possible, else the test fails with one line that says what to do. */
async function chromiumPath(): Promise<string> {
  const script = pathToFileURL(join(repository, 'scripts', 'setupVscode.mjs')).href;
  const { setupChromium } = (await import(script)) as {
    setupChromium: () => { path?: string; missing?: string };
  };
  const { path, missing } = setupChromium();
  assert.ok(path !== undefined, missing);
  return path;
}

/** The built text of the layout worker, which a host sends to the page. */
export const workerSource = (): Promise<string> =>
  readFile(join(distFolder, 'webview', 'layoutWorker.js'), 'utf8');

export interface OpenPage {
  readonly page: Page;
  /** Violations of the policy, errors and failed asserts in the page so far. */
  readonly complaints: string[];
  /** State that the page kept with setState. */
  state(): Promise<unknown>;
}

export interface PageOptions {
  theme?: ThemeName;
  width?: number;
  height?: number;
  /** State that getState gives. */
  state?: unknown;
  reducedMotion?: boolean;
  scale?: number;
  /**
   * How messages travel. `json` keeps the extension's policy whole; `socket` carries bytes as bytes, as VS Code does,
   * but needs a page without a policy: for measurements.
   */
  tunnel?: 'json' | 'socket';
}

/** One browser and one server for a test file. */
export class Pages {
  private readonly contexts: BrowserContext[] = [];

  private constructor(
    readonly browser: Browser,
    private readonly server: Server,
    private readonly sockets: WebSocketServer,
  ) {}

  static async start(): Promise<Pages> {
    const browser = await chromium.launch({
      executablePath: await chromiumPath(),
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--no-first-run',
        '--disable-background-networking',
        `--disable-features=${unused.join(',')}`,
      ],
      timeout: patience,
    });
    const server = createServer((request, response) => {
      const name = (request.url ?? '/').slice(1).split('?')[0]!;
      const origin = `http://${request.headers.host ?? ''}`;
      if (name.startsWith('page/')) {
        const [, script, theme] = name.split('/');
        const policy =
          `default-src 'none'; script-src 'nonce-${nonce}'; style-src ${origin}; font-src ${origin}; ` +
          `img-src ${origin} data: blob:; worker-src blob:`;
        response.setHeader('content-security-policy', policy);
        response.setHeader('content-type', 'text/html');
        response.end(
          `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><link rel="stylesheet" href="/style.css"><title>Test</title></head>` +
            `<body class="${themes[theme as ThemeName].bodyClass}"><script type="module" nonce="${nonce}" src="/${script!}.js"></script></body></html>`,
        );
        return;
      }
      readFile(join(distFolder, 'webview', name)).then(
        (bytes) => {
          response.setHeader('content-type', types[name.split('.').pop() ?? ''] ?? 'text/plain');
          response.end(bytes);
        },
        () => {
          response.statusCode = name === 'favicon.ico' ? 204 : 404;
          response.end();
        },
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new Pages(browser, server, new WebSocketServer({ server, path: '/tunnel' }));
  }

  async stop(): Promise<void> {
    for (const context of this.contexts) await context.close();
    await this.browser.close();
    this.sockets.close();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** Opens a page; `connect` gets the host's end before the page runs. */
  async open(
    script: 'editor' | 'history' | 'results' | 'job',
    options: PageOptions,
    connect: (port: Port) => void,
  ): Promise<OpenPage> {
    const theme = options.theme ?? 'dark';
    const context = await this.browser.newContext({
      viewport: { width: options.width ?? 1280, height: options.height ?? 800 },
      deviceScaleFactor: options.scale ?? 1,
      bypassCSP: options.tunnel === 'socket',
      reducedMotion: options.reducedMotion === false ? 'no-preference' : 'reduce',
    });
    this.contexts.push(context);
    const page = await context.newPage();
    page.setDefaultTimeout(patience);
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(`page error: ${error.message}`));
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
    });
    page.on('response', (response) => {
      if (response.status() >= 400) {
        complaints.push(`${response.status()} ${response.url()}`);
      }
    });
    await page.exposeFunction('complain', (text: string) => complaints.push(text));
    const { port } = this.server.address() as AddressInfo;
    await page.addInitScript(insidePage, { variables: themes[theme].variables, state: options.state });
    if (options.tunnel === 'socket') {
      await page.addInitScript(openSocket, `ws://127.0.0.1:${port}/tunnel`);
      connect(new SocketTunnel(this.sockets));
    } else connect(await portTo(page));
    await page.goto(`http://127.0.0.1:${port}/page/${script}/${theme}`);
    return {
      page,
      complaints,
      state: () => page.evaluate(() => (window as unknown as { keptState: unknown }).keptState),
    };
  }
}

/**
 * Waits until the page has done what it had planned for the next `ms` milliseconds, and has drawn it. The time is the
 * page's own: a timer set now fires after those set before, however slow the machine is.
 */
export const rests = (page: Page, ms = 0): Promise<void> =>
  page.evaluate(
    (wait) =>
      new Promise<void>((resolve) => {
        setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(() => resolve())), wait);
      }),
    ms,
  );

/** Runs in the page before its own script. */
function insidePage(given: { variables: Record<string, string>; state: unknown }): void {
  const scope = window as unknown as Record<string, unknown> & {
    toHost: (envelope: unknown) => void;
    complain: (text: string) => void;
  };
  scope['keptState'] = given.state;
  scope['acquireVsCodeApi'] = () => ({
    postMessage: (envelope: unknown) => scope.toHost(envelope),
    getState: () => scope['keptState'],
    setState: (state: unknown) => (scope['keptState'] = state),
  });
  document.addEventListener('securitypolicyviolation', (event) =>
    scope.complain(
      `policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`,
    ),
  );
  const apply = () => {
    for (const [name, value] of Object.entries(given.variables)) {
      if (value !== '') document.documentElement.style.setProperty(`--vscode-${name}`, value);
    }
  };
  // This runs before the document has its root element.
  const root = () => document.documentElement as HTMLElement | null;
  if (root() !== null) apply();
  else {
    new MutationObserver((_, observer) => {
      if (root() === null) return;
      observer.disconnect();
      apply();
    }).observe(document, { childList: true });
  }
}

/** The host's end: bytes travel as base64, as the test's tunnel carries JSON only. */
async function portTo(page: Page): Promise<Port> {
  const listeners: ((message: unknown) => void)[] = [];
  await page.exposeFunction('toHost', (envelope: unknown) =>
    listeners.forEach((listener) => listener(envelope)),
  );
  return {
    post(envelope: Envelope) {
      const packed = JSON.stringify(envelope, (_, value: unknown) =>
        value instanceof Uint8Array ? { base64Bytes: Buffer.from(value).toString('base64') } : value,
      );
      page
        .evaluate((text) => {
          const message: unknown = JSON.parse(text, (_, value: unknown) => {
            const base64 = (value as { base64Bytes?: string } | null)?.base64Bytes;
            return base64 === undefined
              ? value
              : Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)).buffer;
          });
          window.postMessage(message, '*');
        }, packed)
        .catch((error: unknown) => {
          // A page that the test has closed hears nothing more.
          if (!page.isClosed()) throw error;
        });
    },
    listen(listener) {
      listeners.push(listener);
      return () => void listeners.splice(listeners.indexOf(listener), 1);
    },
  };
}
