// The conformance models beside the checkout, unpacked once into .cache (which git ignores).

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { repository, sharedFolder } from './paths';

export interface ConformanceCase {
  /** `node/test_add`, `light/light_resnet50`. */
  readonly name: string;
  readonly model: string;
  /** Folders with input_N.pb and output_N.pb. */
  readonly data: readonly string[];
  /** Outputs that lie beside a light model, in order. */
  readonly outputs: readonly string[];
}

const suites = ['node', 'simple', 'pytorch-converted', 'pytorch-operator'];

/** Every conformance model with its data, or undefined where the archive is absent. */
export function conformanceCases(): ConformanceCase[] | undefined {
  const folder = unpacked();
  if (folder === undefined) return undefined;
  const cases: ConformanceCase[] = [];
  for (const suite of suites) {
    for (const name of readdirSync(join(folder, suite)).sort()) {
      const model = join(folder, suite, name, 'model.onnx');
      if (!existsSync(model)) continue;
      const data = readdirSync(join(folder, suite, name))
        .filter((each) => each.startsWith('test_data_set_'))
        .sort()
        .map((each) => join(folder, suite, name, each));
      cases.push({ name: `${suite}/${name}`, model, data, outputs: [] });
    }
  }
  for (const file of readdirSync(join(folder, 'light')).sort()) {
    if (!file.endsWith('.onnx')) continue;
    const base = file.slice(0, -'.onnx'.length);
    const output = join(folder, 'light', `${base}_output_0.pb`);
    cases.push({
      name: `light/${base}`,
      model: join(folder, 'light', file),
      data: [],
      outputs: existsSync(output) ? [output] : [],
    });
  }
  return cases;
}

function unpacked(): string | undefined {
  const shared = sharedFolder();
  const archive = shared && join(shared, 'conformance', 'onnx-backend-tests.tar.xz');
  if (archive === undefined || !existsSync(archive)) return undefined;
  const target = join(repository, '.cache', 'conformance');
  if (existsSync(target)) return target;
  // Test files run side by side: whoever finishes first puts the folder in its place.
  mkdirSync(join(repository, '.cache'), { recursive: true });
  const temporary = mkdtempSync(join(repository, '.cache', 'conformance-'));
  try {
    execFileSync('tar', ['-xf', archive, '-C', temporary]);
    renameSync(temporary, target);
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true });
    if (!existsSync(target)) throw error;
  }
  return target;
}
