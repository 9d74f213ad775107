// A trained model with its data, copied into a folder of the test's own: digits from ../shared where it is there
// (small and quick), else the one in examples/.

import { createHash } from 'node:crypto';
import { copyFileSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository, sharedFolder } from './paths';

export interface TrainedModel {
  readonly name: string;
  readonly path: string;
  readonly calibration: string;
  readonly validation: string;
  /** Pixels of a sample are side × side. */
  readonly side: number;
  readonly samples: number;
}

/** Copies model and data into `folder`. */
export function trainedModel(folder: string): TrainedModel {
  const shared = sharedFolder();
  const name = shared ? 'digits' : 'resnet';
  const from = shared ? join(shared, 'models', 'digits') : join(repository, 'examples');
  const copy = (file: string) => {
    copyFileSync(join(from, file), join(folder, file));
    return join(folder, file);
  };
  return {
    name,
    path: copy(`${name}.onnx`),
    calibration: copy(`${name}_calibration.npz`),
    validation: copy(`${name}_validation.npz`),
    side: shared ? 8 : 32,
    samples: 500,
  };
}

/** SHA-256 of every file in a folder, hidden ones included. */
export const hashes = (folder: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => [
        name,
        createHash('sha256')
          .update(readFileSync(join(folder, name)))
          .digest('hex'),
      ]),
  );
