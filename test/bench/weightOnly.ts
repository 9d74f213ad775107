// Weight-only quantization: the output error of int4 blocks of 32 against onnxruntime.quantization on the same model,
// nodes and data. A large model in little memory is weightOnlyLarge.ts.

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { silentTask } from '../../daemon/base/task';
import { loadDataset } from '../../daemon/evaluate/dataset';
import { readModel } from '../../daemon/onnx/readModel';
import { quantizeWeights, type WeightOnlyRequest } from '../../daemon/recipes/weightOnly/weightOnly';
import { withRunner } from '../../daemon/runtime/runner/runnerProcess';
import { sharedFolder } from '../support/paths';
import { pythonWith } from '../support/pythonEnvironment';
import type { BenchRow } from './row';

const samples = 256;
const calibrationSamples = 32;

/** The release of ONNX Runtime that this product runs. */
const peerPackages = ['onnxruntime==1.30.0', 'onnx==1.23.2', 'onnx_ir==1.1.0'];

/** The peer's GPTQ asks torch whether a tensor is one of its own, and for nothing else; this says no. */
const torchStandIn = `
class Tensor: pass
bfloat16 = chalf = float32 = cfloat = None
class cuda:
    @staticmethod
    def is_available(): return False
`;

const peerScript = `
import sys, numpy
from onnxruntime.quantization import CalibrationDataReader, matmul_nbits_quantizer as q
model, data, method, out, count = sys.argv[1:]
import onnx
arrays = {k: v[:int(count)] for k, v in numpy.load(data).items() if k != 'label'}
class Reader(CalibrationDataReader):
    def __init__(self): self.batches = iter([{k: v[i:i+16] for k, v in arrays.items()} for i in range(0, int(count), 16)])
    def get_next(self): return next(self.batches, None)
if method == 'rtn':
    config = q.DefaultWeightOnlyQuantConfig(block_size=32, is_symmetric=True, accuracy_level=1)
else:
    config = q.GPTQWeightOnlyQuantConfig(calibration_data_reader=Reader(), block_size=32, actorder=method == 'gptq-actorder')
quantizer = q.MatMulNBitsQuantizer(onnx.load(model), block_size=32, is_symmetric=True, accuracy_level=1, algo_config=config)
quantizer.process()
quantizer.model.save_model_to_file(out)
`;

const row = (name: string, value: number | null, unit: string, goal: string, holds: boolean, detail: string): BenchRow => ({ name, value, unit, goal, holds, detail }); // prettier-ignore

