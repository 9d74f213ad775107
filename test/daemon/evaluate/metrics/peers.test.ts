// Metrics on random cases against scikit-learn, SciPy and pycocotools, which are installed in a throw-away
// environment.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { absoluteErrorOf } from '../../../../daemon/evaluate/metrics/absoluteError';
import { meanAveragePrecision, type BoxImage } from '../../../../daemon/evaluate/metrics/boxes';
import { confusionMatrix, type Average } from '../../../../daemon/evaluate/metrics/confusion';
import { cosineOf } from '../../../../daemon/evaluate/metrics/cosine';
import { determination } from '../../../../daemon/evaluate/metrics/determination';
import { divergenceOf, probabilities } from '../../../../daemon/evaluate/metrics/divergence';
import { f1 } from '../../../../daemon/evaluate/metrics/f1';
import { precision } from '../../../../daemon/evaluate/metrics/precision';
import { recall } from '../../../../daemon/evaluate/metrics/recall';
import { meanOf } from '../../../../daemon/evaluate/metrics/sampled';
import { squaredErrorOf } from '../../../../daemon/evaluate/metrics/squaredError';
import { ranks, topKHits } from '../../../../daemon/evaluate/metrics/topK';
import { topClasses } from '../../../../daemon/evaluate/topOne';
import { seededNormal, seededRandom } from '../../../../daemon/runtime/random';
import { metricPeers } from '../../../support/evaluationPeers';
import { askPython } from '../../../support/pythonEnvironment';

const peers = metricPeers();
const averages: readonly Average[] = ['macro', 'weighted', 'micro'];

interface Case {
  readonly samples: number;
  readonly classes: number;
  readonly scores: number[][];
  readonly labels: number[];
  readonly given: number[][];
  readonly wanted: number[][];
}

function makeCase(seed: number): Case {
  const random = seededRandom(seed);
  const normal = seededNormal(seed + 1000);
  const samples = 1 + Math.floor(random() * 200);
  const classes = 2 + Math.floor(random() * 12);
  const width = 1 + Math.floor(random() * 5);
  const rows = (columns: number) =>
    Array.from({ length: samples }, () => Array.from({ length: columns }, () => Math.fround(normal())));
  // Some classes never occur, so that the rules for empty ones are met.
  const labels = Array.from({ length: samples }, () => Math.floor(random() ** 2 * classes));
  return { samples, classes, scores: rows(classes), labels, given: rows(width), wanted: rows(width) };
}

const script = `
import json, sys, warnings
import numpy as np
from scipy.special import rel_entr, softmax
from sklearn import metrics as m
warnings.filterwarnings('ignore')
answers = []
for case in json.load(sys.stdin):
    scores, labels = np.array(case['scores']), np.array(case['labels'])
    given, wanted = np.array(case['given']), np.array(case['wanted'])
    named = scores.argmax(1)
    classes = list(range(case['classes']))
    one = {'confusion': m.confusion_matrix(labels, named, labels=classes).tolist()}
    for average in ['macro', 'weighted', 'micro']:
        one['precision ' + average] = m.precision_score(labels, named, average=average, zero_division=0)
        one['recall ' + average] = m.recall_score(labels, named, average=average, zero_division=0)
        one['f1 ' + average] = m.f1_score(labels, named, average=average, zero_division=0)
    one['accuracy'] = m.accuracy_score(labels, named)
    for k in [1, 2, 5]:
        one['top%d' % k] = float(np.mean([l in np.argsort(-s)[:k] for s, l in zip(scores, labels)]))
    if case['classes'] > 2:
        one['top2 sklearn'] = m.top_k_accuracy_score(labels, scores, k=2, labels=classes)
    one['mse'] = m.mean_squared_error(wanted, given)
    one['mae'] = m.mean_absolute_error(wanted, given)
    one['r2'] = m.r2_score(wanted, given) if len(wanted) > 1 else None
    one['cosine'] = float(np.mean([m.pairwise.cosine_similarity([a], [b])[0, 0] for a, b in zip(given, wanted)]))
    p, q = softmax(np.flip(scores, 1), axis=1), softmax(scores, axis=1)
    one['kl'] = float(rel_entr(p, q).sum(1).mean())
    answers.append(one)
json.dump(answers, sys.stdout)
`;

const flat = (rows: readonly (readonly number[])[]) => Float64Array.from(rows.flat());
const mean = (values: readonly number[]) => meanOf(Float64Array.from(values)).value();

function ours(one: Case): Record<string, unknown> {
  const labels = Int32Array.from(one.labels);
  const scores = {
    type: 'float32',
    dims: [one.samples, one.classes],
    data: Float32Array.from(one.scores.flat()),
  } as const;
  const named = topClasses('scores', scores, one.samples);
  const places = ranks(scores.data, one.classes, labels);
  const top = (k: number) => meanOf(topKHits(places, k)).value();
  const byRow = (of: (given: number[], wanted: number[]) => number) =>
    mean(one.given.map((row, i) => of(row, one.wanted[i]!)));
  const width = one.given[0]!.length;
  return {
    confusion: confusionMatrix(named, labels, one.classes),
    ...Object.fromEntries(
      averages.flatMap((average) => [
        [`precision ${average}`, precision(named, labels, one.classes, average).value()],
        [`recall ${average}`, recall(named, labels, one.classes, average).value()],
        [`f1 ${average}`, f1(named, labels, one.classes, average).value()],
      ]),
    ),
    accuracy: top(1),
    top1: top(1),
    top2: top(2),
    top5: top(5),
    ...(one.classes > 2 ? { 'top2 sklearn': top(2) } : {}),
    mse: byRow(squaredErrorOf),
    mae: byRow(absoluteErrorOf),
    r2: one.samples > 1 ? determination(flat(one.given), flat(one.wanted), width).value() : null,
    cosine: byRow(cosineOf),
    kl: mean(one.scores.map((row) => divergenceOf(row, [...row].reverse()))),
  };
}

