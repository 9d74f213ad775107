// Writing models: into one file, beside a data file, over an old output, and never over their own source.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { SlipwayError } from '../../../daemon/base/errors';
import { silentTask } from '../../../daemon/base/task';
import { attribute, floatTensor, graph, model, node } from '../../../daemon/ir/builder';
import { DataType } from '../../../daemon/ir/dataType';
import type { Model } from '../../../daemon/ir/model';
import type { Tensor } from '../../../daemon/ir/tensor';
import { encodeModel } from '../../../daemon/onnx/encodeModel';
import { entryOf } from '../../../daemon/onnx/externalData';
import { readModel } from '../../../daemon/onnx/readModel';
import { readFloats } from '../../../daemon/onnx/tensorData';
import { writeModel } from '../../../daemon/onnx/writeModel';
import { bundleScript } from '../../support/bundle';
import { temporaryFolder } from '../../support/paths';
import { modelDifference } from '../../support/sameModel';

const root = temporaryFolder();
let number = 0;

function freshFolder(): string {
  number += 1;
  const path = join(root, String(number));
  mkdirSync(path);
  return path;
}

const isKind = (kind: string, message?: RegExp) => (error: SlipwayError) =>
  error.kind === kind && (message === undefined || message.test(error.message));

const ramp = (length: number) => Float32Array.from({ length }, (_, index) => index);

const weights = (start = 0) =>
  model(
    graph({
      nodes: [
        node('Constant', [], ['c'], { attributes: { value: floatTensor('in attribute', [600], ramp(600)) } }),
      ],
      initializers: [
        floatTensor('small', [2], [start, 1]),
        floatTensor('first', [300], ramp(300)),
        floatTensor('second', [50, 100], ramp(5000)),
      ],
    }),
  );

const open = async (path: string): Promise<Model> => {
  const { model: read, diagnostics } = await readModel(path, silentTask);
  assert.deepEqual(diagnostics, []);
  return read!;
};

test('one file by default, then a data file, then one file again', async () => {
  const folder = freshFolder();
  const single = join(folder, 'single.onnx');
  const written = await writeModel(weights(), single, {}, silentTask);
  assert.deepEqual(written, { fileBytes: statSync(single).size, files: [single] });

  const apart = join(folder, 'apart.onnx');
  const two = await writeModel(await open(single), apart, { external: 'separate' }, silentTask);
  assert.equal(two.files.length, 2);
  assert.match(two.files[1]!, /apart\.onnx\.[0-9a-f]{8}\.data$/);
  assert.equal(two.fileBytes, statSync(apart).size + statSync(two.files[1]!).size);
  const separate = await open(apart);
  assert.equal(await modelDifference(weights(), separate), undefined);
  const places = separate.graph.initializers.map(({ storage }) =>
    storage.kind === 'external' ? entryOf(storage.entries, 'offset') : storage.kind,
  );
  assert.deepEqual(places, ['raw', '0', '4096']);

  const again = join(folder, 'again.onnx');
  await writeModel(separate, again, {}, silentTask);
  assert.ok(readFileSync(again).equals(readFileSync(single)));
});

test('a model is never written over its own file or its data, by whatever name', async () => {
  const folder = freshFolder();
  const path = join(folder, 'model.onnx');
  const { files } = await writeModel(weights(), path, { external: 'separate' }, silentTask);
  const data = files[1]!;
  const read = await open(path);
  symlinkSync(data, join(folder, 'link'));
  for (const target of [
    data,
    join(folder, 'link'),
    join(folder, '.', '..', String(number), data.slice(folder.length + 1)),
  ]) {
    await assert.rejects(
      writeModel(read, target, { overwrite: true }, silentTask),
      isKind('conflict', /read from/),
    );
  }
  const single = join(folder, 'single.onnx');
  await writeModel(read, single, {}, silentTask);
  symlinkSync(single, join(folder, 'single link.onnx'));
  const embedded = await open(single);
  for (const target of [single, join(folder, 'single link.onnx')]) {
    await assert.rejects(
      writeModel(embedded, target, { overwrite: true }, silentTask),
      isKind('conflict', /read from/),
    );
  }
  await assert.rejects(writeModel(weights(), single, {}, silentTask), isKind('conflict', /already exists/));
});

