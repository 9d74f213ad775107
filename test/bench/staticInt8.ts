// Static int8 of the ResNet in ../shared/models: every Conv in integers, speed against float, top-1 lost.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { silentTask } from '../../daemon/base/task';
import { evaluateModel } from '../../daemon/evaluate/evaluate';
import { readModel } from '../../daemon/onnx/readModel';
import { quantize } from '../../daemon/recipes/quantize/quantize';
import { benchmark } from '../../daemon/runtime/benchmark/benchmark';
import type { BenchRow } from './row';

const goals = { ratio: 2, drop: 0.005 };
const percent = (value: number) => `${(value * 100).toFixed(2)} %`;

export async function staticInt8(): Promise<BenchRow[]> {
  const folder = await mkdtemp(join(tmpdir(), 'slipway-bench-int8-'));
  const at = (name: string) => resolve('..', 'shared', 'models', 'resnet', name);
  try {
    const original = at('resnet.onnx');
    const output = join(folder, 'resnet.int8.onnx');
    const options = { method: 'static', output, calibration: at('resnet_calibration.npz') } as const;
    const started = performance.now();
    const { fusion, after, before } = await quantize(original, options, silentTask);
    const seconds = (performance.now() - started) / 1000;
    const { model } = await readModel(original, silentTask);
    const convs = model?.graph.nodes.filter(({ opType }) => opType === 'Conv').length ?? 0;
    const fused = convs - fusion.left.filter(({ op }) => op === 'Conv').length;

    const paths = [{ path: original }, { path: output }];
    const measured = await benchmark(paths, { threads: 1, batch: 1, maxSeconds: 8 }, silentTask);
    const ratio = measured.ratios[0];
    const p50 = measured.results.map(({ latencyMs }) => `${latencyMs.p50.toFixed(3)} ms`).join(' → ');

    const score = { metric: 'top1', data: at('resnet_validation.npz') } as const;
    const floatTop1 = await evaluateModel({ ...score, path: original }, silentTask);
    const int8Top1 = await evaluateModel({ ...score, path: output }, silentTask);
    const drop = floatTop1.value - int8Top1.value;
    return [
      {
        name: 'static int8 of ResNet: Conv in integers',
        value: fused,
        unit: `of ${convs}`,
        goal: 'all',
        holds: fused === convs && convs > 0,
        detail: `quantized in ${seconds.toFixed(1)} s; ${before.fileBytes} → ${after.fileBytes} bytes; ${fusion.float} nodes left in float`,
      },
      {
        name: 'static int8 of ResNet: p50 against float32',
        value: ratio?.p50Ratio ?? null,
        unit: '×',
        goal: `≥ ${goals.ratio} on a CPU with VNNI`,
        holds: ratio !== undefined && ratio.p50Ratio >= goals.ratio,
        detail: ratio
          ? `95 % interval ${ratio.low.toFixed(2)} to ${ratio.high.toFixed(2)}; p50 ${p50}; batch 1, 1 thread, interleaved`
          : 'the benchmark gave no ratio',
      },
      {
        name: 'static int8 of ResNet: top-1 lost',
        value: drop * 100,
        unit: 'points',
        goal: `≤ ${goals.drop * 100}`,
        holds: drop <= goals.drop,
        detail: `${percent(floatTop1.value)} → ${percent(int8Top1.value)} on ${int8Top1.samples} samples`,
      },
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
