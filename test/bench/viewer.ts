// The viewer at any size, Netron beside it: time until the first graph is on screen, frames while panning and zooming,
// time to open a scope, what a 2 GB file and a 20 GB model with external data cost. In headless Chromium without a
// graphics card, over a daemon process of its own for every page, so that nothing is remembered.

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { silentTask } from '../../daemon/base/task';
import { writeModel } from '../../daemon/onnx/writeModel';
import { serveByDaemon } from '../support/daemonEditor';
import { connect, startDaemon } from '../support/daemonProcess';
import { decoderModel } from '../support/decoderModel';
import { editorHost } from '../support/editorHost';
import { Pages, workerSource } from '../support/webPage';
import { writeExternalModel } from './externalModel';
import { netronName, netronSeconds } from './netron';
import { writeLargeModel } from './open2gb';
import type { BenchRow } from './row';

const sizes = [
  { nodes: 1000, most: 0.5, netronLimit: 60 },
  { nodes: 10_000, most: 1, netronLimit: 90 },
  { nodes: 100_000, most: 3, netronLimit: 0 },
] as const;
const runs = 5;

/** Measures; takes about four minutes, most of it Netron's. */
export async function bench(): Promise<BenchRow[]> {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-viewer-'));
  const pages = await Pages.start();
  const rows: BenchRow[] = [];
  try {
    for (const { nodes, most, netronLimit } of sizes) {
      const path = join(folder, `decoder-${nodes}.onnx`);
      await writeModel(decoderModel(nodes), path, {}, silentTask);
      rows.push(...(await oneSize(pages, folder, path, nodes, most)));
      if (netronLimit > 0) rows.push(await besides(pages, path, nodes, netronLimit));
    }
    rows.push(...(await largeFiles(pages, folder)));
  } finally {
    await pages.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  return rows;
}

async function besides(pages: Pages, path: string, nodes: number, limit: number): Promise<BenchRow> {
  const seconds = await netronSeconds(pages.browser, path, limit);
  const measured = typeof seconds === 'number' && Number.isFinite(seconds);
  return {
    name: `${netronName}: first graph on screen, ${count(nodes)} nodes`,
    value: measured ? seconds : null,
    unit: 's',
    goal: '',
    holds: false,
    detail: measured
      ? 'the same file in the same browser, from the start of its page to its graph; one run'
      : typeof seconds === 'number'
        ? `no graph after ${limit} s, given up`
        : `not measured: ${seconds.missing}`,
  };
}

const count = (nodes: number) => nodes.toLocaleString('en');

function row(name: string, value: number, unit: string, most: number, detail: string): BenchRow {
  return {
    name,
    value,
    unit,
    goal: `≤ ${Number(most.toPrecision(3))} ${unit}`,
    holds: value <= most,
    detail,
  };
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
}

async function oneSize(
  pages: Pages,
  folder: string,
  path: string,
  nodes: number,
  most: number,
): Promise<BenchRow[]> {
  const seconds: number[] = [];
  const frames: number[] = [];
  const blank: number[] = [];
  let opening: number[] = [];
  for (let run = 0; run < runs; run++) {
    const opened = await openEditor(pages, folder, path);
    seconds.push(opened.seconds);
    const { page } = opened;
    if (run >= runs - 3) {
      // In turn with the empty page, so that the machine's mood meets both.
      blank.push(...(await emptyFrames(pages)));
      if (run === runs - 1) opening = await openScopes(page);
      await page.keyboard.press('0');
      frames.push(...(await movingFrames(page)));
    }
    await opened.close();
  }
  const p95 = quantile(frames, 0.95);
  const idle = quantile(blank, 0.95);
  return [
    row(
      `first graph on screen, ${count(nodes)} nodes`,
      quantile(seconds, 0.5),
      's',
      most,
      `median of ${runs} pages, from the start of the page to the painted picture, reading included; ${listed(seconds)} s`,
    ),
    row(
      `pan and zoom frame p95, ${count(nodes)} nodes`,
      p95,
      'ms',
      1.3 * idle,
      `${frames.length} frames, p50 ${quantile(frames, 0.5).toFixed(1)} ms; empty page p95 ${idle.toFixed(1)} ms, ratio ${(p95 / idle).toFixed(2)}`,
    ),
    row(
      `opening a scope, slowest, ${count(nodes)} nodes`,
      Math.max(...opening),
      'ms',
      150,
      `${opening.length} openings and closings from key to painted picture; median ${quantile(opening, 0.5).toFixed(0)} ms`,
    ),
  ];
}

const listed = (seconds: readonly number[]) => seconds.map((one) => one.toFixed(2)).join(', ');

interface OpenedEditor {
  page: Page;
  /** From the start of the page to its first painted picture. */
  seconds: number;
  /** Most memory that the daemon has held until now, in MB; undefined where the system does not tell. */
  peak: () => number | undefined;
  close: () => Promise<void>;
}

/** Opens a page over a new daemon and waits for the first picture. */
async function openEditor(pages: Pages, folder: string, path: string): Promise<OpenedEditor> {
  const daemon = await startDaemon(mkdtempSync(join(folder, 'state-')));
  const client = await connect(daemon);
  const source = await workerSource();
  const size = { width: 1400, height: 900, tunnel: 'socket' } as const;
  const { page } = await pages.open('editor', size, (port) => {
    editorHost(port, { fileName: 'decoder.onnx', workerSource: source }, serveByDaemon(client, path));
  });
  const seconds = await page.evaluate(
    () =>
      new Promise<number>((resolve, reject) => {
        const look = () => {
          const failed = document.querySelector('.message')?.textContent;
          if (failed !== undefined) reject(new Error(`The page says: ${failed}`));
          const done =
            document.querySelector('#stage')?.getAttribute('aria-busy') === 'false' &&
            document.querySelector('[role=treeitem]') !== null;
          // The frame after the one that draws begins when that one is on screen.
          if (done) requestAnimationFrame(() => setTimeout(() => resolve(performance.now() / 1000)));
          else setTimeout(look, 2);
        };
        look();
      }),
  );
  // What is worked out after the first picture must not disturb what is measured next.
  await client.ask('slipway/ping');
  await page.waitForFunction(() => document.querySelector('.top-bar')?.textContent.includes('opset'));
  await page.waitForTimeout(300);
  await page.waitForFunction(() => document.querySelector('#stage')?.getAttribute('aria-busy') === 'false');
  return {
    page,
    seconds,
    peak: () => peakOf(daemon.child.pid),
    async close() {
      await page.context().close();
      client.close();
      await daemon.stop();
    },
  };
}

/** Peak resident memory of a process in MB, from Linux's own books. */
function peakOf(pid: number | undefined): number | undefined {
  const status = `/proc/${pid ?? 0}/status`;
  if (!existsSync(status)) return undefined;
  const kilobytes = /VmHWM:\s*(\d+)/.exec(readFileSync(status, 'utf8'))?.[1];
  return kilobytes === undefined ? undefined : (Number(kilobytes) * 1024) / 1e6;
}

/** Frame times while the wheel pans and zooms. */
function movingFrames(page: Page): Promise<number[]> {
  return page.evaluate(
    () =>
      new Promise<number[]>((resolve) => {
        const stage = document.querySelector('#stage')!;
        const times: number[] = [];
        let last = performance.now();
        const frame = (now: number) => {
          times.push(now - last);
          last = now;
          const n = times.length;
          if (n > 150) {
            resolve(times.slice(30));
            return;
          }
          const ctrlKey = n % 3 === 0;
          const deltaY = (n % 60 < 30 ? 1 : -1) * (ctrlKey ? 20 : 60);
          const at = { clientX: 400, clientY: 400, bubbles: true, cancelable: true };
          stage.dispatchEvent(new WheelEvent('wheel', { ...at, deltaY, ctrlKey }));
          requestAnimationFrame(frame);
        };
        requestAnimationFrame(frame);
      }),
  );
}

async function emptyFrames(pages: Pages): Promise<number[]> {
  const { page } = await pages.open('results', { width: 1400, height: 900 }, () => undefined);
  const times = await page.evaluate(
    () =>
      new Promise<number[]>((resolve) => {
        const list: number[] = [];
        let last = performance.now();
        const frame = (now: number) => {
          list.push(now - last);
          last = now;
          if (list.length > 150) resolve(list.slice(30));
          else requestAnimationFrame(frame);
        };
        requestAnimationFrame(frame);
      }),
  );
  await page.context().close();
  return times;
}

/** Milliseconds from the key to the painted picture, for scopes opened and closed by keyboard. */
async function openScopes(page: Page): Promise<number[]> {
  const times: number[] = [];
  const press = async (key: string) => {
    times.push(
      await page.evaluate(
        (pressed) =>
          new Promise<number>((resolve) => {
            const stage = document.querySelector('#stage')!;
            const start = performance.now();
            stage.dispatchEvent(new KeyboardEvent('keydown', { key: pressed, bubbles: true }));
            const look = () => {
              if (stage.getAttribute('aria-busy') === 'true') setTimeout(look, 1);
              else requestAnimationFrame(() => resolve(performance.now() - start));
            };
            setTimeout(look, 0);
          }),
        key,
      ),
    );
  };
  for (const name of ['layers', 'layers.0', 'self_attn', 'mlp']) {
    await page.fill('#search', name);
    await page.press('#search', 'Enter');
    await page.waitForFunction(() => document.querySelector('#stage')?.getAttribute('aria-busy') === 'false');
    await page.waitForTimeout(200);
    for (let i = 0; i < 4; i++) await press(' ');
    await press(']');
  }
  return times;
}

/** Models whose weights are much larger than memory should be asked for. */
async function largeFiles(pages: Pages, folder: string): Promise<BenchRow[]> {
  const single = join(folder, 'large.onnx');
  const { fileBytes, nodes } = await writeLargeModel(single);
  const external = await writeExternalModel(join(folder, 'external'));
  const cases = [
    { path: single, name: '2 GB file', what: `${nodes} nodes, ${(fileBytes / 1e9).toFixed(2)} GB` },
    {
      path: external.path,
      name: '20 GB of external data',
      what: `${external.nodes} nodes, ${(external.dataBytes / 1e9).toFixed(1)} GB, sparse`,
    },
  ];
  const rows: BenchRow[] = [];
  for (const { path, name, what } of cases) {
    const seconds: number[] = [];
    const peaks: number[] = [];
    for (let run = 0; run < runs; run++) {
      const opened = await openEditor(pages, folder, path);
      seconds.push(opened.seconds);
      const peak = opened.peak();
      if (peak !== undefined) peaks.push(peak);
      await opened.close();
    }
    rows.push(
      row(
        `${name}: first graph on screen`,
        quantile(seconds, 0.5),
        's',
        1.5,
        `median of ${runs} new daemons and pages; ${what}; ${listed(seconds)} s`,
      ),
    );
    const memory = `${name}: daemon's peak resident memory`;
    if (peaks.length === 0) {
      const detail = 'not measured: this system does not tell the peak of another process';
      rows.push({ name: memory, value: null, unit: 'MB', goal: '≤ 150 MB', holds: false, detail });
    } else {
      const detail = `largest of ${runs} daemons, the picture drawn and the whole inspection done; ${what}`;
      rows.push(row(memory, Math.max(...peaks), 'MB', 150, detail));
    }
  }
  return rows;
}
