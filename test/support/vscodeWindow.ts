// A real VS Code for tests, with a packed VSIX installed: either the workbench and extension host of
// code-server in headless Chromium (scripts/setupVscode.mjs says where the parts come from), or the desktop
// build that @vscode/test-electron downloads. Both are driven through the same Playwright page.

import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { _electron, chromium, type FrameLocator, type Page } from 'playwright-core';
import { repository } from './paths';
import { collect } from './runCli';

/**
 * How long a test of the window waits for anything, milliseconds. It is only there to end a test that would wait for
 * ever: a machine with one busy processor takes a minute for what usually takes a second.
 */
export const patience = 240_000;

const defaultSize = { width: 1440, height: 900 };
const chromiumFlags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

interface Installed {
  node: string;
  entry: string;
  chromium: string;
}

/** Where VS Code and Chromium are; installs them on first use. Fails with a sentence when they cannot be had. */
function installVscode(): Installed {
  const setup = spawnSync(process.execPath, [join(repository, 'scripts', 'setupVscode.mjs')], {
    encoding: 'utf8',
  });
  const [browser, server] = setup.stdout.trim().split('\n');
  const parse = (line = setup.stderr): Record<string, string> => {
    assert.ok(line.startsWith('{'), line);
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
  size?: { width: number; height: number };
}

/** Writes the settings of a quiet window and returns the folders of this window. */
function prepareHome(options: WindowOptions): { home: string; common: string[]; env: NodeJS.ProcessEnv } {
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
    // A page that gets the keyboard late must not close a palette under the hand of the test.
    'workbench.quickOpen.closeOnFocusLost': false,
    'workbench.reduceMotion': 'on',
    ...options.settings,
  };
  writeFileSync(join(userData, 'User', 'settings.json'), JSON.stringify(settings));
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    SLIPWAY_STATE: join(home, 'state'),
    XDG_CONFIG_HOME: join(home, 'config'),
  };
  delete env['NODE_OPTIONS'];
  return { home, common: ['--user-data-dir', userData, '--extensions-dir', join(home, 'extensions')], env };
}

async function installExtension(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const { code, stdout, stderr } = await collect(
    spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] }),
  );
  assert.equal(code, 0, `Installing the VSIX failed: ${stdout}${stderr}`);
}

const serverSettled = async (page: Page): Promise<void> => {
  await page.locator('.monaco-workbench .part.sidebar').waitFor({ timeout: patience });
  // The extension is there once its view container is.
  await page.locator('.activitybar [aria-label^="Slipway"]').first().waitFor({ timeout: patience });
};

/** One running workbench; `close` ends everything that it started. */
export class VscodeWindow {
  /** What went to the console as an error. */
  private readonly errors: string[] = [];

  private constructor(
    private readonly home: string,
    readonly page: Page,
    private readonly end: () => Promise<void>,
  ) {
    page.setDefaultTimeout(patience);
    page.on('console', (message) => {
      if (message.type() === 'error') this.errors.push(message.text());
    });
  }

  /** Folder of the daemon file of this window's daemon. */
  get stateFolder(): string {
    return join(this.home, 'state');
  }

  /** Process id of this window's daemon. */
  daemonProcess(): number {
    const text = readFileSync(join(this.stateFolder, 'daemon.json'), 'utf8');
    return (JSON.parse(text) as { processId: number }).processId;
  }

