// Tables as data: how columns become inputs, labels and targets, and what is said when they do not.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentTask } from '../../../../daemon/base/task';
import { loadDataset, type DatasetOptions } from '../../../../daemon/evaluate/dataset';
import type { SessionValue } from '../../../../daemon/runtime/runner/session';
import { plainBatches, plainExpected } from '../../../support/batches';
import { temporaryFolder } from '../../../support/paths';

const folder = temporaryFolder();
let count = 0;
const x: SessionValue = { name: 'x', type: 'float32', dims: ['batch', 2] };
const ids: SessionValue = { name: 'ids', type: 'int64', dims: ['batch', 2] };
const y: SessionValue = { name: 'y', type: 'float32', dims: ['batch', 1] };

function load(ending: string, text: string, inputs: readonly SessionValue[], options: DatasetOptions = {}) {
  const path = join(folder, `${(count += 1)}.${ending}`);
  writeFileSync(path, text);
  return loadDataset(path, inputs, { outputs: [y], ...options }, silentTask);
}

test('CSV: quotes, spaces, a byte order mark, empty lines, labels', async () => {
  const data = await load(
    'csv',
    '\ufeff"x_0", x_1,label,"a ""note"", here"\r\n1,2,0,"several\nlines"\r\n\r\n-0.5, 1e3 ,1,\n',
    [x],
  );
  assert.deepEqual([data.samples, [...data.labels!], data.notes], [2, [0, 1], []]);
  assert.deepEqual(await plainBatches(data, 8), [[0, 2, ['x', 'float32', [2, 2], [1, 2, -0.5, 1000]]]]);
});

test('columns in order for a single input, names as classes; both are said', async () => {
  const data = await load('csv', 'width,height,label\n1,2,dog\n3,4,cat\n5,6,dog\n', [x], { maxSamples: 2 });
  assert.deepEqual(
    [[...data.labels!], data.classNames],
    [
      [1, 0],
      ['cat', 'dog'],
    ],
  );
  assert.match(data.notes.join(' '), /columns width, height of .* are taken in this order for the input "x"/);
  assert.match(data.notes.join(' '), /0 is cat, 1 is dog/);
  assert.deepEqual(await plainBatches(data, 1), [
    [0, 1, ['x', 'float32', [1, 2], [1, 2]]],
    [1, 1, ['x', 'float32', [1, 2], [3, 4]]],
  ]);
});

test('a column for each pixel of a picture', async () => {
  const picture = { name: 'image', type: 'float32', dims: ['batch', 1, 2, 3] } as const;
  const text = 'label,p0,p1,p2,p3,p4,p5\n7,1,2,3,4,5,6\n8,6,5,4,3,2,1\n';
  const data = await load('csv', text, [picture]);
  assert.match(
    data.notes.join(' '),
    /columns p0, p1, p2, p3, p4, p5 of .* are taken in this order for the input "image"/,
  );
  assert.deepEqual(await plainBatches(data, 2), [
    [0, 2, ['image', 'float32', [2, 1, 2, 3], [1, 2, 3, 4, 5, 6, 6, 5, 4, 3, 2, 1]]],
  ]);
  await assert.rejects(load('csv', 'label,p0,p1\n7,1,2\n', [picture]), /no column for the input "image"/);
});

test('lists in cells, whole numbers beyond 2^53, targets', async () => {
  const data = await load('csv', 'x,ids,target\n"[1, 2]",9007199254740993 7,0.5\n3 4,"[5,6]",1.5\n', [
    x,
    ids,
  ]);
  assert.deepEqual(await plainBatches(data, 2), [
    [0, 2, ['x', 'float32', [2, 2], [1, 2, 3, 4]], ['ids', 'int64', [2, 2], [9007199254740993n, 7n, 5n, 6n]]],
  ]);
  assert.deepEqual(await plainExpected(data, 1), [
    [['y', 'float64', [1, 1], [0.5]]],
    [['y', 'float64', [1, 1], [1.5]]],
  ]);
});

