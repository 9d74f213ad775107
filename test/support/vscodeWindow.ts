// A real VS Code for tests: the workbench and extension host of code-server with a packed VSIX installed,
// driven in headless Chromium. See the scripts/setupVscode.mjs for where the parts come from.

import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Browser, type FrameLocator, type Page } from 'playwright-core';
import { repository } from './paths';

interface Installed {
  node: string;
  entry: string;
  chromium: string;
}

/** Where VS Code and Chromium are; installs them on first use. Fails with a sentence when they cannot be had. */
export function installVscode(): Installed {
  const setup = spawnSync(process.execPath, [join(repository, 'scripts', 'setupVscode.mjs')], {
    encoding: 'utf8',
  });
  const [browser, server] = setup.stdout.trim().split('\n');
  const parse = (line: string | undefined): Record<string, string> => {
    assert.ok(line?.startsWith('{'), line ?? `setupVscode.mjs said nothing: ${setup.stderr}`);
    return JSON.parse(line) as Record<string, string>;
  };
  const { node, entry } = parse(server);
  return { node: node!, entry: entry!, chromium: parse(browser)['path']! };
}

const freePort = () =>
  new Promise<number>((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });

export interface WindowOptions {
  /** Folder to open. */
  folder: string;
  /** Packed extension to install. */
  vsix: string;
  /** Leave Workspace Trust on, so that the window starts in Restricted Mode. */
  restricted?: boolean;
  settings?: Record<string, unknown>;
}

/** One running workbench; `close` ends everything that it started. */
export class VscodeWindow {
  private constructor(
    private readonly home: string,
    private readonly server: ChildProcess,
    private readonly browser: Browser,
    private readonly url: string,
    readonly page: Page,
    readonly consoleErrors: string[],
  ) {}

  /** Folder of the daemon file of this window's daemon. */
  get stateFolder(): string {
    return join(this.home, 'state');
  }

  static async open(installed: Installed, options: WindowOptions): Promise<VscodeWindow> {
    const home = mkdtempSync(join(tmpdir(), 'slipway-vscode-'));
    const userData = join(home, 'user');
    mkdirSync(join(userData, 'User'), { recursive: true });
    const settings = {
      'security.workspace.trust.enabled': options.restricted ?? false,
      'security.workspace.trust.startupPrompt': 'never',
      'security.workspace.trust.banner': 'never',
      'workbench.startupEditor': 'none',
      'chat.disableAIFeatures': true,
      'workbench.tips.enabled': false,
      'workbench.secondarySideBar.defaultVisibility': 'hidden',
      ...options.settings,
    };
    writeFileSync(join(userData, 'User', 'settings.json'), JSON.stringify(settings));
    const common = ['--user-data-dir', userData, '--extensions-dir', join(home, 'extensions')];
    const env = {
      ...process.env,
      SLIPWAY_STATE: join(home, 'state'),
      HOME: home,
      XDG_CONFIG_HOME: join(home, 'config'),
    };
    delete (env as Record<string, string | undefined>)['NODE_OPTIONS'];
    const installing = spawnSync(
      installed.node,
      [installed.entry, ...common, '--install-extension', options.vsix],
      {
        env,
        encoding: 'utf8',
      },
    );
    assert.equal(
      installing.status,
      0,
      `Installing the VSIX failed: ${installing.stdout}${installing.stderr}`,
    );
    const port = await freePort();
    const server = spawn(
      installed.node,
      [
        installed.entry,
        '--auth',
        'none',
        '--bind-addr',
        `127.0.0.1:${port}`,
        ...common,
        '--disable-telemetry',
        '--disable-update-check',
        options.folder,
      ],
      { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true },
    );
    const said: string[] = [];
    server.stdout.on('data', (chunk: Buffer) => said.push(chunk.toString()));
    server.stderr.on('data', (chunk: Buffer) => said.push(chunk.toString()));
    const url = `http://127.0.0.1:${port}`;
    await until(
      async () => (await fetch(`${url}/healthz`)).ok,
      30_000,
      () => `code-server did not start: ${said.join('')}`,
    );
    const browser = await chromium.launch({
      executablePath: installed.chromium,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    });
    const browserContext = await browser.newContext({ viewport: { width: 1440, height: 900 } });
    await browserContext.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: url });
    const page = await browserContext.newPage();
    const consoleErrors: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error') consoleErrors.push(message.text());
    });
    const opened = new VscodeWindow(home, server, browser, url, page, consoleErrors);
    try {
      await page.goto(`${url}/?folder=${encodeURIComponent(options.folder)}`);
      await page.locator('.monaco-workbench .part.sidebar').waitFor({ timeout: 60_000 });
      // The extension is there once its view container is.
      await page.locator('.activitybar [aria-label^="Slipway"]').first().waitFor({ timeout: 60_000 });
    } catch (error) {
      await opened.close();
      throw error;
    }
    return opened;
  }

  /** Opens a file by double click in the explorer. */
  async openFromExplorer(name: string): Promise<void> {
    const row = this.page.locator('.explorer-folders-view .monaco-list-row', { hasText: name }).first();
    await row.waitFor({ timeout: 30_000 });
    await row.dblclick();
  }

  /** Runs a command by its title in the palette. */
  async runCommand(title: string): Promise<void> {
    await this.page.keyboard.press('F1');
    const input = this.page.locator('.quick-input-widget input.input');
    await input.waitFor();
    await input.fill(`>${title}`);
    const row = this.page.locator('.quick-input-widget .monaco-list-row', { hasText: title }).first();
    await row.waitFor({ timeout: 20_000 });
    await row.click();
  }

  /** The page inside the webview that is shown; webviews are iframes two deep. */
  webview(index = 0): FrameLocator {
    return this.page.frameLocator('iframe.webview.ready').nth(index).frameLocator('#active-frame');
  }

  async close(): Promise<void> {
    await this.browser.close().catch(() => undefined);
    try {
      process.kill(-this.server.pid!, 'SIGTERM');
    } catch {
      // It has ended by itself.
    }
    await Promise.race([
      new Promise((resolve) => this.server.once('exit', resolve)),
      new Promise((resolve) => setTimeout(resolve, 5000).unref()),
    ]);
    await this.endDaemon();
    rmSync(this.home, { recursive: true, force: true, maxRetries: 5 });
  }

  /** The daemon outlives windows on purpose; the test ends the one that its own window started. */
  private async endDaemon(): Promise<void> {
    const { readFile } = await import('node:fs/promises');
    const text = await readFile(join(this.stateFolder, 'daemon.json'), 'utf8').catch(() => undefined);
    if (text === undefined) return;
    const { processId } = JSON.parse(text) as { processId: number };
    try {
      process.kill(processId, 'SIGTERM');
    } catch {
      return;
    }
    await until(
      () => {
        try {
          process.kill(processId, 0);
          return Promise.resolve(false);
        } catch {
          return Promise.resolve(true);
        }
      },
      10_000,
      () => `The daemon ${processId} did not end.`,
    );
  }
}

/** Polls until true; fails with `why` when time is up. */
export async function until(
  ready: () => Promise<boolean>,
  limitMs: number,
  why: () => string,
): Promise<void> {
  const end = Date.now() + limitMs;
  for (;;) {
    if (await ready().catch(() => false)) return;
    if (Date.now() > end) assert.fail(why());
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
