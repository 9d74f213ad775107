// Opening a 2 GB model of 10,000 nodes: seconds until its structure is in memory and the most memory that
// the process took, in a fresh Node process that holds only the reader.

import { build } from 'esbuild';
import { execFile } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DataType } from '../../daemon/ir/dataType';
import { attribute, graph, int64Tensor, model, node, valueInfo } from '../../daemon/ir/builder';
import type { Model, Node } from '../../daemon/ir/model';
import type { Tensor } from '../../daemon/ir/tensor';
import { silentTask } from '../../daemon/base/task';
import { encodeStructure } from '../../daemon/onnx/encodeModel';
import type { BenchRow } from './row';

const runs = 5;
const layers = 128;
const width = 2048;

/** Measures; takes about half a minute and 2 GB of sparse disk, both given back. */
export async function openLargeModel(): Promise<BenchRow[]> {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-open-'));
  try {
    const path = join(folder, 'large.onnx');
    const { fileBytes, nodes, tensors } = await writeLargeModel(path);
    const reader = join(folder, 'reader.cjs');
    await bundleReader(reader);
    const seconds: number[] = [];
    const megabytes: number[] = [];
    for (let run = 0; run < runs; run += 1) {
      const one = await openOnce(reader, path);
      if (one.nodes !== nodes || one.diagnostics !== 0)
        throw new Error('The large model was not read whole.');
      seconds.push(one.seconds);
      megabytes.push(one.peakRssBytes / 1e6);
    }
    const detail = `median of ${runs} fresh processes; ${nodes} nodes, ${tensors} initializers, ${(fileBytes / 1e9).toFixed(2)} GB; ${seconds.map((one) => one.toFixed(3)).join(', ')} s`;
    return [
      row('open 2 GB: structure in memory', median(seconds), 's', 0.3, detail),
      row('open 2 GB: peak resident memory', median(megabytes), 'MB', 120, detail),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const row = (name: string, value: number, unit: string, most: number, detail: string): BenchRow => ({
  name,
  value,
  unit,
  goal: `≤ ${most} ${unit}`,
  holds: value <= most,
  detail,
});

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}

/** Bundles the reader and nothing else into one script that opens the file named on its command line. */
async function bundleReader(outfile: string): Promise<void> {
  const contents = `
    import { readModel } from './daemon/onnx/readModel';
    import { silentTask } from './daemon/base/task';
    const start = performance.now();
    void readModel(process.argv[2]!, silentTask).then(({ model, diagnostics }) => {
      const seconds = (performance.now() - start) / 1000;
      const peakRssBytes = process.resourceUsage().maxRSS * 1024;
      const nodes = model?.graph.nodes.length ?? 0;
      console.log(JSON.stringify({ seconds, peakRssBytes, nodes, diagnostics: diagnostics.length }));
    });`;
  await build({
    stdin: { contents, resolveDir: process.cwd(), loader: 'ts' },
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    format: 'cjs',
    outfile,
    logLevel: 'warning',
  });
}

interface Opened {
  seconds: number;
  peakRssBytes: number;
  nodes: number;
  diagnostics: number;
}

async function openOnce(reader: string, path: string): Promise<Opened> {
  const environment = { ...process.env, NODE_OPTIONS: '' };
  const { stdout } = await promisify(execFile)(process.execPath, [reader, path], { env: environment });
  return JSON.parse(stdout) as Opened;
}

/** Writes the structure and leaves holes where the weights are, so that no 2 GB reach the disk. */
export async function writeLargeModel(
  path: string,
): Promise<{ fileBytes: number; nodes: number; tensors: number }> {
  const large = largeModel();
  const structure = await encodeStructure(large, new Map(), silentTask);
  const descriptor = openSync(path, 'wx');
  let position = 0;
  try {
    for (const piece of structure.pieces()) {
      if (piece instanceof Uint8Array) {
        for (let done = 0; done < piece.length;)
          done += writeSync(descriptor, piece, done, piece.length - done, position + done);
        position += piece.length;
      } else position += piece.bytes.in === 'file' ? piece.bytes.length : 0;
    }
  } finally {
    closeSync(descriptor);
  }
  return { fileBytes: position, nodes: large.graph.nodes.length, tensors: large.graph.initializers.length };
}

/** A hole: bytes that are somewhere else until the file is written. */
const hole = (name: string, dims: number[]): Tensor => ({
  name,
  dataType: DataType.FLOAT,
  dims,
  storage: {
    kind: 'raw',
    bytes: {
      in: 'file',
      file: { path: '', size: 0, mtimeMs: 0 },
      offset: 0,
      length: 4 * dims.reduce((a, b) => a * b, 1),
    },
  },
  docString: '',
  metadataProps: [],
});

/** A decoder-like graph with exporter-like names: 128 layers of 78 nodes and 8 weights. */
function largeModel(): Model {
  const nodes: Node[] = [];
  const initializers: Tensor[] = [int64Tensor('shape.heads', [4], [0n, 0n, 16n, 128n])];
  let value = 'hidden_0';
  const add = (op: string, inputs: string[], name: string, attributes = {}) => {
    const output = `/model/layers/${name}_output_0`;
    nodes.push(node(op, inputs, [output], { name: `/model/layers/${name}`, attributes }));
    return output;
  };
  for (let layer = 0; layer < layers; layer += 1) {
    const weight = (part: string, dims: number[]) => {
      const name = `model.layers.${layer}.${part}.weight`;
      initializers.push(hole(name, dims));
      return name;
    };
    const normed = add(
      'Mul',
      [value, weight('input_layernorm', [width])],
      `layers.${layer}/input_layernorm/Mul`,
    );
    const heads = ['q_proj', 'k_proj', 'v_proj', 'o_proj'].map((part) => {
      let head = add(
        'MatMul',
        [normed, weight(`self_attn.${part}`, [width, 480])],
        `layers.${layer}/self_attn/${part}/MatMul`,
      );
      head = add('Reshape', [head, 'shape.heads'], `layers.${layer}/self_attn/${part}/Reshape`, {
        allowzero: 0n,
      });
      for (let step = 0; step < 14; step += 1) {
        head = add(
          step % 2 ? 'Transpose' : 'Mul',
          step % 2 ? [head] : [head, head],
          `layers.${layer}/self_attn/${part}/step_${step}`,
          step % 2 ? { perm: [0n, 2n, 1n, 3n] } : {},
        );
      }
      return head;
    });
    let mixed = add('Sum', heads, `layers.${layer}/self_attn/Sum`);
    for (const part of ['gate_proj', 'up_proj', 'down_proj']) {
      mixed = add(
        'MatMul',
        [mixed, weight(`mlp.${part}`, [width, 22])],
        `layers.${layer}/mlp/${part}/MatMul`,
      );
      for (let step = 0; step < 3; step += 1) {
        mixed = add('Softmax', [mixed], `layers.${layer}/mlp/${part}/Softmax_${step}`, { axis: -1n });
      }
    }
    value = add('Add', [value, mixed], `layers.${layer}/Add`);
  }
  const info = ['batch', 'sequence', width];
  const main = graph({
    nodes,
    initializers,
    inputs: [valueInfo('hidden_0', DataType.FLOAT, info)],
    outputs: [valueInfo(value, DataType.FLOAT, info)],
  });
  main.nodes[0]?.attributes.push(attribute('note', 'made by the benchmark'));
  return model(main, { opset: 17 });
}
