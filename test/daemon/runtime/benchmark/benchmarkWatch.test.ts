import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { energyText, openEnergyMeter } from '../../../../daemon/runtime/benchmark/benchmarkEnergy';
import { describeEnvironment } from '../../../../daemon/runtime/benchmark/benchmarkEnvironment';
import { timeWarnings } from '../../../../daemon/runtime/benchmark/benchmarkMeasurement';
import { newSeries } from '../../../../daemon/runtime/benchmark/benchmarkSeries';
import { watchMachine } from '../../../../daemon/runtime/benchmark/benchmarkWatch';
import { temporaryFolder } from '../../../support/paths';

/** A folder that stands for the root of a Linux file system. */
function systemWith(files: Record<string, string>): string {
  const root = temporaryFolder();
  write(root, files);
  return root;
}

function write(root: string, files: Record<string, string>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

/** user, system, idle and steal of two processors together. */
const stat = (user: number, idle: number, steal: number) =>
  `cpu  ${user} 0 0 ${idle} 0 0 0 ${steal} 0 0\ncpu0 1 0 0 1 0 0 0 0 0 0\ncpu1 1 0 0 1 0 0 0 0 0 0\n`;
const own = (user: number) => `7 (a (b) c) R 1 ${'0 '.repeat(9)}${user} 0 0\n`;
const clock = 'sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq';
const heat = 'sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count';

test('a quiet machine gives no warning', () => {
  const root = systemWith({ 'proc/stat': stat(100, 100, 0), 'proc/7/stat': own(50), [clock]: '3000000' });
  const watch = watchMachine(root);
  watch.begin([7]);
  write(root, { 'proc/stat': stat(200, 200, 0), 'proc/7/stat': own(150) });
  watch.end();
  assert.deepEqual(watch.warnings(), []);
});

test('other programs, steal, quota, heat and clocks are told', () => {
  const root = systemWith({
    'proc/stat': stat(100, 100, 0),
    'proc/7/stat': own(50),
    'proc/self/cgroup': '0::/pod\n',
    'sys/fs/cgroup/pod/cpu.stat': 'usage_usec 5\nthrottled_usec 1000\n',
    [heat]: '2',
    [clock]: '3000000',
  });
  const watch = watchMachine(root);
  watch.begin([7]);
  watch.end();
  watch.begin([7]);
  write(root, {
    'proc/stat': stat(260, 110, 30),
    'proc/7/stat': own(150),
    'sys/fs/cgroup/pod/cpu.stat': 'usage_usec 5\nthrottled_usec 51000\n',
    [heat]: '5',
    [clock]: '1800000',
  });
  watch.end();
  const said = watch.warnings();
  assert.match(said[0] ?? '', /^Other programs used 0\.6 of 2 processors/);
  assert.match(said[1] ?? '', /^The host took 15 % of this virtual machine's processor time away/);
  assert.match(said[2] ?? '', /quota held the work back for 50 ms/);
  assert.match(said[3] ?? '', /slowed itself down 3 times because of heat/);
  assert.match(said[4] ?? '', /between 1\.8 and 3\.0 GHz/);
  assert.equal(said.length, 5);
});

test('a quota of the first version of control groups', () => {
  const stat1 = 'sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.stat';
  const root = systemWith({
    'proc/stat': stat(100, 100, 0),
    'proc/7/stat': own(50),
    'proc/self/cgroup': '4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n',
    [stat1]: 'nr_periods 10\nnr_throttled 1\nthrottled_time 1000000\n',
  });
  const watch = watchMachine(root);
  watch.begin([7]);
  write(root, {
    'proc/stat': stat(200, 200, 0),
    'proc/7/stat': own(150),
    [stat1]: 'throttled_time 31000000\n',
  });
  watch.end();
  assert.match(watch.warnings()[0] ?? '', /quota held the work back for 30 ms/);
});

test('where there is no /proc nothing is said', () => {
  const watch = watchMachine(join(temporaryFolder(), 'nowhere'));
  watch.begin([1]);
  watch.end();
  assert.deepEqual(watch.warnings(), []);
});

test('energy of the packages, over the end of their counters; nothing where it cannot be read', () => {
  const zone = 'sys/class/powercap/intel-rapl:0';
  const root = systemWith({
    [`${zone}/name`]: 'package-0\n',
    [`${zone}/max_energy_range_uj`]: '1000\n',
    [`${zone}/energy_uj`]: '900\n',
    'sys/class/powercap/intel-rapl:0:0/name': 'core\n',
    'sys/class/powercap/intel-rapl:0:0/energy_uj': '1\n',
  });
  const meter = openEnergyMeter(root);
  assert.ok(meter);
  assert.equal(meter.read(), 0);
  write(root, { [`${zone}/energy_uj`]: '950\n' });
  assert.equal(meter.read(), 50);
  write(root, { [`${zone}/energy_uj`]: '20\n' });
  assert.equal(meter.read(), 120);
  assert.match(energyText(root), /^Energy is that of the processor packages/);
  const bare = temporaryFolder();
  assert.equal(openEnergyMeter(bare), undefined);
  assert.match(energyText(bare), /not measured: this machine shows no counters/);
  // A counter that cannot be read as a file; permissions would not stop root.
  const closed = systemWith({ [`${zone}/name`]: 'package-0\n', [`${zone}/max_energy_range_uj`]: '1000\n' });
  mkdirSync(join(closed, `${zone}/energy_uj`));
  assert.equal(openEnergyMeter(closed), undefined);
  assert.match(energyText(closed), /may not be read by this user/);
});

test('the environment is written down', () => {
  const root = systemWith({
    'proc/self/status': 'Name:\tnode\nCpus_allowed_list:\t0-1\n',
    'sys/devices/system/cpu/cpu0/cpufreq/scaling_governor': 'powersave\n',
  });
  process.env['OMP_NUM_THREADS'] = '3';
  const environment = describeEnvironment(root);
  delete process.env['OMP_NUM_THREADS'];
  assert.equal(environment.affinity, '0-1');
  assert.equal(environment.governor, 'powersave');
  assert.equal(environment.cpuQuota, null);
  assert.equal(environment.variables['OMP_NUM_THREADS'], '3');
  assert.ok(Math.abs(Date.parse(environment.at) - Date.now()) < 60_000);
});

test('interrupted runs and processes that differ are told', () => {
  const series = newSeries('/models/net.onnx');
  const block = (ms: number) => new Float64Array(20).fill(ms);
  series.blocks.push(block(1), block(1.01), block(1.3), block(1.31));
  assert.match(
    timeWarnings(series, [0, 0, 1, 1])[0] ?? '',
    /medians of the 2 processes of net\.onnx lie 30 % apart/,
  );
  const slow = newSeries('/models/net.onnx');
  slow.blocks.push(Float64Array.from({ length: 50 }, (_, i) => (i % 25 === 0 ? 9 : 1)));
  assert.match(timeWarnings(slow, [0])[0] ?? '', /^4\.0 % of the runs of net\.onnx took more than twice/);
  const few = newSeries('/models/net.onnx');
  few.blocks.push(Float64Array.of(3));
  assert.match(
    timeWarnings(few, [0])[0] ?? '',
    /^Only one run of net\.onnx could be measured: allow more time/,
  );
  const steady = newSeries('/models/net.onnx');
  steady.blocks.push(block(1), block(1));
  assert.deepEqual(timeWarnings(steady, [0, 1]), []);
});
