// What falls back from a device to the CPU is told, on a real provider: WebGPU over a driver made of software.

import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { silentTask } from '../../../daemon/base/task';
import { setScriptFolder } from '../../../daemon/host/scripts';
import { graph, model, node, valueInfo } from '../../../daemon/ir/builder';
import { DataType } from '../../../daemon/ir/dataType';
import { benchmark } from '../../../daemon/runtime/benchmark/benchmark';
import { listDevices } from '../../../daemon/runtime/devices';
import { profile } from '../../../daemon/runtime/profile/profile';
import { childProcesses, ownTemporaryFolder } from '../../support/childProcesses';
import { distFolder, temporaryFolder } from '../../support/paths';
import { writeSmall } from '../../support/smallModels';
import { useSoftwareGpu } from '../../support/softwareGpu';

setScriptFolder(distFolder);
const folder = temporaryFolder();
const leftBehind = ownTemporaryFolder();
const there = useSoftwareGpu();

/** NonZero has no counterpart on the GPU: its size depends on values. */
const halfOnDevice = () =>
  model(
    graph({
      nodes: [
        node('Mul', ['x', 'x'], ['squared'], { name: 'square' }),
        node('Sin', ['squared'], ['sine'], { name: 'sine' }),
        node('NonZero', ['sine'], ['y'], { name: 'places' }),
      ],
      inputs: [valueInfo('x', DataType.FLOAT, [4, 8])],
      outputs: [valueInfo('y', DataType.INT64, [2, 'count'])],
    }),
  );

async function available(context: TestContext): Promise<boolean> {
  const found =
    there && (await listDevices(silentTask)).some(({ name, available: is }) => name === 'webgpu' && is);
  if (!found) context.diagnostic('no WebGPU here, not even of software');
  return found;
}

test('nodes that a GPU did not run are told with their share', async (context) => {
  if (!(await available(context))) return;
  const path = await writeSmall(folder, 'half.onnx', halfOnDevice());
  const options = { device: 'webgpu', maxSeconds: 0.3, minSamples: 3 } as const;
  const { results, warnings } = await benchmark([{ path }], options, silentTask);
  const placement = results[0]?.placement;
  context.diagnostic(JSON.stringify(placement));
  assert.ok(placement);
  assert.ok((placement.nodes['WebGpuExecutionProvider'] ?? 0) >= 1);
  const fell = placement.nodes['CPUExecutionProvider'] ?? 0;
  const all = Object.values(placement.nodes).reduce((sum, count) => sum + count, 0);
  assert.ok(fell >= 1 && Math.abs(placement.fallbackShare - fell / all) < 1e-9);
  assert.ok(placement.fallbackTimeShare > 0 && placement.fallbackTimeShare < 1);
  const said = warnings.find((warning) => warning.includes('fell back'));
  assert.match(
    said ?? '',
    /^half\.onnx: [\d.]+ % of the nodes \([\d.]+ % of the time\) did not run on GPU with WebGPU/,
  );

  const profiled = await profile(path, undefined, { device: 'webgpu', maxSeconds: 0.3 }, silentTask);
  assert.deepEqual(profiled.fallback?.nodes.includes('places'), true);
  assert.equal(profiled.roofline, null);
  assert.match(profiled.warnings.join(' '), /may be those of handing the work to the device/);
  assert.deepEqual([childProcesses(), leftBehind()], [[], []]);
});
