// Rules that look at the weights themselves. The values come in as facts that were gathered while the file was
// streamed (recipes/check.ts): nothing is read here.

import { eachInSteps, type Steps } from '../../base/task';
import { DataType } from '../../ir/dataType';
import type { Model } from '../../ir/model';
import type { Tensor } from '../../ir/tensor';
import { tensorBytes } from '../summary';
import { quoted, type Findings } from './findings';
import { ruleOf } from './rules';

/** What a tensor's values are like. */
export interface WeightFacts {
  /** Digest of its bytes. */
  readonly digest: string;
  /** Of float types: how many are NaN or infinite. */
  readonly nonFinite: number;
  /** The largest finite magnitude; 0 for other types. */
  readonly largest: number;
}

const smallestTwin = 1024;
const worthHalving = 1_000_000;
const largestHalf = 65504;

/** Reports what the facts of the main graph's initializers say. */
export function* checkWeights(
  model: Model,
  facts: ReadonlyMap<Tensor, WeightFacts>,
  findings: Findings,
): Steps<void> {
  const first = new Map<string, Tensor>();
  let twins = 0;
  let wasted = 0;
  let example: [Tensor, Tensor] | undefined;
  let floats = 0;
  let largest = 0;
  let sick: { tensor: Tensor; count: number } | undefined;
  let sickTensors = 0;
  yield* eachInSteps(model.graph.initializers, (tensor) => {
    const known = facts.get(tensor);
    if (!known) return;
    const bytes = tensorBytes(tensor);
    const key = `${tensor.dataType} ${tensor.dims.join('×')} ${known.digest}`;
    const twin = first.get(key);
    if (!twin) first.set(key, tensor);
    else if (bytes >= smallestTwin) {
      twins += 1;
      wasted += bytes;
      example ??= [tensor, twin];
    }
    if (tensor.dataType === DataType.FLOAT) {
      floats += bytes;
      largest = Math.max(largest, known.largest);
    }
    if (known.nonFinite > 0) {
      sickTensors += 1;
      sick ??= { tensor, count: known.nonFinite };
    }
  });
  if (example) {
    const more = twins > 1 ? ` (and ${twins - 1} more like it)` : '';
    findings.add(
      ruleOf('size/duplicate-initializer').severity,
      'size/duplicate-initializer',
      `${quoted(example[0].name)} holds the same as ${quoted(example[1].name)}${more}: ${megabytes(wasted)} stored twice.`,
      { value: example[0].name },
    );
  }
  if (sick) {
    findings.add(
      ruleOf('safety/non-finite').severity,
      'safety/non-finite',
      `${quoted(sick.tensor.name)} holds ${sick.count.toLocaleString('en')} value${sick.count === 1 ? '' : 's'} that are not finite${sickTensors > 1 ? ` (and ${sickTensors - 1} more initializers)` : ''}.`,
      { value: sick.tensor.name },
    );
  }
  if (floats >= worthHalving && largest <= largestHalf && !sick) {
    findings.add(
      ruleOf('size/half-fits').severity,
      'size/half-fits',
      `${megabytes(floats)} of weights are float32 and lie within half precision (the largest is ${Number(largest.toPrecision(3))}): half the bytes would hold them.`,
    );
  }
}

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 2 : 1)} MB`;
