import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentTask } from '../../../daemon/base/task';
import { setScriptFolder } from '../../../daemon/host/scripts';
import { listDevices } from '../../../daemon/runtime/devices';
import { benchmark } from '../../../daemon/runtime/benchmark/benchmark';
import { deviceNames } from '../../../daemon/runtime/runner/session';
import { childProcesses, ownTemporaryFolder } from '../../support/childProcesses';
import { distFolder, temporaryFolder } from '../../support/paths';
import { squareModel, writeSmall } from '../../support/smallModels';

setScriptFolder(distFolder);
const folder = temporaryFolder();
const leftBehind = ownTemporaryFolder();

test('every device is listed; what cannot be used says why, and what to install', async (context) => {
  const devices = await listDevices(silentTask);
  assert.deepEqual(devices.map(({ name }) => name).sort(), [...deviceNames].sort());
  const [first] = devices;
  assert.deepEqual([first?.name, first?.available, first?.install], ['cpu', true, null]);
  for (const device of devices) {
    context.diagnostic(`${device.name}: ${device.detail}`);
    assert.ok(device.detail !== '' && device.title !== '');
    if (device.offered && !device.available) assert.ok((device.install ?? '') !== '', device.name);
    if (!device.offered) assert.match(device.detail, /is built without it/);
  }
  assert.deepEqual([childProcesses(), leftBehind()], [[], []]);
});

test('a benchmark on a device that is not ready says what is missing', async () => {
  const path = await writeSmall(folder, 'square.onnx', squareModel());
  const missing = (await listDevices(silentTask)).find(({ available }) => !available);
  if (!missing) return;
  const device = deviceNames.find((name) => name === missing.name);
  await assert.rejects(benchmark([{ path }], { device, maxSeconds: 0.3 }, silentTask), {
    kind: 'unsupported',
    message: missing.offered ? /cannot be used/ : /This build of ONNX Runtime has no/,
  });
  assert.deepEqual([childProcesses(), leftBehind()], [[], []]);
});
