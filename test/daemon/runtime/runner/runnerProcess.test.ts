import assert from 'node:assert/strict';
import { existsSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { SlipwayError } from '../../../../daemon/base/errors';
import { silentTask, type Task } from '../../../../daemon/base/task';
import { setScriptFolder } from '../../../../daemon/host/scripts';
import { DataType } from '../../../../daemon/ir/dataType';
import { startRunner, withRunner } from '../../../../daemon/runtime/runner/runnerProcess';
import type { Feeds, TensorValue } from '../../../../daemon/runtime/runner/session';
import { distFolder, sharedFolder, temporaryFolder } from '../../../support/paths';
import {
  endlessModel,
  identityModel,
  squareModel,
  unknownOperatorModel,
  writeSmall,
} from '../../../support/smallModels';
import { isAlive, waitUntil } from '../../../support/waiting';

setScriptFolder(distFolder);
const folder = temporaryFolder();
const floats = (...data: number[]): Feeds => ({
  x: { type: 'float32', dims: [data.length / 4, 4], data: Float32Array.from(data) },
});
const four: Feeds = { x: { type: 'float32', dims: [4], data: new Float32Array(4) } };

/** The error that a promise rejects with. */
async function errorOf(promise: Promise<unknown>): Promise<SlipwayError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof SlipwayError) return error;
    throw error;
  }
  return assert.fail('it must fail');
}

const withLimit = (signal: AbortSignal): Task => ({ signal, report: () => undefined });

test('a model is loaded and run; outputs can be chosen', async () => {
  const path = await writeSmall(folder, 'square.onnx', squareModel());
  await withRunner(silentTask, async (runner) => {
    const session = await runner.load(path, {}, silentTask);
    assert.deepEqual(session.inputs, [{ name: 'x', type: 'float32', dims: ['batch', 4] }]);
    assert.deepEqual(session.outputs, [{ name: 'y', type: 'float32', dims: ['batch', 4] }]);
    assert.ok(session.loadMs > 0);
    const { y } = await session.run(floats(1, 2, 3, -4), silentTask);
    assert.deepEqual(y, { type: 'float32', dims: [1, 4], data: Float32Array.of(1, 4, 9, 16) });
    assert.deepEqual(Object.keys(await session.run(floats(1, 2, 3, 4), silentTask, ['y'])), ['y']);
    const unknown = await errorOf(session.run(floats(1, 2, 3, 4), silentTask, ['z']));
    assert.equal(unknown.message, 'square.onnx has no output "z".');
    const times = await session.timeRuns(floats(1, 2, 3, 4), { runs: 20, maxMs: 5000 }, silentTask);
    assert.equal(times.length, 20);
    assert.ok(times.every((time) => time > 0));
    assert.equal((await session.timeRuns(floats(1, 2, 3, 4), { runs: 5, maxMs: 0 }, silentTask)).length, 1);
    assert.ok((await runner.peakRssBytes()) > 10e6);
    await session.release();
    assert.match((await errorOf(session.run(floats(1, 2, 3, 4), silentTask))).message, /released/);
  });
});

test('every element type comes back as it went in', async () => {
  const values: [DataType, TensorValue][] = [
    [DataType.FLOAT, { type: 'float32', dims: [2], data: Float32Array.of(1.5, -0) }],
    [DataType.DOUBLE, { type: 'float64', dims: [2], data: Float64Array.of(0.1, 1e300) }],
    [DataType.FLOAT16, { type: 'float16', dims: [2], data: Uint16Array.of(0x3c00, 0xfbff) }],
    [DataType.INT8, { type: 'int8', dims: [2], data: Int8Array.of(-128, 127) }],
    [DataType.UINT8, { type: 'uint8', dims: [2], data: Uint8Array.of(0, 255) }],
    [DataType.INT16, { type: 'int16', dims: [2], data: Int16Array.of(-32768, 7) }],
    [DataType.UINT16, { type: 'uint16', dims: [2], data: Uint16Array.of(0, 65535) }],
    [DataType.INT32, { type: 'int32', dims: [2], data: Int32Array.of(-(2 ** 31), 7) }],
    [DataType.UINT32, { type: 'uint32', dims: [2], data: Uint32Array.of(0, 2 ** 32 - 1) }],
    [DataType.INT64, { type: 'int64', dims: [2], data: BigInt64Array.of(-(2n ** 63n), 1n) }],
    [DataType.UINT64, { type: 'uint64', dims: [2], data: BigUint64Array.of(2n ** 64n - 1n, 1n) }],
    [DataType.BOOL, { type: 'bool', dims: [2], data: Uint8Array.of(1, 0) }],
    [DataType.STRING, { type: 'string', dims: [2], data: ['grün', ''] }],
  ];
  await withRunner(silentTask, async (runner) => {
    for (const [type, value] of values) {
      const path = await writeSmall(folder, `identity${type}.onnx`, identityModel(type));
      const session = await runner.load(path, {}, silentTask);
      assert.deepEqual((await session.run({ x: value }, silentTask))['y'], value);
    }
    const empty: TensorValue = { type: 'float32', dims: [0], data: new Float32Array(0) };
    const session = await runner.load(join(folder, 'identity1.onnx'), {}, silentTask);
    assert.deepEqual((await session.run({ x: empty }, silentTask))['y'], empty);
  });
});

