// The history of a model as the daemon lists it: five benchmarks of two models, an evaluation, a quantization, and
// runs that came to no end.

import type { RunFigure, RunSummary } from '../../daemon/protocol/runs';

const folder = '/home/ada/models/';
const model = `${folder}resnet.onnx`;
const int8 = `${folder}resnet.int8.onnx`;
const setting = 'cpu, threads 1, batch 1';

const p50 = (value: number, of = model, how = setting): RunFigure => ({
  name: 'p50',
  value,
  unit: 'ms',
  better: 'lower',
  model: of,
  setting: how,
});
const top1 = (value: number): RunFigure => ({
  name: 'top1',
  value,
  low: value - 0.011,
  high: value + 0.01,
  unit: '',
  better: 'higher',
});
const sized: RunFigure[] = [
  { name: 'size', value: 0.745, unit: 'MB', better: 'lower', model: int8 },
  { name: 'smaller', value: 3.77, unit: '×', better: 'higher', model: int8 },
  { name: 'cosine', value: 0.99942, unit: '', better: 'higher', model: int8 },
];

/** One run of the history, `day` of November at noon. */
export function historyRun(day: number, method: string, changes: Partial<RunSummary> = {}): RunSummary {
  return {
    id: `2026-11-${String(day).padStart(2, '0')}`,
    method: `slipway/${method}`,
    title: `${method} of resnet.onnx`,
    state: 'done',
    models: [{ role: 'model', path: model, digest: 'sha256:00', fileBytes: 2_812_089 }],
    startedAt: `2026-11-${String(day).padStart(2, '0')}T12:00:00.000Z`,
    durationMs: 12_400,
    figures: [],
    error: null,
    client: 'daemon',
    version: '0.1.0',
    ...changes,
  };
}

/** Newest first. */
export const runHistory: RunSummary[] = [
  historyRun(12, 'evaluate', { figures: [top1(0.951)] }),
  historyRun(11, 'benchmark', { state: 'interrupted', durationMs: null }),
  historyRun(10, 'benchmark', { figures: [p50(1.71), p50(0.66, int8), p50(0.98, model, 'cpu, threads 4, batch 1')] }),
  historyRun(9, 'benchmark', { figures: [p50(1.93), p50(0.71, int8)] }),
  historyRun(8, 'evaluate', { figures: [top1(0.9455)], client: 'cli' }),
  historyRun(7, 'quantize', { figures: sized }),
  historyRun(6, 'quantize', {
    state: 'failed',
    error: 'calibration.npz has no array named "input". It has "x".',
    durationMs: 310,
  }),
  historyRun(5, 'benchmark', { figures: [p50(1.9)] }),
  historyRun(4, 'evaluate', { figures: [top1(0.946)] }),
]; // prettier-ignore
