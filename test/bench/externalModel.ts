// A decoder whose weights lie in 20 GB of external data, sparse on the disk: many GB for the reader, nothing for us.

import { closeSync, ftruncateSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { silentTask } from '../../daemon/base/task';
import type { Tensor } from '../../daemon/ir/tensor';
import { encodeStructure } from '../../daemon/onnx/encodeModel';
import { decoderModel } from '../support/decoderModel';

const nodes = 10_000;
const dataBytes = 20e9;

/** Writes model.onnx and weights.bin into a new folder. */
export async function writeExternalModel(
  folder: string,
): Promise<{ path: string; nodes: number; dataBytes: number }> {
  mkdirSync(folder);
  const descriptor = openSync(join(folder, 'weights.bin'), 'wx');
  ftruncateSync(descriptor, dataBytes);
  closeSync(descriptor);
  const model = decoderModel(nodes);
  const matrices = model.graph.initializers.filter(({ dims }) => dims.length === 2);
  const each = Math.floor(dataBytes / matrices.length / 4096) * 4096;
  matrices.forEach((tensor, i) => {
    tensor.dims = [each / 4096, 1024];
    const storage: Tensor['storage'] = {
      kind: 'external',
      entries: [
        { key: 'location', value: 'weights.bin' },
        { key: 'offset', value: String(i * each) },
        { key: 'length', value: String(each) },
      ],
    };
    tensor.storage = storage;
  });
  const path = join(folder, 'model.onnx');
  // Not by writeModel, which would move the data with the model.
  const structure = await encodeStructure(model, new Map(), silentTask);
  const pieces = [...structure.pieces()].flatMap((piece) => {
    if (piece instanceof Uint8Array) return [piece];
    return piece.bytes.in === 'memory' ? [piece.bytes.data] : [];
  });
  writeFileSync(path, Buffer.concat(pieces));
  return { path, nodes: model.graph.nodes.length, dataBytes: each * matrices.length };
}
