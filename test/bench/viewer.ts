// The viewer at any size: time until the first graph is on screen, frames while panning and zooming, time to open
// a scope, and what a 2 GB file costs. In headless Chromium without a graphics card, over the daemon's own code in
// this process; the model is read from disk each time.

import { build } from 'esbuild';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Page } from 'playwright-core';
import { silentTask } from '../../daemon/base/task';
import { writeModel } from '../../daemon/onnx/writeModel';
import { decoderModel } from '../support/decoderModel';
import { editorHost, serveFile } from '../support/editorHost';
import { Pages, workerSource } from '../support/webPage';
import { writeLargeModel } from './open2gb';
import type { BenchRow } from './row';

const sizes = [
  { nodes: 1000, most: 0.5 },
  { nodes: 10_000, most: 1 },
  { nodes: 100_000, most: 3 },
] as const;
const runs = 5;

/** Measures; takes about two minutes. */
export async function bench(): Promise<BenchRow[]> {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-viewer-'));
  const pages = await Pages.start();
  const rows: BenchRow[] = [];
  try {
    const blank = await emptyFrames(pages);
    for (const { nodes, most } of sizes) {
      const path = join(folder, `decoder-${nodes}.onnx`);
      await writeModel(decoderModel(nodes), path, {}, silentTask);
      rows.push(...(await oneSize(pages, path, nodes, most, blank)));
    }
    rows.push(...(await largeFile(folder)));
  } finally {
    await pages.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  rows.push({
    name: 'Netron beside it',
    value: null,
    unit: '',
    goal: '',
    holds: false,
    detail: 'not measured: its package is not installed by this benchmark',
  });
  return rows;
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
  path: string,
  nodes: number,
  most: number,
  blank: readonly number[],
): Promise<BenchRow[]> {
  const seconds: number[] = [];
  let frames: number[] = [];
  let opening: number[] = [];
  for (let run = 0; run < runs; run++) {
    const { page, start } = await openEditor(pages, path);
    const shown = await page.evaluate(() => (window as unknown as { shownAt: Promise<number> }).shownAt);
    seconds.push((shown - start) / 1000);
    if (run === runs - 1) {
      opening = await openScopes(page);
      await page.keyboard.press('0');
      frames = await movingFrames(page);
    }
    await page.context().close();
  }
  const p95 = quantile(frames, 0.95);
  const idle = quantile(blank, 0.95);
  return [
    row(
      `first graph on screen, ${count(nodes)} nodes`,
      quantile(seconds, 0.5),
      's',
      most,
      `median of ${runs} pages, from the page's readiness to the painted picture, reading included; ${seconds.map((one) => one.toFixed(2)).join(', ')} s`,
    ),
    row(
      `pan and zoom frame p95, ${count(nodes)} nodes`,
      p95,
      'ms',
      1.3 * idle,
      `${frames.length} frames, p50 ${quantile(frames, 0.5).toFixed(1)} ms; empty page p95 ${idle.toFixed(1)} ms`,
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

/** Opens a page whose `shownAt` resolves with the time at which the first picture was painted. */
async function openEditor(pages: Pages, path: string): Promise<{ page: Page; start: number }> {
  const source = await workerSource();
  let start = 0;
  const opened = await pages.open('editor', { width: 1400, height: 900 }, (port) => {
    // The file is read when the page asks, as a daemon does.
    let serves: ReturnType<typeof serveFile> | undefined;
    const now = () => (serves ??= serveFile(path));
    editorHost(
      {
        post: (envelope) => {
          if (start === 0) start = Date.now();
          port.post(envelope);
        },
        listen: (listener) => port.listen(listener),
      },
      { fileName: 'decoder.onnx', workerSource: source },
      {
        open: async (params) => (await now()).open(params),
        graph: async (params) => (await now()).graph(params),
        node: async (params) => (await now()).node(params),
        tensor: async (params) => (await now()).tensor(params),
        statistics: async (params) => (await now()).statistics(params),
      },
    );
  });
  const { page } = opened;
  await page.evaluate(() => {
    (window as unknown as { shownAt: Promise<number> }).shownAt = new Promise((resolve) => {
      const look = () => {
        const done =
          document.querySelector('#stage')?.getAttribute('aria-busy') === 'false' &&
          document.querySelector('[role=treeitem]') !== null;
        if (done) requestAnimationFrame(() => resolve(Date.now()));
        else setTimeout(look, 2);
      };
      look();
    });
  });
  return { page, start };
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

/** Reads, inspects and lays out the table of a 2 GB file in a process of its own. */
async function largeFile(folder: string): Promise<BenchRow[]> {
  const path = join(folder, 'large.onnx');
  const { fileBytes, nodes } = await writeLargeModel(path);
  const outfile = join(folder, 'reader.cjs');
  const contents = `
    import { graphTable } from './daemon/analysis/graphTable';
    import { inspect } from './daemon/analysis/inspect';
    import { silentTask } from './daemon/base/task';
    import { readModel } from './daemon/onnx/readModel';
    import { encodeColumns } from './daemon/protocol/columns';
    const start = performance.now();
    void (async () => {
      const read = await readModel(process.argv[2]!, silentTask);
      await inspect(read, {}, silentTask);
      const bytes = encodeColumns((await graphTable(read.model!)).columns).length;
      const seconds = (performance.now() - start) / 1000;
      console.log(JSON.stringify({ seconds, bytes, peak: process.resourceUsage().maxRSS * 1024 }));
    })();`;
  await build({
    stdin: { contents, resolveDir: process.cwd(), loader: 'ts' },
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    format: 'cjs',
    outfile,
    logLevel: 'warning',
  });
  const seconds: number[] = [];
  const peaks: number[] = [];
  for (let run = 0; run < runs; run++) {
    const { stdout } = await promisify(execFile)(process.execPath, [outfile, path], {
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    const one = JSON.parse(stdout) as { seconds: number; peak: number };
    seconds.push(one.seconds);
    peaks.push(one.peak / 1e6);
  }
  const detail = `median of ${runs} fresh processes; ${nodes} nodes, ${(fileBytes / 1e9).toFixed(2)} GB; reading, inspection and the graph's columns, without the page`;
  return [
    row('2 GB file: read, inspected, columns', quantile(seconds, 0.5), 's', 1.5, detail),
    row('2 GB file: peak resident memory', quantile(peaks, 0.5), 'MB', 150, detail),
  ];
}
