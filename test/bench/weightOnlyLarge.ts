// A 4 GB model of pseudo-random weights through weight-only int4, in a fresh Node process that holds only the recipe:
// its most memory, and the time it took.

import { build } from 'esbuild';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { silentTask } from '../../daemon/base/task';
import { writeAtomically } from '../../daemon/host/files';
import { graph, model, node, valueInfo } from '../../daemon/ir/builder';
import { DataType } from '../../daemon/ir/dataType';
import type { Tensor } from '../../daemon/ir/tensor';
import { encodeStructure } from '../../daemon/onnx/encodeModel';
import type { BenchRow } from './row';

const width = 4096;
const layers = 64;
const weightBytes = width * width * 4;
const mostBytes = 2 ** 30;

/** Writes 4.3 GB of weights, quantizes them, and takes both away. */
export async function bench(): Promise<BenchRow[]> {
  const folder = await mkdtemp(join(tmpdir(), 'slipway-4gb-'));
  const name = 'weight-only int4 of a 4 GB model: peak resident memory';
  const goal = '≤ 1074 MB';
  try {
    const { bavail, bsize } = await statfs(folder);
    const needed = 1.5 * layers * weightBytes;
    if (bavail * bsize < needed) {
      const detail = `needs ${(needed / 1e9).toFixed(1)} GB of disk in ${tmpdir()}, and there are ${((bavail * bsize) / 1e9).toFixed(1)}`;
      return [{ name, value: null, unit: 'MB', goal, holds: false, detail }];
    }
    const path = join(folder, 'large.onnx');
    await writeLarge(folder, path);
    const script = join(folder, 'quantize.cjs');
    await bundleRecipe(script);
    const output = join(folder, 'large.int4.onnx');
    const { stdout } = await promisify(execFile)(process.execPath, [script, path, output], {
      env: { ...process.env, NODE_OPTIONS: '' },
      maxBuffer: 1 << 26,
    });
    const result = JSON.parse(stdout) as Quantized;
    const clean = !existsSync(output) || result.nodes !== layers ? 'not all layers were quantized; ' : '';
    const detail =
      `${clean}${layers} layers of ${width} × ${width}, ${(result.before / 1e9).toFixed(2)} → ${(result.after / 1e9).toFixed(2)} GB, ` +
      `round to nearest with a scale search, mean error of a weight ${(result.error * 100).toFixed(2)} %`;
    return [
      {
        name,
        value: result.peakRssBytes / 1e6,
        unit: 'MB',
        goal,
        holds: clean === '' && result.peakRssBytes <= mostBytes,
        detail,
      },
      {
        name: 'weight-only int4 of a 4 GB model: time',
        value: result.seconds,
        unit: 's',
        goal: '',
        holds: true,
        detail: `${(result.before / 1e6 / result.seconds).toFixed(0)} MB of weights a second, one thread`,
      },
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Quantized {
  readonly seconds: number;
  readonly peakRssBytes: number;
  readonly nodes: number;
  readonly before: number;
  readonly after: number;
  readonly error: number;
}

async function bundleRecipe(outfile: string): Promise<void> {
  const contents = `
    import { silentTask } from './daemon/base/task';
    import { quantizeWeights } from './daemon/recipes/weightOnly/weightOnly';
    const start = performance.now();
    void quantizeWeights(process.argv[2]!, { output: process.argv[3]! }, silentTask).then((made) => {
      const { layers } = made.weightOnly;
      console.log(JSON.stringify({
        seconds: (performance.now() - start) / 1000,
        peakRssBytes: process.resourceUsage().maxRSS * 1024,
        nodes: made.quantizedNodes,
        before: made.before.fileBytes,
        after: made.after.fileBytes,
        error: layers.reduce((sum, { error }) => sum + error.relative, 0) / layers.length,
      }));
    });`;
  await build({
    stdin: { contents, resolveDir: process.cwd(), loader: 'ts' },
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    format: 'cjs',
    outfile,
    logLevel: 'warning',
    external: ['onnxruntime-node'],
  });
}

/** A chain of matrix products whose weights lie in one data file, made piece by piece. */
async function writeLarge(folder: string, path: string): Promise<void> {
  const data = 'large.data';
  const tensors = Array.from({ length: layers }, (_, i): Tensor => ({
    name: `layers.${i}.weight`,
    dataType: DataType.FLOAT,
    dims: [width, width],
    storage: {
      kind: 'external',
      entries: [
        { key: 'location', value: data },
        { key: 'offset', value: String(i * weightBytes) },
        { key: 'length', value: String(weightBytes) },
      ],
    },
    docString: '',
    metadataProps: [],
  }));
  const large = model(
    graph({
      nodes: tensors.map(({ name }, i) =>
        node('MatMul', [`x${i}`, name], [`x${i + 1}`], { name: `layers.${i}` }),
      ),
      inputs: [valueInfo('x0', DataType.FLOAT, ['tokens', width])],
      outputs: [valueInfo(`x${layers}`, DataType.FLOAT, ['tokens', width])],
      initializers: tensors,
    }),
  );
  await writeAtomically(
    join(folder, data),
    {},
    async (out) => {
      const piece = new Float32Array(1 << 20);
      let state = 1;
      for (let left = (layers * weightBytes) / piece.byteLength; left > 0; left -= 1) {
        for (let i = 0; i < piece.length; i += 1) {
          // Two draws of a linear congruential generator, so that the numbers gather in the middle.
          state = (Math.imul(state, 1664525) + 1013904223) | 0;
          const first = state;
          state = (Math.imul(state, 1664525) + 1013904223) | 0;
          piece[i] = (first + state) * 2 ** -37;
        }
        await out.append(new Uint8Array(piece.buffer));
      }
    },
    silentTask,
  );
  const structure = await encodeStructure(large, new Map(), silentTask);
  await writeAtomically(
    path,
    {},
    async (out) => {
      for (const bytes of structure.pieces()) if (bytes instanceof Uint8Array) await out.append(bytes);
    },
    silentTask,
  );
}
