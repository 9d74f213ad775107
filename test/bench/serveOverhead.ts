// What a request costs beside the model: one picture's worth of floats (3×224×224) as JSON and as bytes, against
// the same run without a server. Interleaved, so that a busy machine slows all alike.

import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentTask } from '../../daemon/base/task';
import { startServer } from '../../daemon/deploy/targets/local/serverProcess';
import { graph, model, node, valueInfo } from '../../daemon/ir/builder';
import { DataType } from '../../daemon/ir/dataType';
import { writeModel } from '../../daemon/onnx/writeModel';
import { withRunner } from '../../daemon/runtime/runner/runnerProcess';
import type { BenchRow } from './row';

const floats = 150_528;
const rounds = 60;
const warmUps = 5;

/** Latencies of the served and the direct run, and the ratio of JSON to bytes. */
export async function serveOverhead(): Promise<BenchRow[]> {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-bench-'));
  try {
    const path = join(folder, 'mean.onnx');
    const mean = graph({
      nodes: [node('ReduceMean', ['x'], ['y'], { attributes: { axes: [1n] } })],
      inputs: [valueInfo('x', DataType.FLOAT, ['n', floats])],
      outputs: [valueInfo('y', DataType.FLOAT, ['n', 1])],
    });
    await writeModel(model(mean), path, {}, silentTask);
    return await measure(path);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(path: string): Promise<BenchRow[]> {
  const data = Float32Array.from({ length: floats }, (_, i) => Math.sin(i));
  const input = { name: 'x', datatype: 'FP32', shape: [1, floats] };
  const json = Buffer.from(JSON.stringify({ inputs: [{ ...input, data: [...data] }] }));
  const head = Buffer.from(
    JSON.stringify({
      inputs: [{ ...input, parameters: { binary_data_size: data.byteLength } }],
      parameters: { binary_data_output: true },
    }),
  );
  const binary = Buffer.concat([head, new Uint8Array(data.buffer)]);
  const agent = new Agent({ keepAlive: true });
  const server = await startServer([`--model=mean=${path}`, '--port=0', '--threads=1'], silentTask);
  try {
    return await withRunner(silentTask, async (runner) => {
      const session = await runner.load(path, { threads: 1 }, silentTask);
      const feeds = { x: { type: 'float32', dims: [1, floats], data } } as const;
      const url = `${server.url}/v2/models/mean/infer`;
      const ways = {
        json: () => post(url, json, {}, agent),
        binary: () => post(url, binary, { 'Inference-Header-Content-Length': head.length }, agent),
        direct: () => session.run(feeds, silentTask),
      };
      const times = { json: [] as number[], binary: [] as number[], direct: [] as number[] };
      for (let round = -warmUps; round < rounds; round++) {
        for (const way of ['json', 'binary', 'direct'] as const) {
          const begun = performance.now();
          await ways[way]();
          if (round >= 0) times[way].push(performance.now() - begun);
        }
      }
      return rows(times, { json: json.length, binary: binary.length });
    });
  } finally {
    agent.destroy();
    await server.end(5000);
  }
}

function rows(
  times: Record<'json' | 'binary' | 'direct', number[]>,
  bytes: Record<'json' | 'binary', number>,
): BenchRow[] {
  const p50 = (way: keyof typeof times) => quantile(times[way], 0.5);
  const row = (name: string, value: number, unit: string, detail: string): BenchRow => {
    return { name, value, unit, goal: '', holds: true, detail };
  };
  const spread = (way: keyof typeof times) =>
    `${rounds} requests, p90 ${quantile(times[way], 0.9).toFixed(2)} ms`;
  const size = (count: number) => `${(count / 1e6).toFixed(1)} MB`;
  return [
    row('serve JSON p50', p50('json'), 'ms', `${floats} floats, ${size(bytes.json)}; ${spread('json')}`),
    row('serve binary p50', p50('binary'), 'ms', `${floats} floats, ${size(bytes.binary)}; ${spread('binary')}`),
    row('JSON / binary', p50('json') / p50('binary'), '×', 'latency ratio of the same tensor'),
    row('server overhead p50', p50('binary') - p50('direct'), 'ms', `binary request − run in a runner without a server (${p50('direct').toFixed(2)} ms)`),
  ]; // prettier-ignore
}

function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

function post(
  url: string,
  body: Buffer,
  headers: Readonly<Record<string, number>>,
  agent: Agent,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      { method: 'POST', agent, headers: { 'Content-Length': body.length, ...headers } },
      (response) => {
        response.resume().once('error', reject);
        response.once('end', () => {
          if (response.statusCode === 200) resolve();
          else reject(new Error(`The server answered ${response.statusCode ?? 0}.`));
        });
      },
    );
    sent.once('error', reject);
    sent.end(body);
  });
}
