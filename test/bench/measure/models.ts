// The models that measuring is measured on.

import { join } from 'node:path';
import { writeDenseModel } from '../../support/denseModel';
import { sharedFolder } from '../../support/paths';

export interface Models {
  readonly small: string;
  readonly medium: string;
  readonly large: string;
}

export const nameOf = (path: string) => path.split(/[\\/]/).at(-1) ?? path;

/** The shared models, or chains of MatMul of like size. */
export async function pick(folder: string): Promise<Models> {
  const shared = sharedFolder();
  const of = (name: string) => join(shared ?? '', 'models', name, `${name}.onnx`);
  if (shared) return { small: of('mobilenet'), medium: of('resnet'), large: of('bert') };
  return {
    small: await writeDenseModel(join(folder, 'small.onnx'), 4, 256),
    medium: await writeDenseModel(join(folder, 'medium.onnx'), 4, 512),
    large: await writeDenseModel(join(folder, 'large.onnx'), 12, 768),
  };
}
