// The model editor's page over a daemon of its own, as the extension serves it, with the time until its first picture.

import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { serveByDaemon } from '../../support/daemonEditor';
import { connect, startDaemon } from '../../support/daemonProcess';
import { editorHost } from '../../support/editorHost';
import { workerSource, type Pages } from '../../support/webPage';

export interface OpenedPage {
  readonly page: Page;
  /**
   * From the moment in which the host begins (it asks the daemon for the graph and gives the page its document) to the
   * first painted picture, or to the sentence that says why there is none.
   */
  readonly seconds: number;
  /** What the page says in place of a picture. */
  readonly refusal: string | undefined;
  /** Most memory that the daemon has held until now, in MB; undefined where the system does not tell. */
  peak(): number | undefined;
  /** Resolves when what is worked out after the first picture has come and is drawn. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

/** Opens a page over a new daemon and waits for the first picture. */
export async function openPage(pages: Pages, folder: string, path: string): Promise<OpenedPage> {
  const daemon = await startDaemon(mkdtempSync(join(folder, 'state-')));
  const client = await connect(daemon);
  const source = await workerSource();
  const size = { width: 1400, height: 900, tunnel: 'socket' } as const;
  let start = 0;
  const { page } = await pages.open('editor', size, (port) => {
    start = performance.timeOrigin + performance.now();
    editorHost(port, { fileName: 'decoder.onnx', workerSource: source }, serveByDaemon(client, path));
  });
  const { at, refusal } = await page.evaluate(
    () =>
      new Promise<{ at: number; refusal: string | undefined }>((resolve) => {
        const look = () => {
          const refusal = document.querySelector('.message')?.textContent.trim().replaceAll(/\s+/g, ' ');
          const stage = document.querySelector('#stage');
          const isDrawn =
            stage?.getAttribute('aria-busy') === 'false' &&
            document.querySelector('[role=treeitem]') !== null;
          if (!isDrawn && refusal === undefined) {
            setTimeout(look, 2);
            return;
          }
          // The frame after the one that draws begins when that one is on screen.
          requestAnimationFrame(() =>
            setTimeout(() => resolve({ at: performance.timeOrigin + performance.now(), refusal })),
          );
        };
        look();
      }),
  );
  return {
    page,
    seconds: (at - start) / 1000,
    refusal,
    peak: () => peakOf(daemon.child.pid),
    async settled() {
      await page.waitForFunction(() => document.querySelector('.top-bar')?.textContent.includes('opset'));
      await page.waitForTimeout(100);
      // The table with inferred shapes, where the first one had none: the daemon answers in turn.
      await client.ask('slipway/ping');
      await page.waitForTimeout(400);
      await idle(page);
    },
    async close() {
      await page.context().close();
      client.close();
      await daemon.stop();
    },
  };
}

/** Resolves when nothing is being laid out. */
export const idle = (page: Page) =>
  page.waitForFunction(() => document.querySelector('#stage')?.getAttribute('aria-busy') === 'false');

/** Peak resident memory of a process in MB, from Linux's own books. */
function peakOf(pid: number | undefined): number | undefined {
  const status = `/proc/${pid ?? 0}/status`;
  if (!existsSync(status)) return undefined;
  const kilobytes = /VmHWM:\s*(\d+)/.exec(readFileSync(status, 'utf8'))?.[1];
  return kilobytes === undefined ? undefined : (Number(kilobytes) * 1024) / 1e6;
}