test('replacing an output removes the data that only the old one used', async () => {
  const folder = freshFolder();
  const path = join(folder, 'out.onnx');
  writeFileSync(join(folder, 'out.onnx.txt.data'), 'not ours');
  const first = await writeModel(weights(1), path, { external: 'separate' }, silentTask);
  const second = await writeModel(weights(2), path, { external: 'separate', overwrite: true }, silentTask);
  assert.deepEqual(
    readdirSync(folder).sort(),
    ['out.onnx', second.files[1]!.slice(folder.length + 1), 'out.onnx.txt.data'].sort(),
  );
  assert.notEqual(first.files[1], second.files[1]);
  // A copy of the model keeps its data when the original is replaced.
  copyFileSync(path, join(folder, 'copy.onnx'));
  await writeModel(weights(3), path, { overwrite: true }, silentTask);
  assert.equal(await modelDifference(weights(2), await open(join(folder, 'copy.onnx'))), undefined);
});

test('a failure while writing leaves neither model nor data', async () => {
  const folder = freshFolder();
  const source = join(folder, 'source.onnx');
  await writeModel(weights(), source, {}, silentTask);
  const read = await open(source);
  writeFileSync(source, 'changed since');
  for (const external of ['embed', 'separate'] as const) {
    await assert.rejects(
      writeModel(read, join(folder, 'out.onnx'), { external }, silentTask),
      isKind('fileSystem', /changed on disk; open it again/),
    );
  }
  assert.deepEqual(readdirSync(folder), ['source.onnx']);
});

test('missing external data forbids writing', async () => {
  const folder = freshFolder();
  const built = weights();
  built.graph.initializers.push({
    ...floatTensor('lost', [1000], []),
    storage: { kind: 'external', entries: [{ key: 'location', value: 'lost.bin' }] },
  });
  built.graph.initializers.push({ ...built.graph.initializers.at(-1)!, name: 'lost too' });
  const path = join(folder, 'in.onnx');
  writeFileSync(path, await encodeModel(built));
  const { model: read, diagnostics } = await readModel(path, silentTask);
  assert.deepEqual(
    diagnostics.map((one) => one.id),
    ['onnx/external-missing'],
    'the file is missing once, however many tensors are in it',
  );
  assert.match(diagnostics[0]!.message, /lost\.bin.*not there.*2 tensors need it/);
  await assert.rejects(
    writeModel(read!, join(folder, 'out.onnx'), {}, silentTask),
    isKind('invalidModel', /lost/),
  );
});

/** A model on disk with a weight of `length` bytes that is a hole, at a place beyond 4 GB. */
async function withLargeHole(folder: string, length: number): Promise<Model> {
  const offset = 5 * 2 ** 30;
  const data = join(folder, 'weights.bin');
  writeFileSync(data, '');
  truncateSync(data, offset + length - 4);
  writeFileSync(data, new Uint8Array(Float32Array.of(0.5).buffer), { flag: 'a' });
  const large: Tensor = {
    ...floatTensor('large', [length / 4], []),
    storage: {
      kind: 'external',
      entries: [
        { key: 'location', value: 'weights.bin' },
        { key: 'offset', value: String(offset) },
        { key: 'length', value: String(length) },
      ],
    },
  };
  const built = model(graph({ nodes: [], initializers: [large, floatTensor('small', [1], [1])] }));
  writeFileSync(join(folder, 'in.onnx'), await encodeModel(built));
  return open(join(folder, 'in.onnx'));
}

test('weights beyond 4 GB in a data file are read by range', async () => {
  const length = 3 * 2 ** 30;
  const read = await withLargeHole(freshFolder(), length);
  const [large] = read.graph.initializers;
  assert.deepEqual(await readFloats(large!, { start: length / 4 - 2, count: 2 }), Float32Array.of(0, 0.5));
});

