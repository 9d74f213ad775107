// External data: found inside the model's folder, refused everywhere else, with the tensor and the place named.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { SlipwayError } from '../../../daemon/base/errors';
import { silentTask } from '../../../daemon/base/task';
import { floatTensor, graph, model } from '../../../daemon/ir/builder';
import type { Tensor } from '../../../daemon/ir/tensor';
import { encodeModel } from '../../../daemon/onnx/encodeModel';
import { readModel } from '../../../daemon/onnx/readModel';
import { readFloats } from '../../../daemon/onnx/tensorData';
import { temporaryFolder } from '../../support/paths';

const root = temporaryFolder();
const folder = join(root, 'models');
const path = join(folder, 'model.onnx');
const values = Float32Array.from({ length: 1000 }, (_, index) => index / 8);
const bytes = new Uint8Array(values.buffer);
mkdirSync(join(folder, 'inside'), { recursive: true });
mkdirSync(join(root, 'models-beside'));
writeFileSync(join(folder, 'weights.bin'), bytes);
writeFileSync(join(folder, 'inside', 'weights.bin'), bytes);
writeFileSync(join(root, 'secret.bin'), bytes);
writeFileSync(join(root, 'models-beside', 'weights.bin'), bytes);

/** Writes a model whose one weight has these entries, and reads it. */
async function open(entries: Record<string, string>) {
  const tensor: Tensor = {
    ...floatTensor('w', [1000], []),
    storage: { kind: 'external', entries: Object.entries(entries).map(([key, value]) => ({ key, value })) },
  };
  writeFileSync(path, await encodeModel(model(graph({ nodes: [], initializers: [tensor] }))));
  const { model: read, diagnostics, externalBytes } = await readModel(path, silentTask);
  return { tensor: read!.graph.initializers[0]!, diagnostics, externalBytes };
}

async function refused(entries: Record<string, string>, id: string, message?: RegExp): Promise<void> {
  const { tensor, diagnostics } = await open(entries);
  assert.deepEqual(
    diagnostics.map((one) => one.id),
    [id],
    JSON.stringify(entries),
  );
  assert.equal(diagnostics[0]?.where?.value, 'w');
  if (message) assert.match(diagnostics[0].message, message);
  assert.ok(tensor.storage.kind === 'external' && tensor.storage.bytes === undefined);
  await assert.rejects(readFloats(tensor), (error: SlipwayError) => error.kind === 'invalidModel');
}

async function accepted(entries: Record<string, string>): Promise<Tensor> {
  const { tensor, diagnostics, externalBytes } = await open(entries);
  assert.deepEqual(diagnostics, []);
  assert.equal(externalBytes, 4000);
  assert.deepEqual(await readFloats(tensor), values);
  return tensor;
}

test('files in the folder and below are read, with and without offset and length', async () => {
  await accepted({ location: 'weights.bin' });
  await accepted({ location: 'weights.bin', offset: '0', length: '4000', checksum: 'whatever' });
  await accepted({ location: 'inside/weights.bin' });
  await accepted({ location: 'inside/../weights.bin' });
  await accepted({ location: './weights.bin' });
});

test('what leaves the folder is refused', async () => {
  await refused(
    { location: '../secret.bin' },
    'onnx/external-outside',
    /secret\.bin.*outside the model's folder/,
  );
  await refused({ location: 'inside/../../secret.bin' }, 'onnx/external-outside');
  await refused({ location: '../models/weights.bin' }, 'onnx/external-outside');
  await refused({ location: '../models-beside/weights.bin' }, 'onnx/external-outside');
  await refused({ location: join(folder, 'weights.bin') }, 'onnx/external-outside');
  await refused({ location: '/etc/passwd' }, 'onnx/external-outside');
  await refused({ location: '..\\secret.bin' }, 'onnx/external-outside');
  await refused({ location: '\\\\server\\share' }, 'onnx/external-outside');
  await refused({ location: 'C:\\weights.bin' }, 'onnx/external-outside');
  await refused({ location: 'c:weights.bin' }, 'onnx/external-outside');
  await refused({ location: 'weights.bin\0.txt' }, 'onnx/external-location');
  await refused({ location: '' }, 'onnx/external-location');
  await refused({ offset: '0' }, 'onnx/external-location');
});

test('links that leave the folder are refused, links inside are followed', async () => {
  symlinkSync(join(root, 'secret.bin'), join(folder, 'link.bin'));
  symlinkSync('../secret.bin', join(folder, 'relative.bin'));
  symlinkSync(root, join(folder, 'up'));
  symlinkSync('weights.bin', join(folder, 'fine.bin'));
  symlinkSync('loop.bin', join(folder, 'loop.bin'));
  await refused({ location: 'link.bin' }, 'onnx/external-outside');
  await refused({ location: 'relative.bin' }, 'onnx/external-outside');
  await refused({ location: 'up/secret.bin' }, 'onnx/external-outside');
  await refused({ location: 'loop.bin' }, 'onnx/external-unreadable');
  await accepted({ location: 'fine.bin' });
});

test('folders, pipes and devices are refused without waiting', async () => {
  await refused({ location: 'inside' }, 'onnx/external-not-a-file');
  await refused({ location: '.' }, 'onnx/external-outside');
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  await refused({ location: 'pipe' }, 'onnx/external-not-a-file');
});

test('missing files and wrong ranges', async () => {
  await refused({ location: 'none.bin' }, 'onnx/external-missing', /none\.bin.*not there/);
  await refused({ location: 'weights.bin/x' }, 'onnx/external-missing');
  await refused({ location: 'weights.bin', offset: '8' }, 'onnx/external-range');
  await refused({ location: 'weights.bin', length: '4004' }, 'onnx/external-range');
  await refused({ location: 'weights.bin', length: '3996' }, 'onnx/external-length');
  await refused({ location: 'weights.bin', offset: '-4' }, 'onnx/external-range');
  await refused({ location: 'weights.bin', offset: 'first' }, 'onnx/external-range');
  await refused({ location: 'weights.bin', offset: '99999999999999999999999' }, 'onnx/external-range');
});

test('a link put in the way after opening is noticed when values are read', async () => {
  const tensor = await accepted({ location: 'inside/weights.bin' });
  const { atime, mtime } = statSync(join(folder, 'inside', 'weights.bin'));
  utimesSync(join(root, 'secret.bin'), atime, mtime);
  renameSync(join(folder, 'inside'), join(folder, 'was inside'));
  mkdirSync(join(root, 'elsewhere'));
  linkSync(join(root, 'secret.bin'), join(root, 'elsewhere', 'weights.bin'));
  symlinkSync(join(root, 'elsewhere'), join(folder, 'inside'));
  utimesSync(join(root, 'secret.bin'), atime, mtime);
  await assert.rejects(readFloats(tensor), (error: SlipwayError) => error.kind === 'fileSystem');
  rmSync(join(folder, 'inside'));
  renameSync(join(folder, 'was inside'), join(folder, 'inside'));
});

test('a model reached through a link reads data from the folder that the link leads to only by its own folder', async () => {
  await accepted({ location: 'weights.bin' });
  const other = join(root, 'other');
  symlinkSync(folder, other);
  const { diagnostics } = await readModel(join(other, 'model.onnx'), silentTask);
  assert.deepEqual(diagnostics, []);
});