test('JSON lines: nested lists, true and false, labels with a fraction are targets', async () => {
  const image: SessionValue = { name: 'image', type: 'float32', dims: ['n', 1, 'h', 2] };
  const flag: SessionValue = { name: 'flag', type: 'bool', dims: ['n'] };
  const data = await load(
    'jsonl',
    '{"image": [[[1, 2], [3, 4]]], "flag": true, "label": 0.25}\n\n{"image": [5, 6, 7, 8], "flag": 0, "label": 3}\n',
    [image, flag],
  );
  assert.equal(data.labels, undefined);
  assert.deepEqual(await plainBatches(data, 2), [
    [0, 2, ['image', 'float32', [2, 1, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8]], ['flag', 'bool', [2], [1, 0]]],
  ]);
  assert.deepEqual(await plainExpected(data, 2), [[['y', 'float64', [2, 1], [0.25, 3]]]]);
});

test('a fixed batch is filled up; true boxes come along', async () => {
  const data = await load(
    'jsonl',
    '{"x": [1, 2], "boxes": [[0, 0, 4, 4]], "box_labels": [2]}\n{"x": [3, 4], "boxes": [], "box_labels": []}\n{"x": [5, 6], "boxes": [], "box_labels": []}\n',
    [{ ...x, dims: [2, 2] }],
  );
  assert.deepEqual(await plainBatches(data, 1), [
    [0, 2, ['x', 'float32', [2, 2], [1, 2, 3, 4]]],
    [2, 1, ['x', 'float32', [2, 2], [5, 6, 5, 6]]],
  ]);
  assert.deepEqual(data.boxes, [[{ corners: [0, 0, 4, 4], label: 2 }], [], []]);
});

const refused: readonly (readonly [what: string, ending: string, text: string, inputs: readonly SessionValue[], said: RegExp])[] = [
  ['no column', 'csv', 'a,b,c\n1,2,3\n', [x], /no column for the input "x" \(float32, batch × 2\); its columns are "a", "b", "c"\. Name a column/],
  ['a word for a number', 'csv', 'x_0,x_1\n1,two\n', [x], /line 2, column "x_1", for the input "x" .*: "two" is no number/],
  ['a missing cell', 'csv', 'x_0,x_1\n1\n', [x], /line 2: 1 cells, but the first line names 2 columns/],
  ['a quote that is not closed', 'csv', 'x_0,x_1\n1,"2\n', [x], /line 2: a quote is not closed/],
  ['two columns of a name', 'csv', 'x,x\n1,2\n', [x], /two columns "x"/],
  ['a list that is too long', 'jsonl', '{"x": [1, 2, 3]}\n', [x], /line 1, column "x".*it holds 3, expected 2 for each sample/],
  ['a fraction for an index', 'jsonl', '{"ids": [1, 2.5]}\n', [ids], /2\.5 is none that int64 can hold/],
  ['no JSON', 'jsonl', '{"x": [1, 2]}\n{x: 3}\n', [x], /line 2: it is not JSON/],
  ['no object', 'jsonl', '[1, 2]\n', [x], /line 1: it is not an object/],
  ['nothing', 'csv', 'x_0,x_1\n', [x], /holds no samples/],
  ['text without a tokenizer', 'csv', 'text,label\nhello,1\n', [{ name: 'input_ids', type: 'int64', dims: ['b', 's'] }], /holds text, and the model takes token ids\. Name its tokenizer\.json/],
]; // prettier-ignore
for (const [what, ending, text, inputs, said] of refused)
  test(`refuses ${what}`, async () => {
    await assert.rejects(load(ending, text, inputs), (error: Error & { kind?: string }) => {
      assert.equal(error.kind, 'badRequest');
      assert.match(error.message, said);
      return true;
    });
  });

test('lists of different lengths need a batch of one', async () => {
  const free: SessionValue = { name: 'x', type: 'float32', dims: ['b', 's'] };
  const data = await load('jsonl', '{"x": [1, 2, 3]}\n{"x": [4]}\n', [free]);
  await assert.rejects(plainBatches(data, 2), /line 2, column "x": 1 values, and 3 before/);
  assert.deepEqual(await plainBatches(data, 1), [
    [0, 1, ['x', 'float32', [1, 3], [1, 2, 3]]],
    [1, 1, ['x', 'float32', [1, 1], [4]]],
  ]);
});
