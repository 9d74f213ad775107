// Gathers what a metric needs from the outputs of a run, batch by batch, and hands over the metric at the end.

import { badRequest, unsupported } from '../base/errors';
import type { Feeds, SessionValue, TensorValue } from '../runtime/runner/session';
import { toNumbers } from './convert';
import { foundBoxes } from './boxOutputs';
import type { Batch, Dataset } from './data/rows';
import { shapeText } from './data/describe';
import { absoluteErrorOf } from './metrics/absoluteError';
import { meanAveragePrecision, type BoxImage, type BoxStyle } from './metrics/boxes';
import { classCounts, confusionMatrix, type Average } from './metrics/confusion';
import { cosineOf } from './metrics/cosine';
import { determination } from './metrics/determination';
import { divergenceOf } from './metrics/divergence';
import { f1, f1Of } from './metrics/f1';
import { isShare, type MetricName } from './metrics/names';
import { precision, precisionOf } from './metrics/precision';
import { recall, recallOf } from './metrics/recall';
import { meanOf, type Sampled } from './metrics/sampled';
import { squaredErrorOf } from './metrics/squaredError';
import { agreementHits, ranks, topKHits } from './metrics/topK';
import { checkLabel, topClasses } from './topOne';

/** Figures of one class. */
export interface ClassFigures {
  readonly label: number;
  readonly name?: string;
  /** Samples (for `map`, true boxes) of the class. */
  readonly samples: number;
  readonly precision?: number;
  readonly recall?: number;
  readonly f1?: number;
  /** Average precision, for `map`. */
  readonly averagePrecision?: number;
}

export interface Details {
  readonly perClass?: ClassFigures[];
  /** Rows are true classes, columns named ones; left out beyond 200 classes. */
  readonly confusion?: number[][];
}

export interface Scores {
  readonly sampled: Sampled;
  /** 1 or 0 for each sample, where the metric is a share. */
  readonly hits?: Float64Array;
  readonly details?: Details;
}

export interface ScorerOptions {
  readonly metric: MetricName;
  readonly k: number;
  readonly average: Average;
  readonly boxStyle: BoxStyle;
  /** Name of the output that is scored; the first when absent. */
  readonly output?: string | undefined;
}

export interface Scorer {
  /** Outputs that it wants to see; all when absent. */
  readonly fetches?: readonly string[];
  /** Adds a batch of `size` rows, of which `batch.count` count; `reference` are another model's outputs on it. */
  add(batch: Batch, size: number, outputs: Feeds, reference: Feeds | undefined): void;
  finish(): Scores;
}

const mostConfusion = 200;
/** Values kept for R², which cannot be summed as it goes. */
const mostValues = 2 ** 25;

/** Makes the scorer of a metric for one model. Throws `badRequest` when the model has no such output. */
export function makeScorer(
  outputs: readonly SessionValue[],
  dataset: Dataset,
  options: ScorerOptions,
): Scorer {
  if (options.metric === 'map') return boxScorer(outputs, dataset, options.boxStyle);
  const output =
    options.output === undefined ? outputs[0] : outputs.find(({ name }) => name === options.output);
  if (!output) {
    const names = outputs.map(({ name }) => `"${name}"`).join(', ');
    throw badRequest(
      options.output === undefined
        ? 'The model has no output.'
        : `The model has no output "${options.output}"; its outputs are ${names}.`,
    );
  }
  const position = outputs.indexOf(output);
  return ['mse', 'mae', 'r2', 'cosine', 'kl'].includes(options.metric)
    ? valueScorer(output, position, dataset, options.metric)
    : classScorer(output, position, dataset, options);
}

function outputOf(outputs: Feeds, name: string): TensorValue {
  const value = outputs[name];
  if (!value) throw badRequest(`The model gave no value for its output "${name}".`);
  return value;
}

/** The same output of another model: by name, else by position. */
const otherOutput = (reference: Feeds, name: string, position: number): TensorValue =>
  reference[name] ?? outputOf(reference, Object.keys(reference)[position] ?? name);

function classScorer(
  output: SessionValue,
  position: number,
  dataset: Dataset,
  options: ScorerOptions,
): Scorer {
  const { metric } = options;
  const { labels } = dataset;
  const named = new Int32Array(dataset.samples);
  const other = new Int32Array(dataset.samples);
  const places = new Int32Array(dataset.samples);
  let classes = 0;
  return {
    fetches: [output.name],
    add({ from, count }, size, outputs, reference) {
      const scores = outputOf(outputs, output.name);
      named.set(topClasses(output.name, scores, size).subarray(0, count), from);
      classes = scores.dims[1] ?? 0;
      if (metric === 'agreement') {
        const theirs = otherOutput(reference ?? {}, output.name, position);
        other.set(topClasses(output.name, theirs, size).subarray(0, count), from);
        return;
      }
      const own = labels!.subarray(from, from + count);
      own.forEach((label, i) => checkLabel(label, from + i, classes));
      if (metric === 'topk') places.set(ranks(toNumbers(scores.type, scores.data), classes, own), from);
    },
    finish() {
      if (metric === 'topk' && options.k >= classes)
        throw badRequest(`The top ${options.k} of ${classes} classes are all of them. Use a smaller k.`);
      const hits =
        metric === 'topk'
          ? topKHits(places, options.k)
          : agreementHits(named, metric === 'agreement' ? other : labels!);
      if (metric === 'agreement') return { sampled: meanOf(hits), hits };
      const figures = { precision, recall, f1 };
      const sampled =
        metric === 'precision' || metric === 'recall' || metric === 'f1'
          ? figures[metric](named, labels!, classes, options.average)
          : meanOf(hits);
      const details = classDetails(named, labels!, classes, dataset.classNames);
      return { sampled, ...(isShare(metric) ? { hits } : {}), details };
    },
  };
}