function compare(own: unknown, theirs: unknown, what: string): void {
  if (typeof own === 'number' && typeof theirs === 'number')
    assert.ok(Math.abs(own - theirs) <= 1e-9 * Math.max(1, Math.abs(theirs)), `${what}: ${own}, ${theirs}`);
  else assert.deepEqual(own, theirs, what);
}

if ('missing' in peers) {
  test(`metrics were not held against scikit-learn: ${peers.missing}`, () => undefined);
} else {
  test('metrics agree with scikit-learn and SciPy on 80 random cases', () => {
    const cases = Array.from({ length: 80 }, (_, seed) => makeCase(seed));
    const answers = askPython(peers.python, script, cases) as Record<string, unknown>[];
    cases.forEach((one, i) => {
      const own = ours(one);
      assert.deepEqual(Object.keys(own).sort(), Object.keys(answers[i]!).sort());
      for (const [name, value] of Object.entries(own))
        compare(value, answers[i]![name], `case ${i}, ${name}`);
    });
  });

  test('weighted resamples are the metric of the repeated samples', () => {
    const one = makeCase(3);
    const random = seededRandom(9);
    const counts = Uint32Array.from({ length: one.samples }, () => Math.floor(random() * 3));
    const repeat = <T>(rows: readonly T[]) =>
      rows.flatMap((row, i) => Array.from({ length: counts[i]! }, () => row));
    const drawn: Case = {
      ...one,
      samples: counts.reduce((sum, count) => sum + count, 0),
      scores: repeat(one.scores),
      labels: repeat(one.labels),
      given: repeat(one.given),
      wanted: repeat(one.wanted),
    };
    const expected = ours(drawn);
    const labels = Int32Array.from(one.labels);
    const named = Int32Array.from(one.scores, (row) => row.indexOf(Math.max(...row)));
    for (const average of averages)
      compare(
        f1(named, labels, one.classes, average).value(counts),
        expected[`f1 ${average}`],
        `f1 ${average}`,
      );
    const r2 = determination(flat(one.given), flat(one.wanted), one.given[0]!.length);
    compare(r2.value(counts), expected['r2'], 'r2');
    const mse = meanOf(Float64Array.from(one.given, (row, i) => squaredErrorOf(row, one.wanted[i]!)));
    compare(mse.value(counts), expected['mse'], 'mse');
  });

  test('boxes agree with pycocotools on random pictures', () => {
    const random = seededRandom(5);
    const box = () => {
      const [x, y] = [random() * 80, random() * 80];
      return [x, y, x + 5 + random() * 40, y + 5 + random() * 40] as const;
    };
    const moved = (corners: readonly number[]) => {
      const [a, b, c, d] = corners.map((at) => at + (random() - 0.5) * 8) as [number, number, number, number];
      return [a, b, Math.max(c, a + 1), Math.max(d, b + 1)] as const;
    };
    const sets = Array.from({ length: 12 }, () =>
      Array.from({ length: 8 }, (): BoxImage => {
        const truth = Array.from({ length: Math.floor(random() * 6) }, () => ({
          corners: box(),
          label: Math.floor(random() * 3),
        }));
        const near = truth.flatMap(({ corners, label }) =>
          random() < 0.8 ? [{ corners: moved(corners), label, score: random() }] : [],
        );
        const wrong = Array.from({ length: Math.floor(random() * 4) }, () => ({
          corners: box(),
          label: Math.floor(random() * 3),
          score: random() * 0.7,
        }));
        return { truth, found: [...near, ...wrong] };
      }),
    );
    const answers = askPython(
      peers.python,
      `
import contextlib, io, json, sys
import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
answers = []
wh = lambda c: [c[0], c[1], c[2] - c[0], c[3] - c[1]]
for images in json.load(sys.stdin):
    truth = [(i, b) for i, one in enumerate(images) for b in one['truth']]
    found = [(i, b) for i, one in enumerate(images) for b in one['found']]
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {'info': {}, 'images': [{'id': i} for i in range(len(images))], 'categories': [{'id': k} for k in range(3)],
          'annotations': [{'id': n + 1, 'image_id': i, 'category_id': b['label'], 'bbox': wh(b['corners']), 'area': wh(b['corners'])[2] * wh(b['corners'])[3], 'iscrowd': 0} for n, (i, b) in enumerate(truth)]}
        coco.createIndex()
        results = coco.loadRes([{'image_id': i, 'category_id': b['label'], 'bbox': wh(b['corners']), 'score': b['score']} for i, b in found])
        run = COCOeval(coco, results, 'bbox')
        run.evaluate(); run.accumulate(); run.summarize()
    answers.append(run.stats[0])
json.dump(answers, sys.stdout)
`,
      sets,
    ) as number[];
    sets.forEach((images, i) => {
      compare(meanAveragePrecision(images, 'coco').value(), answers[i], `set ${i}`);
    });
  });

  test('probabilities are taken as they are, scores through the softmax', () => {
    assert.deepEqual([...probabilities([0.25, 0.75])], [0.25, 0.75]);
    assert.ok(Math.abs(probabilities([0, Math.log(3)])[1]! - 0.75) < 1e-12);
  });
}