export async function bench(): Promise<BenchRow[]> {
  const shared = sharedFolder();
  if (shared === undefined)
    return [row('int4 g32: output error', null, '', '≥ 15 % below RTN', false, '../shared/models is absent')];
  const at = (name: string) => join(shared, 'models', 'bert', name);
  const original = at('bert.onnx');
  const folder = await mkdtemp(join(tmpdir(), 'slipway-bench-nbits-'));
  try {
    const { model } = await readModel(original, silentTask);
    // The peer takes MatMul only.
    const exclude = model!.graph.nodes.filter(({ opType }) => opType === 'Gemm').map(({ name }) => name);
    const made: { name: string; path: string; seconds: number }[] = [];
    const ours = async (name: string, options: Partial<WeightOnlyRequest>) => {
      const output = join(folder, `${made.length}.onnx`);
      const started = performance.now();
      const request = { output, exclude, embeddings: false, accuracyLevel: 1, ...options } as const;
      await quantizeWeights(original, request, silentTask);
      made.push({ name, path: output, seconds: (performance.now() - started) / 1000 });
    };
    const data = { calibration: at('bert_calibration.npz'), calibrationSamples };
    await ours('ours, plain round to nearest', { algorithm: 'plain' });
    await ours('ours, RTN with scale search', { algorithm: 'rtn' });
    await ours('ours, AWQ', { algorithm: 'awq', ...data });
    await ours('ours, GPTQ', { algorithm: 'gptq', ...data });
    await ours('ours, GPTQ with act-order', { algorithm: 'gptq', actOrder: true, ...data });
    const missing = await peers(folder, original, data.calibration, made);

    const errors = await errorsOf(original, at('bert_validation.npz'), made.map(({ path }) => path)); // prettier-ignore
    const plain = errors[0]!;
    const detail = (index: number) =>
      `${((errors[index]! / plain - 1) * 100).toFixed(0)} % against plain RTN; whole model, logits of ${samples} validation samples; made in ${made[index]!.seconds.toFixed(1)} s`;
    const best = Math.min(
      ...made.flatMap(({ name }, i) => (name.startsWith('ours, GPTQ') ? [errors[i]!] : [])),
    );
    const theirs = made.flatMap(({ name }, i) => (name.startsWith('onnxruntime') ? [errors[i]!] : []));
    return [
      row('int4 g32 of the transformer: GPTQ below RTN', (1 - best / plain) * 100, '%', '≥ 15 %', best <= 0.85 * plain, 'relative output error, ours'), // prettier-ignore
      row(
        'int4 g32 of the transformer: below the best of onnxruntime.quantization',
        theirs.length > 0 ? (1 - best / Math.min(...theirs)) * 100 : null,
        '%',
        '≥ 15 %',
        theirs.length > 0 && best <= 0.85 * Math.min(...theirs),
        missing ??
          `same model, nodes, data and runtime; ${theirs.length} of its methods ran (GPTQ with a stand-in for torch, which it only asks for types)`,
      ),
      ...made.map(({ name }, i) => row(`relative output error, ${name}`, errors[i]! * 100, '%', '', true, detail(i))), // prettier-ignore
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Adds what onnxruntime.quantization makes; a line when it cannot be had. */
async function peers(
  folder: string,
  original: string,
  calibration: string,
  made: { name: string; path: string; seconds: number }[],
): Promise<string | undefined> {
  const environment = pythonWith('weight-only-peer', peerPackages);
  if ('missing' in environment) return environment.missing;
  const script = join(folder, 'peer.py');
  await writeFile(script, peerScript);
  await writeFile(join(folder, 'torch.py'), torchStandIn);
  let failed: string | undefined;
  for (const method of ['rtn', 'gptq', 'gptq-actorder']) {
    const path = join(folder, `peer-${method}.onnx`);
    const started = performance.now();
    try {
      await promisify(execFile)(
        environment.python,
        [script, original, calibration, method, path, String(calibrationSamples)],
        { env: { ...process.env, ORT_DISABLE_TELEMETRY: '1', OMP_NUM_THREADS: '1' }, maxBuffer: 1 << 26 },
      );
    } catch (error) {
      failed = `onnxruntime.quantization ${method} failed: ${String(error).split('\n').filter(Boolean).at(-1) ?? ''}`;
    }
    if (!existsSync(path)) continue;
    made.push({ name: `onnxruntime.quantization, ${method}`, path, seconds: (performance.now() - started) / 1000 }); // prettier-ignore
  }
  return failed;
}

/** Root of squared difference over squared original, of the first output over the validation samples. */
async function errorsOf(original: string, data: string, paths: readonly string[]): Promise<number[]> {
  return withRunner(silentTask, async (runner) => {
    const reference = await runner.load(original, {}, silentTask);
    const dataset = await loadDataset(data, reference.inputs, { maxSamples: samples }, silentTask);
    const output = reference.outputs[0]!.name;
    const errors: number[] = [];
    for (const path of paths) {
      const session = await runner.load(path, {}, silentTask);
      let [lost, all] = [0, 0];
      for await (const { feeds } of dataset.batches(16)) {
        const exact = (await reference.run(feeds, silentTask))[output]!.data as Float32Array;
        const got = (await session.run(feeds, silentTask))[output]!.data as Float32Array;
        for (let i = 0; i < exact.length; i += 1) {
          lost += (got[i]! - exact[i]!) ** 2;
          all += exact[i]! ** 2;
        }
      }
      errors.push(Math.sqrt(lost / all));
      await session.release();
    }
    return errors;
  });
}
