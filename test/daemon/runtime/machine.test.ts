import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { setScriptFolder } from '../../../daemon/host/scripts';
import { readLimits } from '../../../daemon/runtime/cgroup';
import { describeMachine, fromCpuInfo, fromSysctl } from '../../../daemon/runtime/machine';
import { distFolder, temporaryFolder } from '../../support/paths';

setScriptFolder(distFolder);

/** A folder that stands for the root of a Linux file system. */
function systemWith(files: Record<string, string>): string {
  const root = temporaryFolder();
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

test('this machine', async () => {
  const machine = await describeMachine();
  assert.equal(machine.platform, `${process.platform}-${process.arch}`);
  assert.ok(machine.cores >= 1 && machine.cores <= availableParallelism());
  assert.ok(machine.memoryBytes > 0 && machine.memoryBytes <= totalmem());
  assert.match(machine.onnxruntime, /^1\.\d+\.\d+/);
  assert.ok(machine.providers.includes('cpu'));
  assert.notEqual(machine.cpu, '');
});

test('cgroup version 2: the tightest of the groups above counts', () => {
  const root = systemWith({
    'proc/self/cgroup': '0::/pod/app\n',
    'sys/fs/cgroup/pod/cpu.max': '150000 100000\n',
    'sys/fs/cgroup/pod/memory.max': 'max\n',
    'sys/fs/cgroup/pod/app/cpu.max': 'max 100000\n',
    'sys/fs/cgroup/pod/app/memory.max': '1073741824\n',
  });
  assert.deepEqual(readLimits(root), { cpus: 1.5, memoryBytes: 2 ** 30 });
});

test('cgroup version 1, and a container that sees its own group as the root', () => {
  const root = systemWith({
    'proc/self/cgroup': '4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc\n',
    'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '200000\n',
    'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': '100000\n',
    'sys/fs/cgroup/memory/memory.limit_in_bytes': '536870912\n',
  });
  assert.deepEqual(readLimits(root), { cpus: 2, memoryBytes: 2 ** 29 });
});

test('no limits', () => {
  const root = systemWith({
    'proc/self/cgroup': '4:memory:/\n3:cpu:/\n0::/\n',
    'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
    'sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
    'sys/fs/cgroup/cpu.max': 'max 100000\n',
  });
  assert.deepEqual(readLimits(root), {});
  assert.deepEqual(readLimits(join(root, 'nowhere')), {});
});

test('instruction sets by the names that Linux and macOS give', () => {
  const xeon = 'processor\t: 0\nflags\t\t: fpu sse2 avx avx2 avx512f avx512_vnni amx_tile amx_int8\n';
  assert.deepEqual(fromCpuInfo(xeon), ['avx2', 'avx512f', 'avx512_vnni', 'amx_int8']);
  const graviton = 'processor\t: 0\nFeatures\t: fp asimd asimddp i8mm bf16 sve\n';
  assert.deepEqual(fromCpuInfo(graviton), ['neon', 'dotprod', 'i8mm', 'bf16', 'sve']);
  assert.deepEqual(fromCpuInfo(''), []);
  const apple = 'hw.optional.arm.FEAT_DotProd: 1\nhw.optional.arm.FEAT_I8MM: 0\nhw.optional.arm.AdvSIMD: 1\n';
  assert.deepEqual(fromSysctl(apple), ['neon', 'dotprod']);
});