function classDetails(
  named: Int32Array,
  labels: Int32Array,
  classes: number,
  classNames: readonly string[] | undefined,
): Details {
  const counts = classCounts(named, labels, classes);
  const perClass = Array.from({ length: classes }, (_, label): ClassFigures => {
    const [right, all, actual] = [counts.right[label]!, counts.named[label]!, counts.actual[label]!];
    const name = classNames?.[label];
    return {
      label,
      ...(name === undefined ? {} : { name }),
      samples: actual,
      precision: precisionOf(right, all),
      recall: recallOf(right, all, actual),
      f1: f1Of(right, all, actual),
    };
  });
  const confusion = classes <= mostConfusion ? { confusion: confusionMatrix(named, labels, classes) } : {};
  return { perClass, ...confusion };
}

/** Values of each of the first `count` samples of an output. */
function sampleRows(name: string, value: TensorValue, size: number, count: number): Float64Array[] {
  const numbers = toNumbers(value.type, value.data);
  if (value.dims[0] !== size && size !== 1)
    throw unsupported(
      `The output "${name}" (${value.type}, ${shapeText(value.dims)}) has no row for each of ${size} samples. Use a batch of 1.`,
    );
  const width = numbers.length / size;
  return Array.from({ length: count }, (_, i) =>
    Float64Array.from({ length: width }, (_unused, k) => numbers[i * width + k]!),
  );
}

function valueScorer(output: SessionValue, position: number, dataset: Dataset, metric: MetricName): Scorer {
  const perSample = new Float64Array(dataset.samples);
  const given: Float64Array[] = [];
  const wanted: Float64Array[] = [];
  let kept = 0;
  const of = { mse: squaredErrorOf, mae: absoluteErrorOf, cosine: cosineOf, kl: divergenceOf };
  return {
    fetches: [output.name],
    add(batch, size, outputs, reference) {
      const value = outputOf(outputs, output.name);
      const target = reference
        ? otherOutput(reference, output.name, position)
        : batch.expected?.[output.name];
      if (!target)
        throw badRequest(
          `${dataset.path} does not say what the output "${output.name}" should be: ${metric} needs an array or a column of that name (or "target"), or a reference model.`,
        );
      if (value.type === 'string' || target.type === 'string')
        throw unsupported(`The output "${output.name}" is text, which ${metric} cannot compare.`);
      const own = sampleRows(output.name, value, size, batch.count);
      const theirs = sampleRows(output.name, target, reference ? size : batch.count, batch.count);
      own.forEach((row, i) => {
        const should = theirs[i]!;
        if (row.length !== should.length)
          throw badRequest(
            `The output "${output.name}" gives ${row.length} values for a sample, and ${should.length} are wanted (sample ${batch.from + i}). Check that the data belongs to this model.`,
          );
        if (metric === 'r2') {
          kept += row.length;
          if (kept > mostValues)
            throw badRequest('R² keeps every value, and these are too many. Use mse, or fewer samples.');
          given.push(row);
          wanted.push(should);
        } else perSample[batch.from + i] = of[metric as keyof typeof of](row, should);
      });
    },
    finish() {
      if (metric !== 'r2') return { sampled: meanOf(perSample) };
      const width = wanted[0]?.length ?? 1;
      const flat = (rows: readonly Float64Array[]) => {
        const all = new Float64Array(rows.length * width);
        rows.forEach((row, i) => all.set(row, i * width));
        return all;
      };
      return { sampled: determination(flat(given), flat(wanted), width) };
    },
  };
}

function boxScorer(outputs: readonly SessionValue[], dataset: Dataset, style: BoxStyle): Scorer {
  const truth = dataset.boxes;
  if (!truth)
    throw badRequest(
      `${dataset.path} has no true boxes: map needs "boxes" (samples × K × 4 corners x1, y1, x2, y2) and "box_labels" (samples × K, −1 where there is none).`,
    );
  const images: BoxImage[] = [];
  return {
    add({ from, count }, size, values) {
      const found = foundBoxes(outputs, values, size);
      for (let i = 0; i < count; i += 1) images.push({ truth: truth[from + i]!, found: found[i]! });
    },
    finish() {
      const scores = meanAveragePrecision(images, style);
      const perClass = scores.perClass.map(({ label, value, boxes }) => ({
        label,
        samples: boxes,
        averagePrecision: value,
      }));
      return { sampled: scores, details: { perClass } };
    },
  };
}
