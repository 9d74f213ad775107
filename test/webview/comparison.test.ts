// What the results page says of a job: rows, sentence, reports.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ticks } from '../../webview/charts/axis';
import { accuracyDifference, comparedOf, rowsOf } from '../../webview/compare/comparison';
import { csvReport, markdownReport, recipeCommand } from '../../webview/compare/report';
import { comparison, headline, plainText } from '../../webview/compare/sentence';
import {
  blindJob,
  cancelledJob,
  doneJob,
  failedJob,
  int8Dynamic,
  int8Static,
  original,
  runningJob,
} from '../support/jobs';

const sentence = (job: typeof doneJob, picked?: string) =>
  plainText(headline(job, comparedOf(job, rowsOf(job), picked)));

describe('results', () => {
  it('have a row for everything planned, the original first', () => {
    assert.deepEqual(
      rowsOf(runningJob).map(({ recipe, variant }) => [recipe, variant !== undefined]),
      [
        ['original', true],
        ['int8 static', true],
        ['int8 dynamic', false],
      ],
    );
    assert.deepEqual(
      rowsOf({ ...doneJob, rows: [int8Static, original] }).map(({ recipe }) => recipe),
      ['original', 'int8 static'],
    );
  });

  it('are said in a sentence', () => {
    assert.equal(sentence(doneJob), 'int8 static: 2.41× faster, 0.270 of the size, top-1 −0.1 ± 1.4 points');
    assert.equal(
      sentence(doneJob, int8Dynamic.file),
      'int8 dynamic: as fast within the error, 0.992 of the size, top-1 0.0 ± 1.4 points',
    );
    assert.equal(
      sentence(blindJob),
      'int8 static: 2.41× faster, 0.270 of the size, accuracy was not measured',
    );
    const stay = { ...doneJob, result: { ...doneJob.result!, chosen: original.file } };
    assert.match(sentence(stay), /^Stay with the original\. int8 static: /);
    assert.equal(sentence(runningJob), 'Compressing resnet.onnx');
    assert.deepEqual(comparison(original, { ...int8Static, failed: 'x.npz has no array for the input.' }), [
      { text: 'could not be made or measured', verdict: 'worse', title: 'x.npz has no array for the input.' },
    ]);
    assert.equal(sentence(failedJob), 'Compressing resnet.onnx failed');
    assert.match(sentence(cancelledJob), /^Cancelled/);
  });

  it('call a difference real only beyond its margin', () => {
    const at = (value: number) => ({
      metric: 'top1',
      value,
      low: value - 0.01,
      high: value + 0.01,
      samples: 2000,
    });
    assert.equal(accuracyDifference(at(0.946), at(0.94)).verdict, 'same');
    assert.equal(accuracyDifference(at(0.946), at(0.9)).verdict, 'worse');
    assert.equal(accuracyDifference(at(0.9), at(0.946)).verdict, 'better');
    const paired = { value: -0.004, low: -0.007, high: -0.001 };
    assert.equal(accuracyDifference(at(0.946), at(0.942), paired).verdict, 'worse');
    assert.equal(Math.round(accuracyDifference(at(0.946), at(0.942), paired).margin * 100), 30);
  });

  it('can be taken away as text', () => {
    const lines = markdownReport(doneJob).split('\n');
    assert.equal(lines.filter((line) => line.startsWith('|')).length, 5);
    assert.ok(lines.some((line) => line.startsWith('| int8 static | 758 kB | 0.79')));
    const csv = csvReport({ ...doneJob, rows: [{ ...original, recipe: '=cmd("x"),1' }, int8Static] });
    assert.equal(csv.trim().split('\n').length, 3);
    assert.ok(csv.includes(`"'=cmd(""x""),1"`), 'a cell is never a formula');
    assert.equal(
      recipeCommand({ ...doneJob, model: { name: 'a', file: "/my models/it's.onnx" } }, int8Static),
      `slipway quantize '/my models/it'\\''s.onnx' -o /home/ada/models/resnet.int8.onnx --method static --calibration /home/ada/models/resnet_calibration.npz`,
    );
    assert.equal(recipeCommand(doneJob, original), undefined);
  });

  it('have round numbers on their axes', () => {
    assert.deepEqual(ticks(0, 1, 5), [0, 0.2, 0.4, 0.6, 0.8, 1]);
    assert.deepEqual(ticks(1.83, 2.36, 3), [2, 2.2]);
    assert.deepEqual(ticks(5, 5, 3), [5]);
  });
});