  /** Opens the workbench of code-server in headless Chromium. */
  static async open(options: WindowOptions): Promise<VscodeWindow> {
    const installed = installVscode();
    const { home, common, env } = prepareHome(options);
    const entry = [installed.entry, ...common];
    await installExtension(installed.node, [...entry, '--install-extension', options.vsix], env);
    const port = await freePort();
    const bind = [
      '--auth',
      'none',
      '--bind-addr',
      `127.0.0.1:${port}`,
      '--disable-telemetry',
      '--disable-update-check',
    ];
    const server = spawn(installed.node, [...entry, ...bind, options.folder], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    const said: string[] = [];
    server.stdout.on('data', (chunk: Buffer) => said.push(chunk.toString()));
    server.stderr.on('data', (chunk: Buffer) => said.push(chunk.toString()));
    const url = `http://127.0.0.1:${port}`;
    await until(
      async () => (await fetch(`${url}/healthz`)).ok,
      patience,
      () => `code-server did not start: ${said.join('')}`,
    );
    const browser = await chromium.launch({
      executablePath: installed.chromium,
      args: chromiumFlags,
      timeout: patience,
    });
    const browserContext = await browser.newContext({ viewport: options.size ?? defaultSize });
    await browserContext.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: url });
    const page = await browserContext.newPage();
    const opened = new VscodeWindow(home, page, async () => {
      await browser.close().catch(() => undefined);
      await endGroup(server);
    });
    try {
      await page.goto(`${url}/?folder=${encodeURIComponent(options.folder)}`, { timeout: patience });
      await serverSettled(page);
    } catch (error) {
      await opened.close();
      throw error;
    }
    return opened;
  }

  /** Opens the desktop build at `executable`. */
  static async openDesktop(executable: string, cli: string, options: WindowOptions): Promise<VscodeWindow> {
    const { home, common, env } = prepareHome(options);
    await installExtension(cli, [...common, '--install-extension', options.vsix], env);
    const sandbox = process.platform === 'linux' ? ['--no-sandbox'] : [];
    const application = await _electron.launch({
      timeout: patience,
      executablePath: executable,
      args: [
        ...common,
        ...sandbox,
        '--disable-updates',
        '--skip-welcome',
        '--skip-release-notes',
        options.folder,
      ],
      env: Object.fromEntries(
        Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
      ),
    });
    const page = await application.firstWindow();
    const opened = new VscodeWindow(home, page, () => application.close());
    try {
      await serverSettled(page);
    } catch (error) {
      await opened.close();
      throw error;
    }
    return opened;
  }

  /**
   * Opens a model by double click in the explorer, and waits until its editor has a page. A click that meets a list
   * while it is drawn anew opens nothing: it is clicked again. An editor whose webview stays without a page was seen on
   * another machine, perhaps only slow: what is to be seen is then said, and it is opened again.
   */
  async openFromExplorer(name: string): Promise<void> {
    const row = this.page.locator('.explorer-folders-view .monaco-list-row', { hasText: name }).first();
    const tab = this.page.locator('.tabs-container .tab', { hasText: name }).first();
    await row.waitFor({ timeout: patience });
    for (let attempt = 1; ; attempt += 1) {
      await until(
        async () => {
          await row.dblclick({ timeout: 5000 });
          await tab.waitFor({ timeout: 5000 });
          return true;
        },
        patience,
        () => `A double click does not open ${name}.`,
      );
      try {
        await this.webview()
          .locator('body')
          .waitFor({ state: 'attached', timeout: patience / 6 });
        return;
      } catch (error) {
        if (attempt === 6) throw error;
        process.stdout.write(
          `The editor of ${name} has no page; it is opened again.\n${await this.describe()}\n`,
        );
        await this.runCommand('View: Close All Editors');
      }
    }
  }

  /** What can be seen and read of the window when a test has failed: tabs, pages, messages, the last of the logs. */
  async describe(): Promise<string> {
    const texts = async (selector: string) => (await this.page.locator(selector).allInnerTexts()).join(' | ');
    const frames = await this.page
      .locator('iframe.webview')
      .evaluateAll((found) =>
        found.map((frame) => `${frame.getAttribute('class')} ${frame.checkVisibility()}`),
      );
    const pages = this.page
      .frames()
      .map((frame) => frame.locator('body').innerText({ timeout: 1000 }).catch(String));
    const parts = [
      `tabs: ${await texts('.tabs-container .tab')}`,
      `messages: ${await texts('.notification-list-item-message')}`,
      `webviews: ${frames.join(' | ') || 'none'}`,
      ...(await Promise.all(pages)).slice(1).map((text) => `page: ${text.slice(0, 500)}`),
      ...this.errors.slice(-20).map((text) => `console: ${text.slice(0, 500)}`),
      ...(await lastOfLogs(this.home)),
    ];
    return parts.join('\n');
  }

  /**
   * Opens the palette and types. A key that meets a webview while it loads goes nowhere, and a palette that is
   * just closing takes no text: then it is done again.
   */
  private async searchPalette(title: string): Promise<void> {
    const input = this.page.locator('.quick-input-widget input.input');
    await until(
      async () => {
        if (!(await input.isVisible())) await this.page.keyboard.press('F1');
        await input.fill(`>${title}`, { timeout: 10_000 });
        return (await input.inputValue()) === `>${title}`;
      },
      patience,
      () => 'The command palette does not open.',
    );
  }

  /** Runs a command by its title in the palette. A row that is gone before the click meets it is looked for again. */
  async runCommand(title: string): Promise<void> {
    const row = this.page.locator('.quick-input-widget .monaco-list-row', { hasText: title }).first();
    await until(
      async () => {
        await this.searchPalette(title);
        await row.click({ timeout: 15_000 });
        return true;
      },
      patience,
      () => `The command palette does not run ${title}.`,
    );
  }

  /** Reloads the window and waits until the extension's views are there again. */
  async reload(): Promise<void> {
    const mark = () => (globalThis as { beforeReload?: boolean }).beforeReload;
    await this.page.evaluate(() => {
      (globalThis as { beforeReload?: boolean }).beforeReload = true;
    });
    await this.runCommand('Developer: Reload Window');
    await until(
      async () => (await this.page.evaluate(mark)) === undefined,
      patience,
      () => 'The window does not load again.',
    );
    await serverSettled(this.page);
  }

  /** Fails unless the palette offers a command of this title. */
  async expectInPalette(title: string): Promise<void> {
    const row = this.page.locator('.quick-input-widget .monaco-list-row', { hasText: title }).first();
    await until(
      async () => {
        await this.searchPalette(title);
        await row.waitFor({ timeout: 15_000 });
        return true;
      },
      patience,
      () => `The palette does not offer ${title}.`,
    );
    await this.closePalette();
  }

  /**
   * Fails if the palette offers a command of this title. `neighbour` is one that it does offer for the first letters of
   * both: once it is listed, so would be the other.
   */
  async expectNotInPalette(title: string, neighbour: string): Promise<void> {
    let shared = 0;
    while (shared < title.length && title[shared] === neighbour[shared]) shared += 1;
    await this.searchPalette(title.slice(0, shared));
    const rows = this.page.locator('.quick-input-widget .monaco-list-row');
    await rows.filter({ hasText: neighbour }).first().waitFor();
    assert.equal(await rows.filter({ hasText: title }).count(), 0, `The palette offers ${title}.`);
    await this.closePalette();
  }

  private async closePalette(): Promise<void> {
    await this.page.keyboard.press('Escape');
    await this.page.locator('.quick-input-widget').waitFor({ state: 'hidden' });
  }

  /** The page inside the webview that is shown; webviews are iframes two deep. */
  webview(index = 0): FrameLocator {
    const shown = this.page.locator('iframe.webview.ready').filter({ visible: true });
    return shown.nth(index).contentFrame().frameLocator('#active-frame');
  }

  async close(): Promise<void> {
    await this.end();
    await this.endDaemon();
    rmSync(this.home, { recursive: true, force: true, maxRetries: 5 });
  }

  /** The daemon outlives windows on purpose; the test ends the one that its own window started. */
  private async endDaemon(): Promise<void> {
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

/** The last lines of what the extension and its host have logged. */
async function lastOfLogs(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const wanted = names.filter((name) => /(slipway|exthost|daemon)[^/]*\.log$/i.test(name));
  return Promise.all(
    wanted.map(async (name) => {
      const text = await readFile(join(folder, name), 'utf8');
      return `${name}: ${text.trimEnd().split('\n').slice(-15).join('\n  ')}`;
    }),
  );
}

/** Ends a process group that we started and waits for it, five seconds at most. */
async function endGroup(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  try {
    process.kill(-child.pid!, 'SIGTERM');
  } catch {
    return;
  }
  await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 5000).unref())]);
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
