// A bundle is a value: the same input gives the same digest, any change another, and external data belongs to it.

import assert from 'node:assert/strict';
import { appendFileSync, cpSync, readFileSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentTask } from '../../../daemon/base/task';
import { makeBundle } from '../../../daemon/deploy/bundle';
import { temporaryFolder } from '../../support/paths';
import { pairModel } from '../serve/testServer';
import { externalModel } from './externalModel';

const folder = temporaryFolder();

test('the digest follows names, contents and configuration, and nothing else', async () => {
  const path = await pairModel(folder);
  const copied = join(folder, 'elsewhere', 'pair.onnx');
  cpSync(path, copied);
  const digest = async (p: string, config = {}, name?: string) =>
    (await makeBundle([name === undefined ? { path: p } : { path: p, name }], config, silentTask)).digest;
  const first = await digest(path);
  assert.match(first, /^sha256:[0-9a-f]{64}$/);
  assert.equal(await digest(path), first);
  assert.equal(await digest(copied), first);
  assert.equal(
    await digest(path, { threads: 2, workers: 1 }),
    await digest(path, { workers: 1, threads: 2 }),
  );
  assert.notEqual(await digest(path, { workers: 2 }), first);
  assert.notEqual(await digest(path, {}, 'other'), first);
  appendFileSync(copied, Buffer.from([0x3a, 0x00])); // An empty producer field more: another file.
  assert.notEqual(await digest(copied), first);
});

test('files are hashed, external data included', async () => {
  const path = await externalModel(join(folder, 'external'));
  const bundle = await makeBundle([{ path }], {}, silentTask);
  const [{ name, files }] = bundle.models;
  assert.equal(name, 'external');
  assert.equal(files.length, 2);
  for (const file of files) {
    const content = readFileSync(file.source);
    assert.equal(file.bytes, content.length);
    assert.equal(file.sha256, createHash('sha256').update(content).digest('hex'));
  }
  const data = files[1]!;
  const changed = readFileSync(data.source);
  changed[0] = changed[0]! ^ 1;
  writeFileSync(data.source, changed);
  assert.notEqual((await makeBundle([{ path }], {}, silentTask)).digest, bundle.digest);
});

test('what cannot be bundled says why', async () => {
  const broken = join(folder, 'broken.onnx');
  writeFileSync(broken, 'no model');
  const path = await pairModel(folder);
  await assert.rejects(makeBundle([{ path: broken }], {}, silentTask), /broken\.onnx cannot be deployed: ./);
  await assert.rejects(
    makeBundle([{ path: join(folder, 'none.onnx') }], {}, silentTask),
    /it does not exist/,
  );
  await assert.rejects(
    makeBundle([{ path, name: '../x' }], {}, silentTask),
    /no name to serve a model under/,
  );
  await assert.rejects(
    makeBundle([{ path }, { path }], {}, silentTask),
    /Two models would be served as 'pair'/,
  );
  const stopped = { signal: AbortSignal.abort(), report: () => undefined };
  await assert.rejects(makeBundle([{ path }], {}, stopped), { kind: 'cancelled' });
});
