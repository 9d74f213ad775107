// float16 storage of the shared models: size of the file and error of the outputs. Speed is float32's, because
// ONNX Runtime folds the casts when it loads the model.

import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { silentTask } from '../../daemon/base/task';
import { convertPrecision } from '../../daemon/recipes/precision';
import type { BenchRow } from './row';

const mostShare = 0.55;

export async function bench(): Promise<BenchRow[]> {
  const folder = await mkdtemp(join(tmpdir(), 'slipway-bench-precision-'));
  const rows: BenchRow[] = [];
  try {
    for (const name of ['digits', 'resnet', 'mobilenet', 'mobilenetv3', 'bert']) {
      const at = (file: string) => resolve('..', 'shared', 'models', name, file);
      if (!existsSync(at(`${name}.onnx`))) continue;
      const options = { output: join(folder, `${name}.onnx`), calibration: at(`${name}_calibration.npz`) };
      const started = performance.now();
      const made = await convertPrecision(at(`${name}.onnx`), { method: 'fp16', ...options }, silentTask);
      const seconds = (performance.now() - started) / 1000;
      const share = made.after.fileBytes / made.before.fileBytes;
      rows.push({
        name: `${name}: float16 storage, share of the file`,
        value: share,
        unit: '',
        goal: `≤ ${mostShare}`,
        holds: share <= mostShare,
        detail: `SQNR ${made.error?.sqnrDb.toFixed(1) ?? '?'} dB, ${seconds.toFixed(1)} s with checking`,
      });
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return rows;
}