test('inputs that do not fit are told by name, with what was expected and given', async () => {
  const path = await writeSmall(folder, 'square.onnx', squareModel());
  const cases: [Feeds, string][] = [
    [{}, 'square.onnx needs input "x" (float32 batch×4), which was not given. No inputs were given.'],
    [{ X: four['x']! }, 'square.onnx needs input "x" (float32 batch×4), which was not given. Given: "X".'],
    [{ ...floats(1, 2, 3, 4), z: four['x']! }, 'square.onnx has no input "z". Its inputs are "x".'],
    [
      four,
      'Input "x" of square.onnx has the wrong number of dimensions: expected float32 batch×4, given float32 4.',
    ],
    [
      { x: { type: 'float32', dims: [4, 3], data: new Float32Array(12) } },
      'Input "x" of square.onnx has the wrong shape (dimension 1): expected float32 batch×4, given float32 4×3.',
    ],
    [
      { x: { type: 'int64', dims: [1, 4], data: new BigInt64Array(4) } },
      'Input "x" of square.onnx has the wrong element type: expected float32 batch×4, given int64 1×4.',
    ],
    [
      { x: { type: 'float32', dims: [2, 4], data: new Float32Array(4) } },
      'Input "x" of square.onnx: shape 2×4 holds 8 values, but 4 were given.',
    ],
  ];
  await withRunner(silentTask, async (runner) => {
    const session = await runner.load(path, {}, silentTask);
    for (const [feeds, message] of cases) {
      const error = await errorOf(session.run(feeds, silentTask));
      assert.deepEqual([error.kind, error.message], ['badRequest', message]);
    }
  });
});

test('models that ONNX Runtime refuses give a sentence, and the runner goes on', async () => {
  const square = await writeSmall(folder, 'square.onnx', squareModel());
  const acme = await writeSmall(folder, 'acme.onnx', unknownOperatorModel());
  const future = await writeSmall(folder, 'future.onnx', { ...squareModel(), irVersion: 99 });
  const opset = await writeSmall(folder, 'opset.onnx', {
    ...squareModel(),
    opsetImports: [{ domain: '', version: 99 }],
  });
  const cut = await writeSmall(folder, 'cut.onnx', squareModel());
  truncateSync(cut, 40);
  const random = join(folder, 'random.onnx');
  writeFileSync(random, Buffer.from(Array.from({ length: 999 }, (_, i) => (i * 37) % 251)));
  const cases: [string, string, RegExp][] = [
    [
      acme,
      'runnerFailed',
      /acme\.onnx uses operator Norm of domain com\.acme.*which this ONNX Runtime build \(1\.\S+\) does not have/,
    ],
    [future, 'runnerFailed', /future\.onnx has ONNX IR version 99; ONNX Runtime \S+ reads up to \d+/],
    [opset, 'runnerFailed', /opset\.onnx uses opset 99; ONNX Runtime \S+ supports up to \d+/],
    [cut, 'runnerFailed', /Cannot load cut\.onnx: it is not an ONNX model, or it is damaged/],
    [random, 'runnerFailed', /Cannot load random\.onnx: it is not an ONNX model/],
    [join(folder, 'absent.onnx'), 'notFound', /absent\.onnx: it does not exist/],
    [folder, 'runnerFailed', /it is a folder/],
  ];
  await withRunner(silentTask, async (runner) => {
    for (const [path, kind, message] of cases) {
      const error = await errorOf(runner.load(path, {}, silentTask));
      assert.match(error.message, message);
      assert.equal(error.kind, kind, error.message);
    }
    assert.equal((await runner.load(square, {}, silentTask)).inputs.length, 1);
  });
});

test('a profile and the optimised graph come out on demand', async () => {
  const path = await writeSmall(folder, 'square.onnx', squareModel());
  const out = temporaryFolder();
  await withRunner(silentTask, async (runner) => {
    const options = { profilePrefix: join(out, 'profile'), optimizedModelPath: join(out, 'optimised.onnx') };
    const session = await runner.load(path, options, silentTask);
    await session.run(floats(1, 2, 3, 4), silentTask);
    const events = JSON.parse(await session.endProfile()) as { name: string }[];
    assert.ok(events.some((event) => event.name.startsWith('square_kernel')));
    assert.deepEqual(readdirSync(out), ['optimised.onnx']);
  });
});

test('session configuration reaches ONNX Runtime', async () => {
  const path = await writeSmall(folder, 'square.onnx', squareModel());
  await withRunner(silentTask, async (runner) => {
    const wrong = { config: { 'session.use_env_allocators': 'nonsense' } };
    await runner.load(path, wrong, silentTask); // unknown values are ignored, not fatal
    const optimised = join(temporaryFolder(), 'optimised.onnx');
    const options = {
      optimizedModelPath: optimised,
      config: { 'session.save_model_format': 'ORT' },
    };
    await runner.load(path, options, silentTask);
    assert.ok(existsSync(optimised));
    assert.match(
      (await errorOf(runner.load(optimised, { config: { 'session.load_model_format': 'ONNX' } }, silentTask)))
        .message,
      /not an ONNX model/,
    );
  });
});

