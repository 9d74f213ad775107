import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentTask } from '../../../../daemon/base/task';
import { messageOf } from '../../../../daemon/base/errors';
import { deviceError, missingLibraries, withMissingLibraries } from '../../../../daemon/runtime/deviceErrors';
import { readProfile, withoutRecording } from '../../../../daemon/runtime/profile/profileEvents';
import { partsOf } from '../../../../daemon/runtime/profile/profileParts';

const run = (ts: number, dur: number) => ({ cat: 'Session', name: 'model_run', ts, dur, args: {} });
const kernel = (name: string, op: string, ts: number, dur: number, provider = 'CPUExecutionProvider') => ({
  cat: 'Node',
  name: `${name}_kernel_time`,
  ts,
  dur,
  args: { op_name: op, provider, node_index: '0' },
});
const textOf = (events: object[]) => JSON.stringify(events);

test('runs that warm up are left out, and the others averaged', async () => {
  const text = textOf([
    run(0, 1000),
    kernel('a', 'Conv', 10, 900),
    run(2000, 100),
    kernel('a', 'Conv', 2010, 60),
    kernel('b', 'Relu', 2080, 10),
    run(3000, 100),
    kernel('a', 'Conv', 3010, 80),
    kernel('b', 'Relu', 3095, 4),
  ]);
  const read = await readProfile(text, new Set([0]), silentTask);
  assert.equal(read.runs, 2);
  assert.equal(read.runUs, 100);
  assert.equal(read.gapUs, (10 + 5) / 2);
  assert.deepEqual(
    read.nodes.map(({ name, op, meanUs, calls }) => ({ name, op, meanUs, calls })),
    [
      { name: 'a', op: 'Conv', meanUs: 70, calls: 1 },
      { name: 'b', op: 'Relu', meanUs: 7, calls: 1 },
    ],
  );
});

test('of runs that are all cold the last one counts', async () => {
  const text = textOf([
    run(0, 1000),
    kernel('a', 'Conv', 10, 900),
    run(2000, 100),
    kernel('a', 'Conv', 2010, 60),
  ]);
  const read = await readProfile(text, new Set([0, 1, 2, 3]), silentTask);
  assert.deepEqual([read.runs, read.runUs, read.nodes[0]?.meanUs], [1, 100, 60]);
});

test('what runs inside a loop is not counted twice', async () => {
  const text = textOf([
    run(0, 100),
    kernel('loop', 'Loop', 10, 80),
    kernel('add', 'Add', 20, 20),
    kernel('add', 'Add', 50, 30),
    kernel('after', 'Relu', 91, 5),
  ]);
  const { nodes, gapUs } = await readProfile(text, new Set(), silentTask);
  assert.equal(gapUs, 1);
  const times = nodes.map(({ name, meanUs, totalUs, calls }) => [name, meanUs, totalUs, calls]);
  assert.deepEqual(times, [
    ['loop', 30, 80, 1],
    ['add', 50, 50, 2],
    ['after', 5, 5, 1],
  ]);
});

test('a profile that was cut off is read as far as it goes; one without a run is refused', async () => {
  const cut = textOf([run(0, 10), kernel('a', 'Add', 1, 5)]).replace(/]$/, ',\n');
  assert.equal((await readProfile(cut, new Set(), silentTask)).nodes.length, 1);
  await assert.rejects(readProfile('[]', new Set(), silentTask), {
    kind: 'runnerFailed',
    message: /profiled no run/,
  });
});

test('the cost of recording is taken off each call, and nothing becomes negative', () => {
  const node = (name: string, meanUs: number, calls: number) => ({
    name,
    op: 'Add',
    provider: 'CPUExecutionProvider',
    meanUs,
    totalUs: meanUs,
    calls,
    bytes: 0,
    work: null,
    inputs: 2,
  });
  const found = withoutRecording([node('a', 50, 1), node('b', 4, 3), node('c', 6, 1)], 2);
  assert.deepEqual(
    found.map(({ meanUs }) => meanUs),
    [48, 0, 4],
  );
});

