// Finds the data that belongs to a model by its name: resnet_calibration.npz beside resnet.onnx.
// Whether the data fits is found out when it is read.

import { readdirSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';

export type DataKind = 'calibration' | 'validation';

/**
 * Path of `NAME_calibration.npz` (or `_validation`) beside the model. A variant such as `resnet_bn.onnx` or
 * `resnet.int8.onnx` takes the data of the longest NAME that it begins with; failing that, the folder's only
 * data of this kind is taken. Undefined when there is none, or several and none by name.
 */
export function dataBeside(modelPath: string, kind: DataKind): string | undefined {
  const folder = dirname(modelPath);
  const name = basename(modelPath, extname(modelPath));
  const ending = `_${kind}.npz`;
  let found: string[];
  try {
    found = readdirSync(folder).filter((file) => file.endsWith(ending));
  } catch {
    return undefined;
  }
  const belongs = (file: string) => {
    const owner = file.slice(0, -ending.length);
    return name === owner || (name.startsWith(owner) && /^[_.-]/.test(name.slice(owner.length)));
  };
  const [longest] = found.filter(belongs).sort((a, b) => b.length - a.length);
  const chosen = longest ?? (found.length === 1 ? found[0] : undefined);
  return chosen === undefined ? undefined : join(folder, chosen);
}