test('a model that does not fit into one file is refused with embed', async () => {
  const folder = freshFolder();
  const read = await withLargeHole(folder, 3 * 2 ** 30);
  await assert.rejects(
    writeModel(read, join(folder, 'out.onnx'), { external: 'embed' }, silentTask),
    isKind('badRequest', /2 GB/),
  );
});

test('cancelling a large write leaves nothing within a second', async () => {
  const folder = freshFolder();
  const read = await withLargeHole(folder, 3 * 2 ** 30);
  const controller = new AbortController();
  const writing = writeModel(
    read,
    join(folder, 'out.onnx'),
    {},
    { signal: controller.signal, report: () => undefined },
  );
  setTimeout(() => controller.abort(), 50);
  await assert.rejects(writing, isKind('cancelled'));
  assert.deepEqual(readdirSync(folder).sort(), ['in.onnx', 'weights.bin']);
});

test('killing the process while it writes leaves the old model and its data whole', async () => {
  const folder = freshFolder();
  await withLargeHole(folder, 3 * 2 ** 30);
  const path = join(folder, 'out.onnx');
  await writeModel(weights(), path, { external: 'separate' }, silentTask);
  const script = join(root, 'writer.cjs');
  await bundleScript(
    `import { readModel } from './daemon/onnx/readModel';
     import { writeModel } from './daemon/onnx/writeModel';
     import { silentTask } from './daemon/base/task';
     const watched = { signal: silentTask.signal, report: () => process.stdout.write('writing\\n') };
     void readModel(process.argv[2]!, silentTask)
       .then(({ model }) => writeModel(model!, process.argv[3]!, { overwrite: true }, watched));`,
    script,
  );
  const child = spawn(process.execPath, [script, join(folder, 'in.onnx'), path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  const ended = new Promise<NodeJS.Signals | null>((resolve) =>
    child.once('exit', (_, signal) => resolve(signal)),
  );
  await new Promise((resolve) => setTimeout(resolve, 30));
  child.kill('SIGKILL');
  assert.equal(await ended, 'SIGKILL');
  assert.equal(await modelDifference(weights(), await open(path)), undefined);
  assert.ok(readdirSync(folder).some((name) => name.endsWith('.part')));
});

test('tensors in typed fields and of every small type keep their values in a data file', async () => {
  const folder = freshFolder();
  const fields: Tensor = {
    ...floatTensor('typed', [1000], []),
    storage: {
      kind: 'fields',
      // float_data, packed: tag 34 and a length of 4000.
      fields: [
        { in: 'memory', data: new Uint8Array([34, 0xa0, 0x1f, ...new Uint8Array(ramp(1000).buffer)]) },
      ],
    },
  };
  const int4: Tensor = {
    ...floatTensor('int4', [3001], []),
    dataType: DataType.INT4,
    storage: { kind: 'raw', bytes: { in: 'memory', data: new Uint8Array(1501).fill(0x5a) } },
  };
  const built = model(graph({ nodes: [], initializers: [fields, int4] }));
  const path = join(folder, 'out.onnx');
  await writeModel(built, path, { external: 'separate' }, silentTask);
  const read = await open(path);
  assert.equal(await modelDifference(built, read), undefined);
  assert.deepEqual(
    read.graph.initializers.map((one) => one.storage.kind),
    ['external', 'external'],
  );
  assert.deepEqual(await readFloats(read.graph.initializers[0]!), ramp(1000));
});

test('a shared tensor is stored once, and a fresh folder is no excuse to lose a name', async () => {
  const folder = freshFolder();
  const shared = floatTensor('shared', [1000], ramp(1000));
  const built = model(
    graph({
      nodes: [
        node('If', ['c'], ['y'], {
          attributes: { then_branch: graph({ nodes: [], initializers: [shared] }) },
        }),
      ],
      initializers: [shared],
    }),
  );
  built.graph.nodes[0]!.attributes.push(attribute('label', 'ünï'));
  const path = join(folder, 'ünï 模型.onnx');
  const { files } = await writeModel(built, path, { external: 'separate' }, silentTask);
  assert.equal(dirname(files[1]!), folder);
  assert.equal(statSync(files[1]!).size, 4000);
  assert.equal(await modelDifference(built, await open(path)), undefined);
});
