// Benchmark, profile and devices over the protocol: results have the shape that is declared.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { Check, Errors } from 'typebox/value';
import { silentTask } from '../../../daemon/base/task';
import { benchmark } from '../../../daemon/handlers/benchmark';
import type { AnyHandler, Context } from '../../../daemon/handlers/handler';
import { devices, profile } from '../../../daemon/handlers/profile';
import { setScriptFolder } from '../../../daemon/host/scripts';
import { Workspace } from '../../../daemon/workspace/workspace';
import { writeDenseModel } from '../../support/denseModel';
import { distFolder, temporaryFolder } from '../../support/paths';

setScriptFolder(distFolder);
const folder = temporaryFolder();
const context = { workspace: new Workspace() } as unknown as Context;

async function ask(handler: AnyHandler, params: object): Promise<Record<string, unknown>> {
  assert.ok(Check(handler.type.params, params));
  const result = JSON.parse(JSON.stringify(await handler.handle(params, silentTask, context))) as Record<
    string,
    unknown
  >;
  assert.deepEqual([...Errors(handler.type.result, result)], []);
  return result;
}

test('profile, against another model', async () => {
  const uri = pathToFileURL(await writeDenseModel(join(folder, 'one.onnx'), 2, 32)).href;
  const against = pathToFileURL(await writeDenseModel(join(folder, 'two.onnx'), 3, 32)).href;
  const found = await ask(profile, { uri, against, maxSeconds: 0.3, batch: 2 });
  assert.equal(found['batch'], 2);
  assert.ok(found['against'] && found['difference']);
});

test('benchmark in several settings with a load', async () => {
  const uri = pathToFileURL(await writeDenseModel(join(folder, 'three.onnx'), 2, 32)).href;
  const params = {
    uris: [uri],
    maxSeconds: 0.3,
    minSamples: 5,
    batchSweep: [1, 2],
    concurrency: [1],
    load: { pattern: 'single-stream' },
  };
  const found = await ask(benchmark, params);
  assert.equal((found['results'] as unknown[]).length, 2);
  assert.equal((found['load'] as unknown[]).length, 1);
});

test('devices', async () => {
  const { devices: found } = await ask(devices, {});
  assert.ok(
    (found as { name: string; available: boolean }[]).some(
      ({ name, available }) => name === 'cpu' && available,
    ),
  );
});