test('a runner killed from outside rejects its job; another one is unharmed', async () => {
  const endless = await writeSmall(folder, 'endless.onnx', endlessModel());
  const square = await writeSmall(folder, 'square.onnx', squareModel());
  const [doomed, other] = [startRunner(), startRunner()];
  try {
    const session = await doomed.load(endless, {}, silentTask);
    const healthy = await other.load(square, {}, silentTask);
    const job = errorOf(session.run(four, silentTask));
    const work = healthy.timeRuns(floats(1, 2, 3, 4), { runs: 200, maxMs: 60_000 }, silentTask);
    process.kill(doomed.processId, 'SIGKILL');
    const error = await job;
    assert.equal(error.kind, 'runnerDied');
    assert.match(error.message, /The runner process of endless\.onnx was ended by signal SIGKILL\./);
    assert.equal((await work).length, 200);
    assert.equal((await errorOf(session.run(four, silentTask))).kind, 'runnerDied');
    assert.ok(doomed.ended);
  } finally {
    await Promise.all([doomed.dispose(), other.dispose()]);
  }
});

test('a native crash is told with its signal and last words', async () => {
  const path = await writeSmall(folder, 'endless.onnx', endlessModel());
  await withRunner(silentTask, async (runner) => {
    const session = await runner.load(path, {}, silentTask);
    const job = errorOf(session.run(four, silentTask));
    process.kill(runner.processId, 'SIGSEGV');
    assert.match((await job).message, /endless\.onnx was ended by signal SIGSEGV/);
  });
  const script = join(folder, 'aborts.js');
  writeFileSync(script, 'process.on("message", () => { console.error("out of luck"); process.abort(); });');
  const aborting = startRunner({ script });
  const error = await errorOf(aborting.load(path, {}, silentTask));
  assert.equal(error.kind, 'runnerDied');
  assert.match(error.message, /SIGABRT\. It last said: .*out of luck/s);
  await aborting.dispose();
});

test('a runner that cannot start says why', async () => {
  const runner = startRunner({ script: join(folder, 'missing.js') });
  const error = await errorOf(runner.describe(silentTask));
  assert.equal(error.kind, 'runnerDied');
  assert.match(error.message, /ended with exit code 1.*Cannot find module/s);
  await runner.dispose();
});

test('a runner that hangs is stopped after the time limit', async () => {
  const path = await writeSmall(folder, 'square.onnx', squareModel());
  const runner = startRunner({ timeoutMs: 2000 });
  await runner.describe(silentTask);
  process.kill(runner.processId, 'SIGSTOP');
  const error = await errorOf(runner.load(path, {}, silentTask));
  assert.equal(error.kind, 'timeout');
  assert.match(error.message, /square\.onnx gave no answer within 2\.0 s and was stopped/);
  await waitUntil('the process is gone', () => !isAlive(runner.processId));
  await runner.dispose();
});

test('cancelling inside a run that never ends kills the process at once', async () => {
  const path = await writeSmall(folder, 'endless.onnx', endlessModel());
  const stop = new AbortController();
  let processId = 0;
  const job = withRunner(silentTask, async (runner) => {
    processId = runner.processId;
    const session = await runner.load(path, {}, silentTask);
    const run = session.run(four, withLimit(stop.signal));
    setTimeout(() => stop.abort(), 100);
    return run;
  });
  assert.equal((await errorOf(job)).kind, 'cancelled');
  assert.equal(isAlive(processId), false);
  assert.equal(
    (await errorOf(withRunner(withLimit(stop.signal), () => Promise.resolve()))).kind,
    'cancelled',
  );
});

test('trained models run, and custom operators are named', async (context) => {
  const shared = sharedFolder();
  if (shared === undefined) {
    context.diagnostic('../shared is absent: only models built here were run.');
    return;
  }
  await withRunner(silentTask, async (runner) => {
    const bert = await runner.load(join(shared, 'models/bert/bert.onnx'), { threads: 2 }, silentTask);
    const ids: TensorValue = { type: 'int64', dims: [2, 64], data: new BigInt64Array(128).fill(5n) };
    const mask: TensorValue = { type: 'int64', dims: [2, 64], data: new BigInt64Array(128).fill(1n) };
    const { logits } = await bert.run({ input_ids: ids, attention_mask: mask }, silentTask);
    assert.deepEqual(logits?.dims, [2, 8]);
    const data = logits.data as Float32Array;
    for (let i = 0; i < 8; i++)
      assert.ok(Math.abs(data[i]! - data[i + 8]!) < 1e-4, 'equal rows, equal logits');
    const extension = join(shared, 'models/third-party/superresolution-with-extensions.onnx');
    assert.match(
      (await errorOf(runner.load(extension, {}, silentTask))).message,
      /operator DecodeImage of domain com\.microsoft\.extensions/,
    );
  });
});