test('the lines that ONNX Runtime writes, and a file that ends within one', async () => {
  const events = [
    { cat: 'Session', name: 'model_loading_uri', ts: 0, dur: 5, args: {} },
    run(10, 50),
    kernel('a', 'Add', 12, 30),
    kernel('b', 'Relu', 43, 10),
  ].map((event) => JSON.stringify(event));
  const whole = await readProfile(`[\n${events.join(',\n')}\n]\n`, new Set(), silentTask);
  assert.deepEqual(
    whole.nodes.map(({ name, meanUs }) => [name, meanUs]),
    [
      ['a', 30],
      ['b', 10],
    ],
  );
  const cut = await readProfile(`[\n${events.join(',\n').slice(0, -20)}`, new Set(), silentTask);
  assert.deepEqual(
    cut.nodes.map(({ name }) => name),
    ['a'],
  );
});

test('a silent fall-back is told with its share of nodes and time', async () => {
  const text = textOf([
    run(0, 100),
    kernel('conv', 'Conv', 1, 60, 'CUDAExecutionProvider'),
    kernel('nms', 'NonMaxSuppression', 62, 20),
    kernel('topk', 'TopK', 83, 10, 'CUDAExecutionProvider'),
    kernel('gather', 'Gather', 94, 5, 'CUDAExecutionProvider'),
  ]);
  const { nodes } = await readProfile(text, new Set(), silentTask);
  const { fallback, byProvider, warnings } = partsOf(nodes, undefined, 'cuda');
  assert.equal(fallback?.nodeShare, 0.25);
  assert.deepEqual(fallback.nodes, ['nms']);
  assert.deepEqual(
    byProvider.map(({ name, nodes: count }) => [name, count]),
    [
      ['CUDAExecutionProvider', 3],
      ['CPUExecutionProvider', 1],
    ],
  );
  assert.match(
    warnings[0] ?? '',
    /^25 % of the nodes \(21 % of the time\) did not run on NVIDIA GPU with CUDA \(cuda\) but fell back to CPUExecutionProvider\.$/,
  );
  assert.match(partsOf(nodes, undefined, 'webgpu').warnings[0] ?? '', /ran no node: all 4 fell back/);
  assert.equal(partsOf(nodes.slice(1, 2), undefined, 'cpu').fallback, null);
});

test('missing libraries are named, and the sentence says what to install', () => {
  const said =
    'Failed to load library libonnxruntime_providers_cuda.so with error: libcudnn.so.9: cannot open shared object file: No such file or directory';
  assert.deepEqual(missingLibraries(said), ['libcudnn.so.9']);
  const error = deviceError('cuda', said);
  assert.equal(error?.kind, 'unsupported');
  assert.match(
    error.message,
    /libraries \(libcudnn\.so\.9\) are missing\. Install an NVIDIA driver, CUDA 12/,
  );
  const unnamed = deviceError('cuda', 'Failed to load shared library');
  const words =
    'libonnxruntime_providers_shared.so: cannot open shared object file: No such file or directory';
  assert.match(
    messageOf(withMissingLibraries(unnamed, 'cuda', words)),
    /its libraries \(libonnxruntime_providers_shared\.so\) are missing\. Install an NVIDIA driver/,
  );
  assert.match(
    messageOf(
      withMissingLibraries(
        deviceError('webgpu', 'No supported adapters'),
        'webgpu',
        `libvulkan.so.1${words.slice(34)}`,
      ),
    ),
    /or no driver for it, was found; missing: libvulkan\.so\.1\. Install the GPU's driver/,
  );
  assert.equal(withMissingLibraries(error, 'cuda', said), error);
  assert.equal(withMissingLibraries(unnamed, 'cuda', 'nothing of libraries'), unnamed);
  assert.match(
    deviceError('webgpu', 'Failed to get a WebGPU adapter: No supported adapters')?.message ?? '',
    /no such hardware, or no driver for it, was found\. Install the GPU's driver/,
  );
  assert.match(
    deviceError('coreml', 'no available backend found. ERR: [coreml] backend not found.')?.message ?? '',
    /has no Apple Core ML \(coreml\) for/,
  );
  assert.equal(deviceError('cuda', 'Protobuf parsing failed.'), undefined);
  assert.equal(deviceError('cpu', 'Failed to load shared library'), undefined);
});
