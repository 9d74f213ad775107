import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentTask, type Progress, type Task } from '../../../../daemon/base/task';
import { setScriptFolder } from '../../../../daemon/host/scripts';
import { benchmark, type Measurement } from '../../../../daemon/runtime/benchmark/benchmark';
import { distFolder, sharedFolder, temporaryFolder } from '../../../support/paths';
import { endlessModel, squareModel, unknownOperatorModel, writeSmall } from '../../../support/smallModels';

setScriptFolder(distFolder);
const folder = temporaryFolder();

/** Processes whose parent is this one; empty where /proc is not there to say. */
function children(): number[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8').replace(/^.*\) /s, '');
        const [state, parent] = stat.split(' ');
        return Number(parent) === process.pid && state !== 'Z';
      } catch {
        return false;
      }
    })
    .map(Number);
}

function recorder(): { task: Task<Measurement>; reports: Progress<Measurement>[]; stop: AbortController } {
  const reports: Progress<Measurement>[] = [];
  const stop = new AbortController();
  return { task: { signal: stop.signal, report: (progress) => reports.push(progress) }, reports, stop };
}

function checkMeasurement(measured: Measurement, minSamples: number): void {
  const { p50, p90, p99, min, mean, stddev } = measured.latencyMs;
  assert.ok(min > 0 && min <= p50 && p50 <= p90 && p90 <= p99, JSON.stringify(measured.latencyMs));
  assert.ok(mean > 0 && stddev >= 0);
  const { p50Ms, share } = measured.undisturbed;
  assert.ok(min <= p50Ms && p50Ms <= p50 && share > 0 && share <= 1, JSON.stringify(measured.undisturbed));
  assert.ok(measured.samples >= minSamples, `${measured.samples} samples`);
  assert.equal(
    measured.histogram.counts.reduce((sum, count) => sum + count, 0),
    measured.samples,
  );
  assert.equal(measured.histogram.counts.length, 40);
  assert.ok(Math.abs(measured.throughput - (1000 * measured.batch) / mean) < 1e-6 * measured.throughput);
  assert.ok(measured.loadMs > 0 && measured.peakRssBytes > 10e6);
}

test('two models, measured in turn', async () => {
  const shared = sharedFolder();
  const first = shared
    ? join(shared, 'models/digits/digits.onnx')
    : await writeSmall(folder, 'a.onnx', squareModel());
  const second = await writeSmall(folder, 'square.onnx', squareModel());
  const { task, reports } = recorder();
  const options = { minSamples: 60, maxSeconds: 3, batch: 2 };
  const { machine, results, ratios } = await benchmark([{ path: first }, { path: second }], options, task);
  assert.deepEqual(
    results.map(({ model, batch, threads, device }) => [model, batch, threads, device]),
    [
      [first, 2, 1, 'cpu'],
      [second, 2, 1, 'cpu'],
    ],
  );
  for (const result of results) checkMeasurement(result, 60);
  assert.equal(ratios.length, 1);
  const [ratio] = ratios;
  assert.ok(ratio && ratio.low <= ratio.p50Ratio && ratio.p50Ratio <= ratio.high);
  const [one, other] = results.map(({ undisturbed }) => undisturbed);
  assert.ok(Math.abs(ratio.p50Ratio - one!.p50Ms / other!.p50Ms) < 1e-6 * ratio.p50Ratio);
  assert.deepEqual([ratio.model, ratio.against], [second, first]);
  assert.ok(machine.cores >= 1);
  const rows = reports.flatMap(({ row }) => (row ? [row] : []));
  assert.deepEqual(rows.slice(-2), results);
  assert.deepEqual(children(), []);
});

test('a model against itself is neither faster nor slower', async (context) => {
  const path = await writeSmall(folder, 'square.onnx', squareModel());
  // The interval misses 1 once in twenty times by its nature; three misses in a row are a fault.
  for (let attempt = 1; ; attempt++) {
    const { ratios } = await benchmark([{ path }, { path }], { maxSeconds: 3 }, silentTask);
    const { low, high } = ratios[0]!;
    context.diagnostic(`ratio of a model against itself: ${low.toFixed(4)} to ${high.toFixed(4)}`);
    if (low <= 1 && 1 <= high) return;
    assert.ok(attempt < 3, `[${low}, ${high}] does not hold 1`);
  }
});

test('dimensions are bound by name, and a name that is not there is refused', async () => {
  const path = await writeSmall(folder, 'square.onnx', squareModel());
  const options = { minSamples: 1, maxSeconds: 0.3 };
  const bound = await benchmark([{ path }], { ...options, bind: { batch: 3 } }, silentTask);
  assert.equal(bound.results[0]?.batch, 3);
  await assert.rejects(benchmark([{ path }], { ...options, bind: { bach: 3 } }, silentTask), {
    kind: 'badRequest',
    message: 'No model has a free dimension named "bach". There are: batch.',
  });
});

test('one model that fails fails the call, by name', async () => {
  const good = await writeSmall(folder, 'square.onnx', squareModel());
  const bad = await writeSmall(folder, 'acme.onnx', unknownOperatorModel());
  await assert.rejects(
    benchmark([{ path: good }, { path: bad }], {}, silentTask),
    /acme\.onnx uses operator Norm/,
  );
  await assert.rejects(benchmark([], {}, silentTask), /at least one model/);
  assert.deepEqual(children(), []);
});

test('cancelling in the middle leaves no process', async () => {
  const good = await writeSmall(folder, 'square.onnx', squareModel());
  const endless = await writeSmall(folder, 'endless.onnx', endlessModel());
  for (const paths of [
    [good, good],
    [good, endless],
  ]) {
    const { task, stop } = recorder();
    const running = benchmark(
      paths.map((path) => ({ path })),
      { maxSeconds: 60, minSamples: 1e9 },
      task,
    );
    setTimeout(() => stop.abort(), 1200);
    await assert.rejects(running, { kind: 'cancelled' });
    assert.deepEqual(children(), []);
  }
});
