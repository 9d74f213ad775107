// What quantizing costs when nothing of it is done but the runs: Node, ONNX Runtime, a float session that runs every
// calibration sample once, and a session of the quantized model that runs 32. Made-up inputs, nothing read or compared.
// For calibrators that count, the float model gives out every value that would be counted (countedModel.ts); none is.

import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { repository } from '../../support/paths';

const script = `
const { InferenceSession, Tensor } = require(${JSON.stringify(join(repository, 'node_modules/onnxruntime-node'))});
const [float, quantized, samples, batch] = process.argv.slice(2);
async function runs(path, count) {
  const session = await InferenceSession.create(path, {
    executionProviders: ['cpu'],
    intraOpNumThreads: ${Math.min(4, availableParallelism())},
    extra: { 'session.intra_op.allow_spinning': '0' },
  });
  const feeds = {};
  for (const { name, type, shape } of session.inputMetadata) {
    const dims = shape.map((dim) => (typeof dim === 'number' ? dim : Number(batch)));
    const length = dims.reduce((all, dim) => all * dim, 1);
    feeds[name] = type === 'int64' ? new Tensor(type, new BigInt64Array(length), dims) : new Tensor(type, new Float32Array(length), dims);
  }
  for (let done = 0; done < count; done += Number(batch)) await session.run(feeds);
  await session.release();
}
runs(float, Number(samples)).then(() => runs(quantized, Math.min(32, Number(samples))));
`;

/** Writes the program, which runs as `program FLOAT QUANTIZED SAMPLES BATCH`. */
export function writeFloorProgram(folder: string): string {
  const path = join(folder, 'floor.js');
  writeFileSync(path, script);
  return path;
}
