// Runs models in ONNX Runtime in a process of its own, because a native crash must not end a test.
// One message in: {path, feeds: [{name, type, dims, data}]}. One out: {outputs} or {error}.
import { createRequire } from 'node:module';
import { join } from 'node:path';

// Found from the checkout, wherever this script lies.
const { InferenceSession, Tensor } = createRequire(join(process.cwd(), 'package.json'))('onnxruntime-node');

process.on('message', async ({ path, feeds }) => {
  try {
    process.send(await run(path, feeds));
  } catch (error) {
    process.send({ error: String(error?.message ?? error) });
  }
});

async function run(path, feeds) {
  const options = { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 4 };
  const session = await InferenceSession.create(path, options);
  try {
    const values = feeds.map(({ name, type, dims, data }) => [
      name,
      new Tensor(type, typed(type, data), dims),
    ]);
    const results = await session.run(Object.fromEntries(values));
    const outputs = session.outputNames.map((name) => {
      const { type, dims, data } = results[name];
      return { type, dims: [...dims], data: Array.isArray(data) ? data : plain(data) };
    });
    return { outputs };
  } finally {
    await session.release();
  }
}

/** Newer Node versions have float16 arrays, and then ONNX Runtime wants those. */
const typed = (type, data) =>
  type === 'float16' && globalThis.Float16Array
    ? new globalThis.Float16Array(data.buffer, data.byteOffset, data.length)
    : data;

const plain = (data) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
