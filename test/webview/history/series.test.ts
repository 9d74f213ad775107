// The history as lines: like with like, oldest first; two runs figure by figure.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareFigures } from '../../../daemon/protocol/compareFigures';
import { historyCharts, historyLines, modelOrder } from '../../../webview/history/series';
import { historyRun, runHistory } from '../../support/runHistory';

const lines = (figure: string, setting?: string) => {
  const chart = historyCharts(runHistory).find((one) => one.figure === figure)!;
  const order = modelOrder(runHistory, '/home/ada/models/resnet.onnx');
  return historyLines(chart, runHistory, order, setting, ({ startedAt }) => startedAt.slice(8, 10));
};

test('one chart for each figure, time first, then scores, then size', () => {
  assert.deepEqual(
    historyCharts(runHistory).map(({ figure, unit, settings }) => `${figure} ${unit} ${settings.length}`),
    ['p50 ms 2', 'top1 % 0', 'size MB 0', 'cosine  0'],
  );
});

test('only runs that were measured alike share a line', () => {
  const { settings, series } = lines('p50');
  assert.deepEqual(settings, ['05', '09', '10']);
  assert.deepEqual(
    series.map(({ name, colour, values }) => [name, colour, ...values]),
    [
      ['resnet.onnx', 'series-a', 1.9, 1.93, 1.71],
      ['resnet.int8.onnx', 'series-b', undefined, 0.71, 0.66],
    ],
  );
  assert.deepEqual(lines('p50', 'cpu, threads 4, batch 1').settings, ['10']);
  assert.equal(lines('size').series[0]!.colour, 'series-b', 'a model has one colour in all charts');
  const scores = lines('top1');
  assert.equal(scores.fit, true);
  assert.deepEqual(
    scores.series[0]!.ranges!.map((one) => one!.low.toFixed(2)),
    ['93.50', '93.45', '94.00'],
  );
});

test('two runs are held against each other, with what that says', () => {
  const of = (id: string) => runHistory.find((run) => run.id === id)!;
  const told = (before: string, after: string) =>
    compareFigures(of(before), of(after)).map(
      ({ name, model, ratio, verdict }) =>
        `${name} ${model.split('/').pop()!} ${ratio?.toFixed(2) ?? ''} ${verdict ?? ''}`,
    );
  assert.deepEqual(told('2026-11-09', '2026-11-10'), [
    'p50 resnet.onnx 0.89 better',
    'p50 resnet.int8.onnx 0.93 better',
    'p50 resnet.onnx  ',
  ]);
  assert.deepEqual(told('2026-11-05', '2026-11-09'), ['p50 resnet.onnx 1.02 same', 'p50 resnet.int8.onnx  ']);
  assert.deepEqual(told('2026-11-04', '2026-11-12'), ['top1 resnet.onnx 1.01 same']);
  assert.deepEqual(compareFigures(historyRun(1, 'optimize'), historyRun(2, 'optimize')), []);
});
