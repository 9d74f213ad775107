// Static and dynamic int8 against onnxruntime.quantization: the same models, calibration data and runtime. Its
// results and ours are measured in one interleaved benchmark in Node's ONNX Runtime. What quantizing costs is measured by
// quantizeCost.ts. One model at a time: `quantize/resnet`, `quantize/resnet50`, ….

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentTask } from '../../daemon/base/task';
import { evaluateModel } from '../../daemon/evaluate/evaluate';
import { setScriptFolder } from '../../daemon/host/scripts';
import { benchmark } from '../../daemon/runtime/benchmark/benchmark';
import { distFolder, sharedFolder } from '../support/paths';
import { measured, type Cost } from './quantize/cost';
import { peerPython, writePeerProgram, type Peer } from './quantize/peer';
import { writeResnet50 } from './quantize/resnet50';
import { fastest, rowsOf, searched, unmeasured, type Figure, type Lead } from './quantize/rows';
import type { BenchRow } from './row';

/** What each part measures: files of ../shared/models, or a model that is made here. */
const parts: Readonly<Record<string, { readonly file: string; readonly shared: boolean }>> = {
  digits: { file: 'digits', shared: true },
  resnet: { file: 'resnet', shared: true },
  mobilenet: { file: 'mobilenet', shared: true },
  hardswish: { file: 'mobilenetv3', shared: true },
  bert: { file: 'bert', shared: true },
  resnet50: { file: 'resnet50', shared: false },
};
/** Pictures that the large model is calibrated on. */
const largeSamples = 32;
const validationSamples = 2000;
/** Versions of theirs that are at least this fast of ours count as equally fast. */
const sameSpeed = 0.97;

/** Rows for one model, or for all of them: several minutes each. */
export async function bench(): Promise<BenchRow[]> {
  setScriptFolder(distFolder);
  const part = process.env['SLIPWAY_BENCH_PART'] ?? '';
  if (part !== '' && !Object.hasOwn(parts, part))
    return [unmeasured('quantize', `there is no part ${part}; there are ${Object.keys(parts).join(', ')}`)];
  const shared = sharedFolder();
  const peer = peerPython();
  const rows: BenchRow[] = [];
  for (const [model, from] of Object.entries(parts).filter(([name]) => part === '' || name === part)) {
    const folder = mkdtempSync(join(tmpdir(), 'slipway-bench-quantize-'));
    try {
      if (from.shared && !shared) rows.push(unmeasured(model, '../shared/models is absent'));
      else {
        if (!from.shared) await writeResnet50(folder, largeSamples);
        const files = from.shared ? join(shared!, 'models', from.file) : folder;
        rows.push(...(await benchModel(model, join(files, from.file), folder, peer)));
      }
    } catch (error) {
      rows.push(unmeasured(model, error instanceof Error ? error.message : String(error)));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  return rows;
}

/** `stem` is the path of the files without `.onnx`, `_calibration.npz` and `_validation.npz`. */
async function benchModel(model: string, stem: string, folder: string, peer: Peer): Promise<BenchRow[]> {
  const original = `${stem}.onnx`;
  const calibration = `${stem}_calibration.npz`;
  const validation = existsSync(`${stem}_validation.npz`) ? `${stem}_validation.npz` : undefined;
  const versions: { readonly name: string; readonly path: string; readonly ours: boolean }[] = [];
  const add = async (name: string, ours: boolean, run: (out: string) => Promise<Cost>) => {
    const path = join(folder, `${name.replace(/\W/g, '-')}.onnx`);
    const { ok } = await run(path);
    if (existsSync(path) && (ok || name === searched)) versions.push({ name, path, ours });
  };
  const slipway = (out: string, ...args: string[]) =>
    measured(process.execPath, [
      ...[join(distFolder, 'slipway.js'), 'quantize', original, '-o', out],
      ...[...args, '--overwrite', '--json'],
    ]);
  const calibrated = ['--method', 'static', '--calibration', calibration];
  await add('ours static', true, (out) => slipway(out, ...calibrated));
  if (model !== 'bert')
    await add('ours, one scale for each weight', true, (out) =>
      slipway(out, ...calibrated, '--per-tensor', '--recover', 'bias-iterative'),
    );
  if (model === 'bert') await add('ours dynamic', true, (out) => slipway(out, '--method', 'dynamic'));
  if (validation !== undefined)
    await add(searched, true, (out) =>
      slipway(out, ...calibrated, '--max-drop', '0.003', '--validation', validation, '--max-seconds', '60'),
    );
  if ('python' in peer) {
    const program = writePeerProgram(folder);
    const theirs = (mode: string, out: string) =>
      measured(peer.python, [program, mode, original, calibration, out]);
    for (const mode of ['default', 'u8s8', 'prepared', 'tensor', ...(model === 'bert' ? ['dynamic'] : [])])
      await add(`theirs ${mode}`, false, (out) => theirs(mode, out));
  }
  const paths = [{ path: original }, ...versions.map(({ path }) => ({ path }))];
  const { ratios } = await benchmark(paths, { threads: 1, batch: 1, maxSeconds: 4 }, silentTask);
  const score = (path: string, data: string, against?: string) =>
    evaluateModel(
      { path, against, data, metric: 'top1', maxSamples: validationSamples, batch: 1 },
      silentTask,
    );
  const float = validation === undefined ? NaN : (await score(original, validation)).value;
  const figures: Figure[] = [];
  for (const [i, version] of versions.entries()) {
    const own = validation === undefined ? NaN : (await score(version.path, validation)).value;
    const ratio = ratios[i];
    figures.push({
      ...version,
      ratio: ratio?.p50Ratio ?? NaN,
      span: ratio ? `${ratio.low.toFixed(2)} to ${ratio.high.toFixed(2)}` : '',
      drop: float - own,
    });
  }
  const leads: Lead[] = [];
  const ours = fastest(figures.filter((each) => each.ours && each.name !== searched));
  if (ours && validation !== undefined)
    for (const rival of figures.filter((each) => !each.ours && each.ratio >= sameSpeed * ours.ratio)) {
      const { difference } = await score(ours.path, validation, rival.path);
      if (difference) leads.push({ ...difference, rival: rival.name });
    }
  const missing = 'missing' in peer ? peer.missing : undefined;
  return rowsOf({ model, float, figures, leads, missing });
}
