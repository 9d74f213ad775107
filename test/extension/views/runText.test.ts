// A run of the history in a few words.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { figuresText, whenText } from '../../../extension/views/runText';
import { runHistory } from '../../support/runHistory';

test('the figures that tell most, two at the most', () => {
  assert.deepEqual(runHistory.map(figuresText), [
    'top-1 95.1 %',
    '',
    '0.98 ms',
    '0.71 ms',
    'top-1 94.5 %',
    '745 kB, 3.77× smaller',
    '',
    '1.9 ms',
    'top-1 94.6 %',
  ]);
  const speed = { name: 'speed-up', value: 2.704, unit: '×' };
  assert.equal(
    figuresText({ figures: [{ name: 'p50', value: 0.711, unit: 'ms' }, speed] }),
    '2.7× as fast, 0.711 ms',
  );
});

test('what a job chose of the versions that it made is marked', () => {
  const figure = (model: string, name: string, value: number, unit: string) => ({ model, name, value, unit });
  const [p50, speed, top1] = [
    figure('/m/resnet.int8.onnx', 'p50', 0.23, 'ms'),
    figure('/m/resnet.int8.onnx', 'speed-up', 2.5, '×'),
    figure('/m/resnet.int8.onnx', 'top1', 0.945, ''),
  ];
  const others = [
    figure('/m/resnet.onnx', 'p50', 0.58, 'ms'),
    figure('/m/resnet.fp16.onnx', 'p50', 0.1, 'ms'),
  ];
  const chosen = [p50, speed, top1].map((one) => ({ ...one, chosen: true as const }));
  assert.equal(figuresText({ figures: [...others, ...chosen] }), '→ resnet.int8.onnx: 2.5× as fast, 0.23 ms');
});

test('when it began, as short as it can be said', () => {
  const now = new Date(2026, 10, 29, 15, 0);
  assert.equal(whenText(new Date(2026, 10, 29, 14, 5).toISOString(), now), '14:05');
  assert.equal(whenText(new Date(2026, 10, 28, 9, 30).toISOString(), now), 'Nov 28, 09:30');
  assert.equal(whenText(new Date(2025, 0, 2, 9, 30).toISOString(), now), 'Jan 2, 2025, 09:30');
  assert.equal(whenText('nonsense', now), '');
});
